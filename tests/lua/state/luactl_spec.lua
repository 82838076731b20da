-- The client of lua(4): what it asks of a device byte by byte, and what comes of it on the emulated one.

local ffi = require "ffi"
local S = require "callgate"
local lua4 = require "callgate.lua4"
local luactl = require "callgate.luactl"
local netbsd = require "callgate.bound.netbsd_lua"
local state = require "callgate.state"
local t = ...

-- A device that notes what it is asked, and answers as `answer` says.
local function recorder(answer)
  local device = { asked = {} }
  function device:ioctl(request, argument)
    self.asked[#self.asked + 1] = { request, ffi.string(argument, ffi.sizeof(argument)) }
    if answer then
      return answer(request, argument)
    end
    return 0
  end
  return device, assert(luactl.open(device))
end

local function padded(...)
  local parts = { ... }
  for i = 1, #parts, 2 do
    parts[i] = parts[i] .. ("\0"):rep(parts[i + 1] - #parts[i])
    parts[i + 1] = ""
  end
  return table.concat(parts)
end

-- A client of the emulator, among no other states.
local function emulated()
  state.closeall()
  return assert(luactl.open(lua4.open()))
end

t.describe("a request", function()
  t.it("is LUACREATE with name and description, NUL-padded", function()
    local device, lua = recorder()
    t.equal(lua:create("name", "a description"), true)
    t.equal(lua:create "plain", true)
    t.same(device.asked, {
      { netbsd.LUACREATE, padded("name", 16, "a description", 64) },
      { netbsd.LUACREATE, padded("plain", 16, "", 64) },
    })
  end)

  t.it("is LUADESTROY with the name", function()
    local device, lua = recorder()
    t.equal(lua:destroy "name", true)
    t.same(device.asked, { { netbsd.LUADESTROY, padded("name", 80) } })
  end)

  t.it("is LUAREQUIRE with state and module", function()
    local device, lua = recorder()
    t.equal(lua:require("name", "systm"), true)
    t.same(device.asked, { { netbsd.LUAREQUIRE, padded("name", 16, "systm", 32) } })
  end)

  t.it("is LUALOAD with state and path", function()
    local device, lua = recorder()
    t.equal(lua:load("name", "./x.lua"), true)
    t.same(device.asked, { { netbsd.LUALOAD, padded("name", 16, "./x.lua", 1024) } })
  end)

  t.it("cuts what is too long, always leaving a NUL", function()
    local device, lua = recorder()
    t.equal(lua:create(("n"):rep(40), ("d"):rep(100)), true)
    t.equal(lua:require("name", ("m"):rep(40)), true)
    t.equal(lua:load("name", "/" .. ("p"):rep(2000)), true)
    t.equal(device.asked[1][2], padded(("n"):rep(15), 16, ("d"):rep(63), 64))
    t.equal(device.asked[2][2], padded("name", 16, ("m"):rep(31), 32))
    t.equal(device.asked[3][2], padded("name", 16, "/" .. ("p"):rep(1022), 1024))
  end)

  t.it("asks for the list twice, with room for one more than there were", function()
    local device, lua = recorder(function(_, info)
      if info.states == nil then
        info.num_states = 2
      else
        t.equal(info.num_states, 2)
        for i = 0, 2 do -- NetBSD's driver compares with > and not >=
          ffi.copy(info.states[i].name, "state" .. i)
          info.states[i].user = i == 1
        end
        info.num_states = info.num_states == 2 and 2
      end
      return 0
    end)
    t.same(lua:info(), { { name = "state0", desc = "", user = false }, { name = "state1", desc = "", user = true } })
    t.equal(#device.asked, 2)
  end)

  t.it("asks again when a state was made between the two", function()
    local there = 1
    local device, lua = recorder(function(_, info)
      if info.states ~= nil then
        local copied = math.min(there, info.num_states + 1)
        for i = 0, copied - 1 do
          ffi.copy(info.states[i].name, "state" .. i)
        end
        info.num_states = copied
      else
        info.num_states = there
        there = 4
      end
      return 0
    end)
    t.equal(#assert(lua:info()), 4)
    t.equal(#device.asked, 1 + 4) -- the count, and room for 1, 2, 3 and 4: each time one more is seen
  end)

  t.it("that fails returns what the device says", function()
    local _, lua = recorder(function() return nil, "Device busy", 16 end)
    for _, row in ipairs { { "create", "a" }, { "destroy", "a" }, { "require", "a", "b" }, { "load", "a", "/b" },
      { "info" } } do
      local ok, message, errno = lua[row[1]](lua, row[2], row[3])
      t.same({ ok == nil, message, errno }, { true, "Device busy", 16 })
    end
  end)
end)

t.describe("misuse", function()
  t.it("names the method, the argument and what was given", function()
    local device, lua = recorder()
    t.raises("create: argument 1 (name): expected a string, got nil", lua.create, lua)
    t.raises("create: argument 2 (desc): expected a string, got 5", lua.create, lua, "a", 5)
    t.raises("destroy: argument 1 (name): expected a string, got nil", lua.destroy, lua)
    t.raises("require: argument 2 (module): expected a string, got nil", lua.require, lua, "a")
    t.raises("load: argument 2 (path): expected a string, got true (boolean)", lua.load, lua, "a", true)
    t.raises([[load: argument 1 (name): expected a string without NUL bytes, got "a\0b"]], lua.load, lua, "a\0b", "/")
    t.same(device.asked, {})
  end)

  t.it("is a method's call without its client", function()
    local device, lua = recorder()
    for _, name in ipairs { "create", "destroy", "require", "load", "info", "close" } do
      t.raises(name .. ": expected a client, got nil; call it with a colon", lua[name])
    end
    t.raises('create: expected a client, got "a" (string); call it with a colon', lua.create, "a", "d")
    t.same(device.asked, {})
  end)

  t.it("of open names what a backend is", function()
    local expected = "open: argument 1 (backend): expected a path or an object with an ioctl method, got "
    t.raises(expected .. "5", luactl.open, 5)
    t.raises(expected .. "true (boolean)", luactl.open, true)
    t.raises(expected .. "a table", luactl.open, {})
  end)

  t.it("is the use of a closed client; a second close is EBADF", function()
    local closed = 0
    local device, lua = recorder()
    function device.close()
      closed = closed + 1
      return true
    end
    t.equal(lua:close(), true)
    t.fails("EBADF", lua:close())
    t.equal(closed, 1)
    t.raises("luactl: the client is closed", lua.info, lua)
  end)
end)

t.describe("on the emulator", function()
  t.it("states are created, listed, fed and destroyed", function()
    local lua = emulated()
    t.same(lua:info(), {})
    t.equal(lua:create("one", "the first"), true)
    t.equal(lua:create "two", true)
    t.same(lua:info(), { { name = "two", desc = "", user = true }, { name = "one", desc = "the first", user = true } })
    t.ok(lua4.register("answers", "return { answer = 42 }"))
    t.equal(lua:require("one", "answers"), true)
    t.equal(lua:load("one", t.write("x.lua", "x = answers.answer")), true)
    t.equal(state.lookup("one"):exec "return x", 42)
    t.equal(lua:destroy "one", true)
    t.same(lua:info(), { { name = "two", desc = "", user = true } })
    t.equal(lua:close(), true)
  end)

  t.it("failures are NetBSD's", function()
    local lua = emulated()
    t.equal(lua:create "one", true)
    t.same({ lua:create "one" }, { nil, "Device busy", 16 })
    t.same({ lua:create "_one" }, { nil, "Device not configured", 6 })
    t.same({ lua:destroy "two" }, { nil, "Device busy", 16 })
    t.same({ lua:load("one", "nofile.lua") }, { nil, "Device not configured", 6 })
    t.same({ lua:load("one", "./nofile.lua") }, { nil, "No such file or directory", 2 })
    t.same({ lua:require("one", "nomodule") }, { nil, "Device not configured", 6 })
  end)

  t.it("a hundred states are listed", function()
    local lua = emulated()
    local before = state.config.maxstates
    state.config.maxstates = 200
    for i = 1, 100 do
      t.equal(lua:create("s" .. i), true)
    end
    local list = lua:info()
    t.equal(#list, 100)
    t.equal(list[1].name, "s100")
    t.equal(list[100].name, "s1")
    state.closeall()
    state.config.maxstates = before
  end)
end)

t.describe("the command sysctl", function()
  local command = require "callgate.luactl.command"

  -- The exit status, and all that it says.
  local flushed

  local function run(...)
    local said = {}
    local file = { write = function(_, ...) said[#said + 1] = table.concat { ... } end }
    function file:flush()
      return unpack(flushed or { self })
    end
    local status = command.main({ "-e", ... }, { out = file, err = file, tty = false })
    return status, table.concat(said)
  end

  t.it("fails where what it says cannot be written", function()
    flushed = { nil, "No space left on device", 28 }
    local status, said = run "list"
    flushed = nil
    t.equal(status, 1)
    t.equal(said, "0 active states:\nluactl: No space left on device\n")
  end)

  t.it("names the variable that a mistyped one is near to, written in full or not", function()
    local why = 'luactl: sysctl: %s: No such file or directory; did you mean "kern.lua.maxcount"?\n'
    t.same({ run("sysctl", "kern.lua.maxcont=5") }, { 1, why:format "kern.lua.maxcont" })
    t.same({ run("sysctl", "maxcount") }, { 1, why:format "maxcount" })
    t.same({ run("sysctl", "vm.swap") }, { 1, "luactl: sysctl: vm.swap: No such file or directory\n" })
    t.same({ run("sysctl", "kern.lua.require=7") }, { 1, "luactl: sysctl: kern.lua.require: Invalid argument\n" })
    t.same({ run("sysctl", "kern.lua.require") }, { 0, "kern.lua.require = 1\n" })
  end)
end)

t.describe("a kernel's device", function()
  local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""
  local fake = assert(loadfile(here .. "fake_lua4.lua"))()

  t.it("does by its ioctls all that the client asks", function()
    fake(t, function(path)
      local lua = assert(luactl.open(path))
      t.same(lua:info(), {})
      t.equal(lua:create("one", "the first"), true)
      t.equal(lua:create(("n"):rep(20)), true)
      t.equal(lua:load("one", t.write("x.lua", "x = 1")), true)
      t.same(lua:info(), {
        { name = ("n"):rep(15), desc = "", user = true }, { name = "one", desc = "the first", user = true },
      })
      t.equal(lua:destroy "one", true)
      t.equal(#lua:info(), 1)
      t.equal(lua:close(), true)
    end)
  end)

  t.it("says by its errnos what it refuses", function()
    fake(t, function(path)
      local lua = assert(luactl.open(path))
      t.equal(lua:create "one", true)
      t.fails("EBUSY", lua:create "one")
      t.fails("ENXIO", lua:create "_one")
      t.fails("EBUSY", lua:destroy "two")
      t.fails("ENXIO", lua:require("one", "systm"))
      t.fails("ENXIO", lua:load("one", "x.lua"))
      t.fails("ENOENT", lua:load("one", t.path "absent.lua"))
      t.fails("EINVAL", lua:load("one", t.write("wrong.lua", "x = = 1")))
    end)
  end)

  t.it("may be a descriptor object of the library", function()
    fake(t, function(path)
      local lua = assert(luactl.open(assert(S.open(path, "rdwr"))))
      t.equal(lua:create "one", true)
      t.same(lua:info(), { { name = "one", desc = "", user = true } })
      t.fails("EBUSY", lua:create "one")
      t.equal(lua:close(), true)
    end)
  end)
end)

t.describe("a device file", function()
  t.it("that is absent is an error that says what to do", function()
    local path = t.path "no-such-device"
    local lua, message, errno = luactl.open(path)
    t.equal(lua, nil)
    t.equal(errno, S.ENOENT)
    t.matches(message, "no%-such%-device: No such file or directory")
    t.matches(message, 'luactl.open%(require%("callgate.lua4"%).open%(%)%)')
  end)

  t.it("is /dev/lua unless another is named", function()
    if S.access("/dev/lua", "f") then
      t.skip "there is a /dev/lua"
    end
    local lua, message, errno = luactl.open()
    t.equal(lua, nil)
    t.equal(errno, S.ENOENT)
    t.matches(message, "^/dev/lua: ")
  end)

  t.it("gets real ioctls, and says what the kernel says", function()
    local lua = assert(luactl.open "/dev/null")
    t.fails("ENOTTY", lua:info())
    t.fails("ENOTTY", lua:create "a")
    t.fails("ENOTTY", lua:load("a", "/b"))
    t.equal(lua:close(), true)
    t.fails("EBADF", lua:close())
  end)

  t.it("may be a descriptor object of the library", function()
    local fd = assert(S.open("/dev/null", "rdwr"))
    local lua = assert(luactl.open(fd))
    t.fails("ENOTTY", lua:destroy "a")
    t.equal(lua:close(), true)
    t.fails("EBADF", fd:close())
  end)

  t.it("is closed when its client is collected", function()
    local lua = assert(luactl.open "/dev/null")
    local number = lua.backend.fd
    t.ok(S.fcntl(number, "getfd"))
    lua = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    t.fails("EBADF", S.fcntl(number, "getfd"))
  end)
end)
