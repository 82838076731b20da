-- For LuaRocks: `luarocks make` in the checkout installs the library that stands in output/.
-- A release's is made from this one: see "A release" in CONTRIBUTING.md.
rockspec_format = "3.0"
package = "callgate"
version = "scm-1"
source = {
  url = ".", -- the checkout; a release names its archive
}
description = {
  summary = "The Linux system call interface for LuaJIT",
  detailed = [[
Every system call, constant and struct of Linux, generated from the kernel's headers and proved against C compilers.
Descriptors are objects, flags are names, failures are nil, message, errno. Needs LuaJIT 2.1 and no C compiler.]],
  license = "MIT",
  labels = { "linux", "ffi", "luajit", "syscall" },
}
supported_platforms = { "linux" }
dependencies = {
  "lua == 5.1", -- LuaJIT's language; that it is LuaJIT the library checks when it is loaded
}
build = {
  type = "command", -- hundreds of generated modules: what is copied need not be listed
  install_command = "cp -R output/callgate '$(LUADIR)' && cp bin/luactl '$(BINDIR)'",
  copy_directories = { "output/library", "docs", "examples" },
}
