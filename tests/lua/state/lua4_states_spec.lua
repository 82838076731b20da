-- What else the page of NetBSD's lua(4) says: the sysctls, modules, what a state has, who may use it; and the
-- emulated device itself.

local bit = require "bit"
local ffi = require "ffi"
local S = require "callgate"
local lua4 = require "callgate.lua4"
local netbsd = require "callgate.bound.netbsd_lua"
local state = require "callgate.state"
local t = ...

local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""
local on = assert(loadfile(here .. "lua4_device.lua"))(t)
local dev = on.device
local set, create, destroy, require_module, load_path = on.set, on.create, on.destroy, on.require_module, on.load_path
local register, load, value, count, names = on.register, on.load, on.value, on.count, on.names
local it, refused = on.it, on.refused

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
    refused("ENOENT", lua4.sysctl "kern.lua.requires")
    refused("ENOENT", lua4.sysctl "kern.lua")
    refused("ENOENT", lua4.sysctl("kern.lua.autolod", 1))
    refused("ENOENT", lua4.sysctl(nil))
  end)

  it("takes no value of another type: EINVAL, and nothing changes", function()
    for _, wrong in ipairs { 2, -1, 0.5, "1", {} } do
      refused("EINVAL", lua4.sysctl("kern.lua.require", wrong))
    end
    refused("EINVAL", lua4.sysctl("kern.lua.require", nil))
    for _, wrong in ipairs { 1.5, 2 ^ 31, "7", true, 0 / 0 } do
      refused("EINVAL", lua4.sysctl("kern.lua.maxcount", wrong))
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
    refused("EINVAL", load("without", "require 'anything'"))
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
    refused("EINVAL", load("loads not", "x = require('foo').bar"))
    lua4.path = before
  end)

  it("kern.lua.autoload takes no module name with a /", function()
    t.write("luafoo3.kmod", "return {}")
    local before = lua4.path
    lua4.path = t.path "lua?.kmod"
    t.equal(create "loads", 0)
    refused("EINVAL", load("loads", "require '/foo3'"))
    refused("EINVAL", load("loads", ("require '../luafoo3'")))
    lua4.path = before
  end)

  it("lua4.path says where; nothing else than a template is one, and an empty one is nowhere", function()
    t.write("luafoo4.kmod", "return {}")
    local before = lua4.path
    lua4.path = nil
    t.raises('lua4.path: expected a template such as "./lua?.kmod", or "" for none, got nil', create, "none")
    lua4.path = 5
    t.raises('lua4.path: expected a template such as "./lua?.kmod", or "" for none, got 5', create, "none")
    t.equal(state.lookup "none", nil)
    lua4.path = ""
    t.equal(create "nowhere", 0)
    refused("EINVAL", load("nowhere", "require 'callgate.suggest'"))
    lua4.path = before
  end)

  it("kern.lua.bytecode allows the loading of bytecode", function()
    local bytecode = string.dump(loadstring "x = 7")
    t.equal(create "compiled", 0)
    refused("EINVAL", load("compiled", bytecode))
    t.equal(value("compiled", "x"), nil)
    t.ok(lua4.sysctl("kern.lua.bytecode", 1))
    t.equal(load("compiled", bytecode), 0)
    t.equal(value("compiled", "x"), 7)
    t.ok(lua4.sysctl("kern.lua.bytecode", 0))
    refused("EINVAL", load("compiled", bytecode))
  end)

  it("kern.lua.maxcount limits the number of instructions: EINVAL", function()
    t.equal(create "endless", 0)
    t.ok(lua4.sysctl("kern.lua.maxcount", 10000))
    refused("EINVAL", load("endless", "x = 1 while true do end"))
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
    refused("EBUSY", create "loud")
    t.matches(said[#said], "loud")
    refused("ENXIO", create "_loud")
    t.matches(said[#said], "_")
    refused("EINVAL", load("loud", "x = = 1"))
    t.matches(said[#said], "unexpected symbol near '='")
    refused("EINVAL", load("loud", "local x = nil; x()"))
    t.matches(said[#said], "attempt to call local 'x'")
    refused("EINVAL", load("loud", "\27LJ"))
    t.matches(said[#said], "bytecode")
    refused("ENOENT", load_path("loud", t.path "absent.lua"))
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
    refused("EINVAL", load("asks", "require 'nomodule'"))
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
    refused("EINVAL", load("user", "safe.call(function() while true do end end)"))
    t.equal(load("user", "x = 1"), 0)
  end)

  it("is registered once, under 31 bytes of its name: EBUSY", function()
    register("once", "return {}")
    refused("EBUSY", lua4.register("once", "return {}"))
    register(("l"):rep(31), "return {}")
    refused("EBUSY", lua4.register(("l"):rep(40), "return {}"))
    t.ok(state.register("plain", "return { number = 6 }"))
    refused("EBUSY", lua4.register("plain", "return {}"))
    t.equal(create "user", 0)
    t.equal(require_module("user", "plain"), 0)
    t.equal(value("user", "plain.number"), 6)
  end)

  it("that is none is a Lua error", function()
    t.raises("register: argument 1 (name): expected a module's name, got nil", lua4.register, nil, "return {}")
    t.raises("register: argument 2 (source): expected the text of a chunk, got nil", lua4.register, "name")
  end)
end)

t.describe("the core", function()
  it("runs a chunk whose results stay inside", function()
    local st = t.ok(state.create "runs")
    t.equal(st:run "x = 5; return function() end", true)
    t.equal(st:exec "return x", 5)
    local ok, message, errno = st:run("error 'no'", "=named")
    t.same({ ok == nil, message, errno }, { true, "named:1: no", S.EINVAL })
    t.raises("run: argument 1 (chunk): expected a string, got nil", st.run, st)
    t.ok(st:close())
    t.fails("ENOENT", st:run "x = 1")
  end)

  it("takes bytecode for one chunk, whatever was said when the state was made", function()
    local bytecode = string.dump(loadstring "x = 6")
    local without, with = t.ok(state.create "without"), t.ok(state.create("with", { bytecode = true }))
    t.equal(select(3, without:run(bytecode)), S.EINVAL)
    t.equal(without:run(bytecode, nil, true), true)
    t.equal(with:run(bytecode), true)
    t.equal(select(3, with:run(bytecode, nil, false)), S.EINVAL)
    t.equal(without:exec "return x", 6)
  end)

  it("makes a module that it requires a global, when that is asked for", function()
    t.ok(state.register("answers", "return { answer = 42 }"))
    local st = t.ok(state.create("asks", { libs = {} }))
    t.equal(st:require "answers", true)
    t.equal(st:exec "return answers", nil)
    t.ok(state.register("others", "return { answer = 43 }"))
    t.equal(st:require("others", true), true)
    t.equal(st:exec "return others.answer", 43)
  end)

  it("keeps what a trusted module sees from one that is not", function()
    local st = t.ok(state.create("trust", { libs = {} }))
    t.ok(state.register("plain", "return { sees = string ~= nil }"))
    t.ok(state.register("trusted", "return { sees = string ~= nil }", { trusted = true }))
    t.ok(st:require("plain", true))
    t.ok(st:require("trusted", true))
    t.equal(st:exec "return plain.sees", false)
    t.equal(st:exec "return trusted.sees", true)
    t.ok(state.register("trusted", "return { sees = string ~= nil }")) -- it is none any more
    local other = t.ok(state.create("other", { libs = {} }))
    t.ok(other:require("trusted", true))
    t.equal(other:exec "return trusted.sees", false)
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
    refused("EINVAL", load("driver", "while true do end"))
    t.ok(lua4.sysctl("kern.lua.maxcount", 1000))
    t.equal(load("driver", "x = 1"), 0)
    t.equal(state.lookup("driver"):info().maxcount, 1000)
  end)

  it("that has all libraries and no limit takes none: EINVAL", function()
    t.ok(state.create("driver", { user = false, libs = "all" }))
    t.equal(load("driver", "x = 1"), 0)
    t.ok(lua4.sysctl("kern.lua.maxcount", 1000))
    refused("EINVAL", load("driver", "x = 2"))
    t.equal(value("driver", "x"), 1)
  end)

  it("is one of callgate.klua9, which locks and closes it", function()
    local klua9 = require "callgate.klua9"
    local K = t.ok(klua9.kluaL_newstate("acpi", "power events", klua9.IPL_NONE))
    t.same(names(), { "acpi" })
    t.equal(state.lookup("acpi"):info().desc, "power events")
    refused("EBUSY", create "acpi")
    refused("EBUSY", destroy "acpi")
    klua9.klua_lock(K)
    refused("EBUSY", load("acpi", "x = 1"))
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
    refused("EBUSY", load("held", "x = 1"))
    refused("EBUSY", require_module("held", "answers"))
    refused("EBUSY", destroy "held")
    t.equal(held:unlock(), true)
    t.equal(load("held", "x = 1"), 0)
    t.equal(destroy "held", 0)
  end)

  it("is not destroyed while somebody has it: EBUSY", function()
    t.equal(create "held", 0)
    local held = state.lookup "held"
    t.ok(held:get())
    refused("EBUSY", destroy "held")
    t.ok(held:put())
    t.equal(destroy "held", 0)
  end)

  it("is refused while its thread runs: EBUSY; the list shows it", function()
    t.ok(state.create("threaded", { jit = false })) -- compiled code does not stop
    local st = state.lookup "threaded"
    t.equal(st:script "return function() while true do end end", true)
    local job, why = st:thread()
    t.ok(job, why)
    refused("EBUSY", load("threaded", "x = 1"))
    refused("EBUSY", destroy "threaded")
    t.same(names(), { "threaded" })
    job:stop()
    job:join()
    t.equal(destroy "threaded", 0)
  end)
end)

t.describe("the device", function()
  it("knows no other ioctls: ENOTTY", function()
    refused("ENOTTY", dev:ioctl(0x6C05, netbsd.t.lua_create()))
    refused("ENOTTY", dev:ioctl(netbsd.LUACREATE + 0x10000, netbsd.t.lua_create()))
    refused("ENOTTY", dev:ioctl(0, nil))
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
    refused("EFAULT", dev:ioctl(netbsd.LUACREATE, nil))
    refused("EFAULT", dev:ioctl(netbsd.LUAINFO, ffi.cast("void *", 0)))
  end)

  it("raises on what is no argument for an ioctl", function()
    t.raises("ioctl: argument 1 (request): expected a number, got \"LUAINFO\" (string)", dev.ioctl, dev, "LUAINFO", nil)
    t.raises("ioctl: argument 2 (argument): expected memory to write to, got \"name\" (string)",
      dev.ioctl, dev, netbsd.LUACREATE, "name")
    t.raises("ioctl: argument 2 (argument): expected 80 bytes (struct lua_create), got 4",
      dev.ioctl, dev, netbsd.LUACREATE, ffi.new "int[1]")
  end)

  it("has methods", function()
    t.raises("ioctl: expected a device, got nil; call it with a colon", dev.ioctl)
    local _, message = pcall(dev.ioctl, netbsd.LUAINFO, netbsd.t.lua_info())
    t.matches(message, "ioctl: expected a device, got %d+; call it with a colon$")
    t.raises("close: expected a device, got nil; call it with a colon", dev.close)
  end)

  it("may be open more than once, and is closed once: EBADF", function()
    local first, second = lua4.open(), lua4.open()
    t.equal(first:close(), true)
    refused("EBADF", first:close())
    refused("EBADF", first:ioctl(netbsd.LUAINFO, netbsd.t.lua_info()))
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
