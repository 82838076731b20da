-- What the specs of the emulated lua(4) have in common: its ioctls as functions, its errors, tests among no other
-- states. local on = assert(loadfile(".../lua4_device.lua"))(t)

local ffi = require "ffi"
local lua4 = require "callgate.lua4"
local netbsd = require "callgate.bound.netbsd_lua"
local state = require "callgate.state"
local t = ...

local on = {}

-- sys/errno.h of NetBSD, and what strerror(3) says there.
local ERRORS = {
  ENOENT = { 2, "No such file or directory" }, ENXIO = { 6, "Device not configured" },
  EBADF = { 9, "Bad file descriptor" }, ENOMEM = { 12, "Cannot allocate memory" }, EFAULT = { 14, "Bad address" },
  EBUSY = { 16, "Device busy" }, ENOTDIR = { 20, "Not a directory" }, EINVAL = { 22, "Invalid argument" },
  ENOTTY = { 25, "Inappropriate ioctl for device" }, ELOOP = { 62, "Too many levels of symbolic links" },
  ENAMETOOLONG = { 63, "File name too long" },
}

-- Exactly nil, NetBSD's message, NetBSD's number.
function on.refused(name, ...)
  t.equal(select("#", ...), 3)
  local value, message, number = ...
  t.equal(value, nil)
  t.equal(number, ERRORS[name][1])
  t.equal(message, ERRORS[name][2])
end

local dev = lua4.open()
on.device = dev

-- A struct with the texts of `fields`, without a NUL where they fill theirs.
function on.set(record, fields)
  for name, text in pairs(fields) do
    ffi.copy(record[name], text, math.min(#text + 1, ffi.sizeof(record[name])))
  end
  return record
end

function on.create(name, desc)
  return dev:ioctl(netbsd.LUACREATE, on.set(netbsd.t.lua_create(), { name = name, desc = desc or "" }))
end

function on.destroy(name)
  return dev:ioctl(netbsd.LUADESTROY, on.set(netbsd.t.lua_create(), { name = name }))
end

function on.require_module(name, module)
  return dev:ioctl(netbsd.LUAREQUIRE, on.set(netbsd.t.lua_require(), { state = name, module = module }))
end

function on.load_path(name, path)
  return dev:ioctl(netbsd.LUALOAD, on.set(netbsd.t.lua_load(), { state = name, path = path }))
end

-- A kernel module of that name, for the running test.
function on.register(name, source)
  state.register(name:sub(1, 31), nil)
  t.equal(lua4.register(name, source), true)
end

local files = 0

-- Runs `code` from a file of its own.
function on.load(name, code)
  files = files + 1
  return on.load_path(name, t.write(("file%d.lua"):format(files), code))
end

-- What an expression is in a state.
function on.value(name, expression)
  return state.lookup(name):exec("return " .. expression)
end

-- The array that LUAINFO fills.
on.states_type = ffi.typeof("$[?]", ffi.typeof(netbsd.t.lua_state_info()))

function on.count()
  local info = netbsd.t.lua_info()
  t.equal(dev:ioctl(netbsd.LUAINFO, info), 0)
  return info.num_states
end

function on.names()
  local info = netbsd.t.lua_info()
  local room = on.count()
  local states = ffi.new(on.states_type, room + 1)
  info.num_states, info.states = room, states
  t.equal(dev:ioctl(netbsd.LUAINFO, info), 0)
  local found = {}
  for i = 0, info.num_states - 1 do
    found[#found + 1] = ffi.string(states[i].name)
  end
  return found
end

-- A test among no other states, with the variables at their defaults.
function on.it(title, body)
  t.it(title, function()
    state.closeall()
    for name, default in pairs { require = 1, autoload = 1, bytecode = 0, maxcount = 0, verbose = 0 } do
      t.ok(lua4.sysctl("kern.lua." .. name, default))
    end
    body()
    state.closeall()
  end)
end

return on
