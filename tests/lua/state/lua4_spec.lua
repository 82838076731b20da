-- The emulated device of NetBSD's lua(4), line by line of that page, on the structs of NetBSD's own header.

local bit = require "bit"
local ffi = require "ffi"
local S = require "callgate"
local lua4 = require "callgate.lua4"
local netbsd = require "callgate.bound.netbsd_lua"
local state = require "callgate.state"
local t = ...

local ENOENT, ENXIO, EBADF, ENOMEM, EFAULT, EBUSY, EINVAL, ENOTTY = 2, 6, 9, 12, 14, 16, 22, 25 -- sys/errno.h, NetBSD
local ENOTDIR, ELOOP, ENAMETOOLONG = 20, 62, 63

local MESSAGES = { -- strerror(3) there
  [ENOENT] = "No such file or directory", [ENXIO] = "Device not configured", [EBADF] = "Bad file descriptor",
  [ENOMEM] = "Cannot allocate memory", [EFAULT] = "Bad address", [EBUSY] = "Device busy",
  [EINVAL] = "Invalid argument", [ENOTTY] = "Inappropriate ioctl for device",
  [ENOTDIR] = "Not a directory", [ELOOP] = "Too many levels of symbolic links", [ENAMETOOLONG] = "File name too long",
}

-- Exactly nil, NetBSD's message, NetBSD's number.
local function refused(errno, ...)
  t.equal(select("#", ...), 3)
  local value, message, number = ...
  t.equal(value, nil)
  t.equal(number, errno)
  t.equal(message, MESSAGES[errno])
end

local dev = lua4.open()

local function set(record, fields)
  for name, text in pairs(fields) do
    ffi.copy(record[name], text, math.min(#text + 1, ffi.sizeof(record[name])))
  end
  return record
end

local function create(name, desc)
  return dev:ioctl(netbsd.LUACREATE, set(netbsd.t.lua_create(), { name = name, desc = desc or "" }))
end

local function destroy(name)
  return dev:ioctl(netbsd.LUADESTROY, set(netbsd.t.lua_create(), { name = name }))
end

local function require_module(name, module)
  return dev:ioctl(netbsd.LUAREQUIRE, set(netbsd.t.lua_require(), { state = name, module = module }))
end

local function load_path(name, path)
  return dev:ioctl(netbsd.LUALOAD, set(netbsd.t.lua_load(), { state = name, path = path }))
end

-- A kernel module of that name, for the running test.
local function register(name, source)
  state.register(name:sub(1, 31), nil)
  t.equal(lua4.register(name, source), true)
end

local files = 0

-- Runs `code` from a file of its own.
local function load(name, code)
  files = files + 1
  return load_path(name, t.write(("file%d.lua"):format(files), code))
end

-- What an expression is in a state.
local function value(name, expression)
  return state.lookup(name):exec("return " .. expression)
end

local states_type = ffi.typeof("$[?]", ffi.typeof(netbsd.t.lua_state_info()))

local function count()
  local info = netbsd.t.lua_info()
  t.equal(dev:ioctl(netbsd.LUAINFO, info), 0)
  return info.num_states
end

local function names()
  local info = netbsd.t.lua_info()
  local room = count()
  local states = ffi.new(states_type, room + 1)
  info.num_states, info.states = room, states
  t.equal(dev:ioctl(netbsd.LUAINFO, info), 0)
  local found = {}
  for i = 0, info.num_states - 1 do
    found[#found + 1] = ffi.string(states[i].name)
  end
  return found
end

-- A test among no other states, with the variables at their defaults.
local function it(title, body)
  t.it(title, function()
    state.closeall()
    for name, default in pairs { require = 1, autoload = 1, bytecode = 0, maxcount = 0, verbose = 0 } do
      t.ok(lua4.sysctl("kern.lua." .. name, default))
    end
    body()
    state.closeall()
  end)
end

t.describe("<sys/lua.h>", function()
  local is64 = ffi.abi "64bit"

  it("has MAX_LUA_NAME 16, MAX_LUA_DESC 64 and LUA_MAX_MODNAME 32", function()
    t.equal(netbsd.MAX_LUA_NAME, 16)
    t.equal(netbsd.MAX_LUA_DESC, 64)
    t.equal(netbsd.LUA_MAX_MODNAME, 32)
  end)

  it("struct lua_state_info is name, desc and user in 81 bytes without alignment", function()
    local info = ffi.typeof(netbsd.t.lua_state_info())
    t.equal(ffi.sizeof(info), 81)
    t.equal(ffi.alignof(info), 1)
    t.equal(ffi.offsetof(info, "name"), 0)
    t.equal(ffi.offsetof(info, "desc"), 16)
    t.equal(ffi.offsetof(info, "user"), 80)
  end)

  it("struct lua_info is num_states and states", function()
    local info = ffi.typeof(netbsd.t.lua_info())
    t.equal(ffi.sizeof(info), is64 and 16 or 8)
    t.equal(ffi.offsetof(info, "num_states"), 0)
    t.equal(ffi.offsetof(info, "states"), is64 and 8 or 4)
  end)

  it("struct lua_create is name and desc in 80 bytes", function()
    local create_type = ffi.typeof(netbsd.t.lua_create())
    t.equal(ffi.sizeof(create_type), 80)
    t.equal(ffi.offsetof(create_type, "desc"), 16)
  end)

  it("struct lua_require is state and module in 48 bytes", function()
    local require_type = ffi.typeof(netbsd.t.lua_require())
    t.equal(ffi.sizeof(require_type), 48)
    t.equal(ffi.offsetof(require_type, "module"), 16)
  end)

  it("struct lua_load is state and path[MAXPATHLEN] in 1040 bytes", function()
    local load_type = ffi.typeof(netbsd.t.lua_load())
    t.equal(ffi.sizeof(load_type), 1040)
    t.equal(ffi.offsetof(load_type, "path"), 16)
  end)

  it("numbers its ioctls as _IOWR('l', 0 to 4) of their structs", function()
    t.equal(netbsd.LUAINFO, is64 and 0xC0106C00 or 0xC0086C00)
    t.equal(netbsd.LUACREATE, 0xC0506C01)
    t.equal(netbsd.LUADESTROY, 0xC0506C02)
    t.equal(netbsd.LUAREQUIRE, 0xC0306C03)
    t.equal(netbsd.LUALOAD, 0xC4106C04)
  end)
end)

t.describe("LUACREATE", function()
  it("creates a new named Lua state with name and description", function()
    t.equal(create("one", "the first"), 0)
    local info = state.lookup("one"):info()
    t.equal(info.name, "one")
    t.equal(info.desc, "the first")
    t.equal(info.user, true)
  end)

  it("takes a state without a description", function()
    t.equal(create "plain", 0)
    t.equal(state.lookup("plain"):info().desc, "")
  end)

  it("refuses a name that begins with _: ENXIO", function()
    refused(ENXIO, create "_mine")
    t.equal(count(), 0)
  end)

  it("refuses the name of a state there is, whoever made it: EBUSY", function()
    t.equal(create "twice", 0)
    refused(EBUSY, create "twice")
    t.ok(state.create("kernels", { user = false }))
    refused(EBUSY, create "kernels")
    t.equal(count(), 2)
  end)

  it("cuts a name that fills its field to 15 bytes, a description to 63", function()
    t.equal(create(("n"):rep(16), ("d"):rep(64)), 0)
    t.same(names(), { ("n"):rep(15) })
    t.equal(state.lookup(("n"):rep(15)):info().desc, ("d"):rep(63))
    refused(EBUSY, create(("n"):rep(15)))
  end)

  it("takes any bytes as a name but NUL", function()
    t.equal(create "a b/\255", 0)
    t.same(names(), { "a b/\255" })
  end)

  it("takes an empty name, as NetBSD does", function()
    t.equal(create "", 0)
    t.same(names(), { "" })
    refused(EBUSY, create "")
  end)

  it("is short of memory where the program allows no more states: ENOMEM", function()
    local before = state.config.maxstates
    state.config.maxstates = 1
    t.equal(create "one", 0)
    refused(ENOMEM, create "two")
    state.config.maxstates = before
  end)
end)

t.describe("LUADESTROY", function()
  it("destroys a named Lua state", function()
    t.equal(create "gone", 0)
    t.equal(destroy "gone", 0)
    t.equal(state.lookup "gone", nil)
    t.equal(count(), 0)
    t.equal(create "gone", 0)
  end)

  it("refuses an unknown state: EBUSY", function()
    refused(EBUSY, destroy "nobody")
  end)

  it("refuses a state that the kernel made: EBUSY", function()
    t.ok(state.create("kernels", { user = false }))
    refused(EBUSY, destroy "kernels")
    t.same(names(), { "kernels" })
  end)

  it("runs the global function onClose first", function()
    t.equal(create "closing", 0)
    register("witness", [[
      local ffi = require "ffi"
      ffi.cdef 'int lua4_spec_mkdir(const char *, unsigned) __asm__("mkdir");'
      return { mkdir = function(path) return ffi.C.lua4_spec_mkdir(path, 448) end }]])
    t.equal(require_module("closing", "witness"), 0)
    local code = "function onClose(...) if not ... then witness.mkdir %q end end"
    t.equal(load("closing", code:format(t.path "closed")), 0)
    t.equal(S.stat(t.path "closed"), nil)
    t.equal(destroy "closing", 0)
    t.ok(S.stat(t.path "closed"))
    assert(S.rmdir(t.path "closed"))
  end)

  it("does not mind an onClose that fails, or is no function", function()
    t.equal(create "failing", 0)
    t.equal(load("failing", "function onClose() local x = nil; x() end"), 0)
    t.equal(destroy "failing", 0)
    t.equal(create "number", 0)
    t.equal(load("number", "onClose = 1"), 0)
    t.equal(destroy "number", 0)
    t.equal(count(), 0)
  end)
end)

t.describe("LUAREQUIRE", function()
  it("performs the equivalent of the Lua command require in a named state", function()
    register("answers", "return { answer = 42 }")
    t.equal(create "user", 0)
    t.equal(require_module("user", "answers"), 0)
    t.equal(value("user", "answers.answer"), 42)
    t.equal(value("user", "require('answers') == answers"), true)
  end)

  it("refuses an unknown state: ENXIO", function()
    register("answers", "return { answer = 42 }")
    refused(ENXIO, require_module("nobody", "answers"))
  end)

  it("refuses an unknown module: ENXIO", function()
    t.equal(create "user", 0)
    refused(ENXIO, require_module("user", "nomodule"))
  end)

  it("refuses a module that the state has: ENXIO", function()
    register("answers", "return { answer = 42 }")
    t.equal(create "user", 0)
    t.equal(create "other", 0)
    t.equal(require_module("user", "answers"), 0)
    refused(ENXIO, require_module("user", "answers"))
    t.equal(require_module("other", "answers"), 0)
  end)

  it("refuses a module that the state's own require has given it: ENXIO", function()
    register("answers", "return { answer = 42 }")
    t.equal(create "user", 0)
    t.equal(load("user", "a = require 'answers'"), 0)
    refused(ENXIO, require_module("user", "answers"))
  end)

  it("works where the sysctl takes the command away from scripts", function()
    t.ok(lua4.sysctl("kern.lua.require", 0))
    register("answers", "return { answer = 42 }")
    t.equal(create "user", 0)
    t.equal(require_module("user", "answers"), 0)
    t.equal(value("user", "answers.answer"), 42)
  end)

  it("loads no module by itself: only the Lua command does", function()
    t.write("luasleeping.kmod", "return { awake = true }")
    local before = lua4.path
    lua4.path = t.path "lua?.kmod"
    t.equal(create "user", 0)
    refused(ENXIO, require_module("user", "sleeping"))
    lua4.path = before
  end)

  it("is refused when the module itself fails: EINVAL", function()
    register("broken", "local x = nil; x()")
    t.equal(create "user", 0)
    refused(EINVAL, require_module("user", "broken"))
  end)

  it("reads 31 bytes of a name that fills its field", function()
    register(("m"):rep(40), "return { answer = 42 }")
    t.equal(create "user", 0)
    t.equal(require_module("user", ("m"):rep(32)), 0)
  end)
end)

t.describe("LUALOAD", function()
  it("loads Lua code from the filesystem into a named state, and runs it", function()
    t.equal(create "runs", 0)
    t.equal(load("runs", "x = 40 + 2"), 0)
    t.equal(value("runs", "x"), 42)
    t.equal(load("runs", "x = x + 1"), 0)
    t.equal(value("runs", "x"), 43)
  end)

  it("wants at least one / in the path: ENXIO, before it looks at anything else", function()
    t.equal(create "runs", 0)
    refused(ENXIO, load_path("runs", "file.lua"))
    refused(ENXIO, load_path("nobody", "file.lua"))
    refused(ENXIO, load_path("runs", ""))
  end)

  it("refuses an unknown state: ENXIO", function()
    refused(ENXIO, load("nobody", "x = 1"))
    refused(ENXIO, load_path("nobody", t.path "absent.lua"))
  end)

  it("says why a file does not open, in NetBSD's numbers", function()
    t.equal(create "runs", 0)
    refused(ENOENT, load_path("runs", t.path "absent.lua"))
    refused(ENOTDIR, load_path("runs", t.write("file", "") .. "/file.lua"))
    assert(S.symlink("loop", t.path "loop"))
    refused(ELOOP, load_path("runs", t.path "loop"))
    refused(ENAMETOOLONG, load_path("runs", "/" .. ("a"):rep(300)))
    assert(S.unlink(t.path "loop"))
  end)

  it("refuses what is no regular file: EINVAL, without waiting for a pipe", function()
    t.equal(create "runs", 0)
    refused(EINVAL, load_path("runs", t.path "."))
    refused(EINVAL, load_path("runs", "/dev/null"))
    assert(S.mknod(t.path "fifo", S.S_IFIFO + 384))
    refused(EINVAL, load_path("runs", t.path "fifo"))
    assert(S.unlink(t.path "fifo"))
  end)

  it("refuses a syntax error: EINVAL", function()
    t.equal(create "runs", 0)
    refused(EINVAL, load("runs", "x = = 1"))
  end)

  it("refuses code that fails: EINVAL; what it did before stays", function()
    t.equal(create "runs", 0)
    refused(EINVAL, load("runs", "x = 1; local y = nil; y.z = 2"))
    t.equal(value("runs", "x"), 1)
  end)

  it("takes an empty file, and code that returns what cannot leave its state", function()
    t.equal(create "runs", 0)
    t.equal(load("runs", ""), 0)
    t.equal(load("runs", "return nil, 'text', 5"), 0)
    t.equal(load("runs", "return function() end"), 0)
    t.equal(load("runs", "local a = {}; a.a = a; return a"), 0)
  end)

  it("gives the chunk its file's basename", function()
    t.equal(create "runs", 0)
    register("chunks", [[return { name = function(f)
      local ok, message = pcall(f)
      return message
    end }]])
    t.equal(require_module("runs", "chunks"), 0)
    local path = t.write("named.lua", "message = chunks.name(function() local x = nil; x() end)")
    t.equal(load_path("runs", path), 0)
    t.matches(value("runs", "message"), '^%[string "named.lua"%]:1: ')
  end)

  it("answers that memory is short with ENOMEM, and the state goes on", function()
    t.ok(state.create("small", { maxalloc = 512 * 1024 }))
    refused(ENOMEM, load("small", "local t = {} for i = 1, 1e7 do t[i] = {} end"))
    t.equal(load("small", "x = 1"), 0)
    t.equal(value("small", "x"), 1)
  end)

  it("reads 1023 bytes of a path that fills its field", function()
    t.equal(create "runs", 0)
    refused(ENAMETOOLONG, load_path("runs", "/" .. ("a"):rep(1023)))
  end)

  it("reads files of more than one buffer", function()
    t.equal(create "runs", 0)
    t.equal(load("runs", "x = '" .. ("y"):rep(100000) .. "'"), 0)
    t.equal(value("runs", "#x"), 100000)
  end)
end)

t.describe("LUAINFO", function()
  it("without room returns the total number of Lua states", function()
    t.equal(count(), 0)
    t.equal(create "a", 0)
    t.ok(state.create("b", { user = false }))
    t.equal(count(), 2)
  end)

  it("returns name, description and creator of each, the newest first", function()
    t.equal(create("a", "first"), 0)
    t.ok(state.create("b", { desc = "second", user = false }))
    t.equal(create "c", 0)
    local states = ffi.new(states_type, 4)
    local info = netbsd.t.lua_info()
    info.num_states, info.states = 3, states
    t.equal(dev:ioctl(netbsd.LUAINFO, info), 0)
    t.equal(info.num_states, 3)
    local found = {}
    for i = 0, 2 do
      found[i + 1] = { ffi.string(states[i].name), ffi.string(states[i].desc), states[i].user }
    end
    t.same(found, { { "c", "", true }, { "b", "second", false }, { "a", "first", true } })
  end)

  it("fills no more than the room it was told of", function()
    for _, name in ipairs { "a", "b", "c" } do
      t.equal(create(name), 0)
    end
    for room = 0, 4 do
      local states = ffi.new(states_type, 6)
      ffi.fill(states, ffi.sizeof(states), 0xAA)
      local info = netbsd.t.lua_info()
      info.num_states, info.states = room, states
      t.equal(dev:ioctl(netbsd.LUAINFO, info), 0)
      t.equal(info.num_states, math.min(room, 3))
      for i = math.min(room, 3), 5 do
        t.equal(ffi.cast("uint8_t *", states[i].name)[0], 0xAA)
      end
    end
    local info = netbsd.t.lua_info()
    info.num_states, info.states = -1, ffi.new(states_type, 1)
    t.equal(dev:ioctl(netbsd.LUAINFO, info), 0)
    t.equal(info.num_states, 0)
  end)

  it("shows long names and descriptions of the kernel's as far as the fields go", function()
    t.ok(state.create(("k"):rep(20), { desc = ("d"):rep(100), user = false }))
    t.same(names(), { ("k"):rep(15) })
    refused(EBUSY, create(("k"):rep(15)))
  end)
end)

t.describe("sysctl", function()
  it("has the variables of the page, with their defaults", function()
    t.equal(lua4.sysctl "kern.lua.autoload", 1)
    t.equal(lua4.sysctl "kern.lua.bytecode", 0)
    t.equal(lua4.sysctl "kern.lua.maxcount", 0)
    t.equal(lua4.sysctl "kern.lua.require", 1)
    t.equal(lua4.sysctl "kern.lua.verbose", 0)
  end)

  it("sets a variable and returns what it was", function()
    t.equal(lua4.sysctl("kern.lua.maxcount", 1000), 0)
    t.equal(lua4.sysctl("kern.lua.maxcount", 0), 1000)
    t.equal(lua4.sysctl("kern.lua.bytecode", true), 0)
    t.equal(lua4.sysctl("kern.lua.bytecode", false), 1)
  end)

  it("knows no other names: ENOENT", function()
    refused(ENOENT, lua4.sysctl "kern.lua.requires")
    refused(ENOENT, lua4.sysctl "kern.lua")
    refused(ENOENT, lua4.sysctl("kern.lua.autolod", 1))
    refused(ENOENT, lua4.sysctl(nil))
  end)

  it("takes no value of another type: EINVAL, and nothing changes", function()
    for _, wrong in ipairs { 2, -1, 0.5, "1", {} } do
      refused(EINVAL, lua4.sysctl("kern.lua.require", wrong))
    end
    refused(EINVAL, lua4.sysctl("kern.lua.require", nil))
    for _, wrong in ipairs { 1.5, 2 ^ 31, "7", true, 0 / 0 } do
      refused(EINVAL, lua4.sysctl("kern.lua.maxcount", wrong))
    end
    t.equal(lua4.sysctl "kern.lua.require", 1)
    t.equal(lua4.sysctl "kern.lua.maxcount", 0)
  end)

  it("kern.lua.require enables the require command, of states made from then on", function()
    t.equal(create "with", 0)
    t.equal(value("with", "require ~= nil"), true)
    t.ok(lua4.sysctl("kern.lua.require", 0))
    t.equal(create "without", 0)
    t.equal(value("without", "require"), nil)
    t.equal(value("with", "require ~= nil"), true)
    refused(EINVAL, load("without", "require 'anything'"))
  end)

  it("kern.lua.autoload: require 'foo' loads luafoo.kmod", function()
    t.write("luafoo.kmod", "return { bar = 5 }")
    local before = lua4.path
    lua4.path = t.path "lua?.kmod"
    t.equal(create "loads", 0)
    t.equal(load("loads", "x = require('foo').bar"), 0)
    t.equal(value("loads", "x"), 5)
    t.ok(lua4.sysctl("kern.lua.autoload", 0))
    t.equal(create "loads not", 0)
    refused(EINVAL, load("loads not", "x = require('foo').bar"))
    lua4.path = before
  end)

  it("kern.lua.autoload takes no module name with a /", function()
    t.write("luafoo3.kmod", "return {}")
    local before = lua4.path
    lua4.path = t.path "lua?.kmod"
    t.equal(create "loads", 0)
    refused(EINVAL, load("loads", "require '/foo3'"))
    refused(EINVAL, load("loads", ("require '../luafoo3'")))
    lua4.path = before
  end)

  it("kern.lua.bytecode allows the loading of bytecode", function()
    local bytecode = string.dump(loadstring "x = 7")
    t.equal(create "compiled", 0)
    refused(EINVAL, load("compiled", bytecode))
    t.equal(value("compiled", "x"), nil)
    t.ok(lua4.sysctl("kern.lua.bytecode", 1))
    t.equal(load("compiled", bytecode), 0)
    t.equal(value("compiled", "x"), 7)
    t.ok(lua4.sysctl("kern.lua.bytecode", 0))
    refused(EINVAL, load("compiled", bytecode))
  end)

  it("kern.lua.maxcount limits the number of instructions: EINVAL", function()
    t.equal(create "endless", 0)
    t.ok(lua4.sysctl("kern.lua.maxcount", 10000))
    refused(EINVAL, load("endless", "x = 1 while true do end"))
    t.equal(value("endless", "x"), 1)
    t.equal(load("endless", "for i = 1, 100 do x = i end"), 0)
    t.equal(value("endless", "x"), 100)
    t.ok(lua4.sysctl("kern.lua.maxcount", 0))
    t.equal(load("endless", "for i = 1, 100000 do x = i end"), 0)
  end)

  it("kern.lua.verbose > 0 says what the device does, and why it refuses", function()
    local said = {}
    local before = lua4.console
    lua4.console = function(text) said[#said + 1] = text end
    t.equal(create "quiet", 0)
    t.same(said, {})
    t.ok(lua4.sysctl("kern.lua.verbose", 1))
    t.equal(create "loud", 0)
    t.matches(said[#said], "loud")
    refused(EBUSY, create "loud")
    t.matches(said[#said], "loud")
    refused(ENXIO, create "_loud")
    t.matches(said[#said], "_")
    refused(EINVAL, load("loud", "x = = 1"))
    t.matches(said[#said], "unexpected symbol near '='")
    refused(EINVAL, load("loud", "local x = nil; x()"))
    t.matches(said[#said], "attempt to call local 'x'")
    refused(EINVAL, load("loud", "\27LJ"))
    t.matches(said[#said], "bytecode")
    refused(ENOENT, load_path("loud", t.path "absent.lua"))
    t.matches(said[#said], "No such file or directory")
    t.equal(destroy "loud", 0)
    t.matches(said[#said], "loud")
    lua4.console = before
  end)
end)

t.describe("a state of the device", function()
  it("has no standard library, nothing but require", function()
    t.equal(create "bare", 0)
    for _, name in ipairs { "print", "pcall", "string", "os", "io", "debug", "ffi", "jit", "package", "_G", "load" } do
      t.equal(value("bare", ("%s == nil"):format(name)), true)
    end
    t.equal(value("bare", "require ~= nil"), true)
  end)

  it("gets the same module from every require", function()
    register("counts", "return { count = 0 }")
    t.equal(create "twice", 0)
    t.equal(load("twice", "local c = require 'counts'; c.count = c.count + 1"), 0)
    t.equal(load("twice", "local c = require 'counts'; c.count = c.count + 1; x = c.count"), 0)
    t.equal(value("twice", "x"), 2)
    t.equal(value("twice", "counts"), nil) -- no global: that is LUAREQUIRE's
  end)

  it("gets an error from the require of an unknown module", function()
    t.equal(create "asks", 0)
    refused(EINVAL, load("asks", "require 'nomodule'"))
  end)

  it("shares nothing with another", function()
    t.equal(create "a", 0)
    t.equal(create "b", 0)
    t.equal(load("a", "x = 1"), 0)
    t.equal(value("b", "x"), nil)
  end)
end)

t.describe("a kernel module", function()
  it("provides what the language has not: it sees all of Lua, and the script does not", function()
    register("upper", "return { upper = function(text) return string.upper(text) end }")
    t.equal(create "user", 0)
    t.equal(load("user", "x = require('upper').upper 'abc'"), 0)
    t.equal(value("user", "x"), "ABC")
    t.equal(value("user", "string"), nil)
  end)

  it("requires others, and what LuaJIT has", function()
    register("inner", "return { number = 5 }")
    register("outer", "return { number = require('inner').number + require('bit').lshift(1, 4), size = "
      .. "require('ffi').sizeof 'int' }")
    t.equal(create "user", 0)
    t.equal(load("user", "o = require 'outer'; same = require 'inner' == require 'inner'"), 0)
    t.equal(value("user", "o.number"), 21)
    t.equal(value("user", "o.size"), 4)
    t.equal(value("user", "same"), true)
  end)

  it("keeps its own globals out of the script's", function()
    register("global", "leak = 1; return { leak = function() return leak end }")
    t.equal(create "user", 0)
    t.equal(require_module("user", "global"), 0)
    t.equal(value("user", "global.leak()"), 1)
    t.equal(value("user", "leak"), nil)
  end)

  it("with a pcall does not let a script out of its limit", function()
    register("safe", "return { call = function(f) while true do pcall(f) end end }")
    t.equal(create "user", 0)
    t.equal(require_module("user", "safe"), 0)
    t.ok(lua4.sysctl("kern.lua.maxcount", 20000))
    refused(EINVAL, load("user", "safe.call(function() while true do end end)"))
    t.equal(load("user", "x = 1"), 0)
  end)

  it("is registered once, under 31 bytes of its name: EBUSY", function()
    register("once", "return {}")
    refused(EBUSY, lua4.register("once", "return {}"))
    register(("l"):rep(31), "return {}")
    refused(EBUSY, lua4.register(("l"):rep(40), "return {}"))
    t.ok(state.register("plain", "return { number = 6 }"))
    refused(EBUSY, lua4.register("plain", "return {}"))
    t.equal(create "user", 0)
    t.equal(require_module("user", "plain"), 0)
    t.equal(value("user", "plain.number"), 6)
  end)

  it("that is none is a Lua error", function()
    t.raises("register: argument 1 (name): expected a module's name, got nil", lua4.register, nil, "return {}")
    t.raises("register: argument 2 (source): expected the text of a chunk, got nil", lua4.register, "name")
  end)
end)

t.describe("a state of the kernel's", function()
  it("takes files and modules like any other", function()
    register("answers", "return { answer = 42 }")
    t.ok(state.create("driver", { user = false }))
    t.equal(require_module("driver", "answers"), 0)
    t.equal(load("driver", "x = string.rep('a', answers.answer)"), 0)
    t.equal(value("driver", "#x"), 42)
  end)

  it("keeps a limit of its own while kern.lua.maxcount is 0", function()
    t.ok(state.create("driver", { user = false, maxcount = 5000 }))
    refused(EINVAL, load("driver", "while true do end"))
    t.ok(lua4.sysctl("kern.lua.maxcount", 1000))
    t.equal(load("driver", "x = 1"), 0)
    t.equal(state.lookup("driver"):info().maxcount, 1000)
  end)

  it("that has all libraries and no limit takes none: EINVAL", function()
    t.ok(state.create("driver", { user = false, libs = "all" }))
    t.equal(load("driver", "x = 1"), 0)
    t.ok(lua4.sysctl("kern.lua.maxcount", 1000))
    refused(EINVAL, load("driver", "x = 2"))
    t.equal(value("driver", "x"), 1)
  end)

  it("is one of callgate.klua9, which locks and closes it", function()
    local klua9 = require "callgate.klua9"
    local K = t.ok(klua9.kluaL_newstate("acpi", "power events", klua9.IPL_NONE))
    t.same(names(), { "acpi" })
    t.equal(state.lookup("acpi"):info().desc, "power events")
    refused(EBUSY, create "acpi")
    refused(EBUSY, destroy "acpi")
    klua9.klua_lock(K)
    refused(EBUSY, load("acpi", "x = 1"))
    klua9.klua_unlock(K)
    t.equal(load("acpi", "x = 1"), 0)
    klua9.klua_close(K)
    t.equal(count(), 0)
  end)

  it("without a name is not listed", function()
    local unnamed = t.ok(state.create(nil, { user = false }))
    t.equal(count(), 0)
    t.equal(unnamed:close(), true)
  end)
end)

t.describe("a state that is in use", function()
  it("is refused while it is locked: EBUSY", function()
    register("answers", "return { answer = 42 }")
    t.equal(create "held", 0)
    local held = state.lookup "held"
    t.equal(held:lock(), true)
    refused(EBUSY, load("held", "x = 1"))
    refused(EBUSY, require_module("held", "answers"))
    refused(EBUSY, destroy "held")
    t.equal(held:unlock(), true)
    t.equal(load("held", "x = 1"), 0)
    t.equal(destroy "held", 0)
  end)

  it("is not destroyed while somebody has it: EBUSY", function()
    t.equal(create "held", 0)
    local held = state.lookup "held"
    t.ok(held:get())
    refused(EBUSY, destroy "held")
    t.ok(held:put())
    t.equal(destroy "held", 0)
  end)

  it("is refused while its thread runs: EBUSY; the list shows it", function()
    t.ok(state.create("threaded", { jit = false })) -- compiled code does not stop
    local st = state.lookup "threaded"
    t.equal(st:script "return function() while true do end end", true)
    local job = t.ok(st:thread())
    refused(EBUSY, load("threaded", "x = 1"))
    refused(EBUSY, destroy "threaded")
    t.same(names(), { "threaded" })
    job:stop()
    job:join()
    t.equal(destroy "threaded", 0)
  end)
end)

t.describe("the device", function()
  it("knows no other ioctls: ENOTTY", function()
    refused(ENOTTY, dev:ioctl(0x6C05, netbsd.t.lua_create()))
    refused(ENOTTY, dev:ioctl(netbsd.LUACREATE + 0x10000, netbsd.t.lua_create()))
    refused(ENOTTY, dev:ioctl(0, nil))
  end)

  it("takes a request as the signed number that int makes of it", function()
    t.equal(dev:ioctl(bit.tobit(netbsd.LUAINFO), netbsd.t.lua_info()), 0)
    t.equal(dev:ioctl(ffi.new("unsigned long", netbsd.LUAINFO), netbsd.t.lua_info()), 0)
  end)

  it("takes a pointer to the struct, and to the same bytes", function()
    local record = set(netbsd.t.lua_create(), { name = "pointed" })
    t.equal(dev:ioctl(netbsd.LUACREATE, ffi.cast("void *", record)), 0)
    local bytes = ffi.new("char[80]", "bytes")
    t.equal(dev:ioctl(netbsd.LUACREATE, bytes), 0)
    t.same(names(), { "bytes", "pointed" })
  end)

  it("refuses no memory: EFAULT", function()
    refused(EFAULT, dev:ioctl(netbsd.LUACREATE, nil))
    refused(EFAULT, dev:ioctl(netbsd.LUAINFO, ffi.cast("void *", 0)))
  end)

  it("raises on what is no argument for an ioctl", function()
    t.raises("ioctl: argument 1 (request): expected a number, got \"LUAINFO\" (string)", dev.ioctl, dev, "LUAINFO", nil)
    t.raises("ioctl: argument 2 (argument): expected memory to write to, got \"name\" (string)",
      dev.ioctl, dev, netbsd.LUACREATE, "name")
    t.raises("ioctl: argument 2 (argument): expected 80 bytes (struct lua_create), got 4",
      dev.ioctl, dev, netbsd.LUACREATE, ffi.new "int[1]")
  end)

  it("may be open more than once, and is closed once: EBADF", function()
    local first, second = lua4.open(), lua4.open()
    t.equal(first:close(), true)
    refused(EBADF, first:close())
    refused(EBADF, first:ioctl(netbsd.LUAINFO, netbsd.t.lua_info()))
    t.equal(second:ioctl(netbsd.LUAINFO, netbsd.t.lua_info()), 0)
    t.equal(second:close(), true)
  end)

  it("leaves its states alive when it is closed", function()
    local first = lua4.open()
    t.equal(first:ioctl(netbsd.LUACREATE, set(netbsd.t.lua_create(), { name = "stays" })), 0)
    t.equal(first:close(), true)
    t.same(names(), { "stays" })
  end)
end)
