-- The ioctls of NetBSD's lua(4) on the emulated device, line by line of that page, on the structs of NetBSD's own
-- header.

local ffi = require "ffi"
local S = require "callgate"
local lua4 = require "callgate.lua4"
local netbsd = require "callgate.bound.netbsd_lua"
local state = require "callgate.state"
local t = ...

local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""
local on = assert(loadfile(here .. "lua4_device.lua"))(t)
local dev = on.device
local create, destroy, require_module, load_path = on.create, on.destroy, on.require_module, on.load_path
local register, load, value, count, names, it = on.register, on.load, on.value, on.count, on.names, on.it
local refused, states_type = on.refused, on.states_type

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
    refused("ENXIO", create "_mine")
    t.equal(count(), 0)
  end)

  it("refuses the name of a state there is, whoever made it: EBUSY", function()
    t.equal(create "twice", 0)
    refused("EBUSY", create "twice")
    t.ok(state.create("kernels", { user = false }))
    refused("EBUSY", create "kernels")
    t.equal(count(), 2)
  end)

  it("cuts a name that fills its field to 15 bytes, a description to 63", function()
    t.equal(create(("n"):rep(16), ("d"):rep(64)), 0)
    t.same(names(), { ("n"):rep(15) })
    t.equal(state.lookup(("n"):rep(15)):info().desc, ("d"):rep(63))
    refused("EBUSY", create(("n"):rep(15)))
  end)

  it("takes any bytes as a name but NUL", function()
    t.equal(create "a b/\255", 0)
    t.same(names(), { "a b/\255" })
  end)

  it("takes an empty name, as NetBSD does", function()
    t.equal(create "", 0)
    t.same(names(), { "" })
    refused("EBUSY", create "")
  end)

  it("is short of memory where the program allows no more states: ENOMEM", function()
    local before = state.config.maxstates
    state.config.maxstates = 1
    t.equal(create "one", 0)
    refused("ENOMEM", create "two")
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
    refused("EBUSY", destroy "nobody")
  end)

  it("refuses a state that the kernel made: EBUSY", function()
    t.ok(state.create("kernels", { user = false }))
    refused("EBUSY", destroy "kernels")
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
    refused("ENXIO", require_module("nobody", "answers"))
  end)

  it("refuses an unknown module: ENXIO", function()
    t.equal(create "user", 0)
    refused("ENXIO", require_module("user", "nomodule"))
  end)

  it("refuses a module that the state has: ENXIO", function()
    register("answers", "return { answer = 42 }")
    t.equal(create "user", 0)
    t.equal(create "other", 0)
    t.equal(require_module("user", "answers"), 0)
    refused("ENXIO", require_module("user", "answers"))
    t.equal(require_module("other", "answers"), 0)
  end)

  it("refuses a module that the state's own require has given it: ENXIO", function()
    register("answers", "return { answer = 42 }")
    t.equal(create "user", 0)
    t.equal(load("user", "a = require 'answers'"), 0)
    refused("ENXIO", require_module("user", "answers"))
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
    refused("ENXIO", require_module("user", "sleeping"))
    lua4.path = before
  end)

  it("is refused when the module itself fails: EINVAL", function()
    register("broken", "local x = nil; x()")
    t.equal(create "user", 0)
    refused("EINVAL", require_module("user", "broken"))
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
    refused("ENXIO", load_path("runs", "file.lua"))
    refused("ENXIO", load_path("nobody", "file.lua"))
    refused("ENXIO", load_path("runs", ""))
  end)

  it("refuses an unknown state: ENXIO", function()
    refused("ENXIO", load("nobody", "x = 1"))
    refused("ENXIO", load_path("nobody", t.path "absent.lua"))
  end)

  it("says why a file does not open, in NetBSD's numbers", function()
    t.equal(create "runs", 0)
    refused("ENOENT", load_path("runs", t.path "absent.lua"))
    refused("ENOTDIR", load_path("runs", t.write("file", "") .. "/file.lua"))
    assert(S.symlink("loop", t.path "loop"))
    refused("ELOOP", load_path("runs", t.path "loop"))
    refused("ENAMETOOLONG", load_path("runs", "/" .. ("a"):rep(300)))
    assert(S.unlink(t.path "loop"))
  end)

  it("refuses what is no regular file: EINVAL, without waiting for a pipe", function()
    t.equal(create "runs", 0)
    refused("EINVAL", load_path("runs", t.path "."))
    refused("EINVAL", load_path("runs", "/dev/null"))
    assert(S.mknod(t.path "fifo", S.S_IFIFO + 384))
    refused("EINVAL", load_path("runs", t.path "fifo"))
    assert(S.unlink(t.path "fifo"))
  end)

  it("refuses a syntax error: EINVAL", function()
    t.equal(create "runs", 0)
    refused("EINVAL", load("runs", "x = = 1"))
  end)

  it("refuses code that fails: EINVAL; what it did before stays", function()
    t.equal(create "runs", 0)
    refused("EINVAL", load("runs", "x = 1; local y = nil; y.z = 2"))
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
    refused("ENOMEM", load("small", "local t = {} for i = 1, 1e7 do t[i] = {} end"))
    t.equal(load("small", "x = 1"), 0)
    t.equal(value("small", "x"), 1)
  end)

  it("reads 1023 bytes of a path that fills its field", function()
    t.equal(create "runs", 0)
    refused("ENAMETOOLONG", load_path("runs", "/" .. ("a"):rep(1023)))
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
    refused("EBUSY", create(("k"):rep(15)))
  end)
end)
