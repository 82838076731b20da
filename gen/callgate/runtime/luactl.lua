-- A client of NetBSD's lua(4): one method for each of its ioctls, on the device or on what stands in for it.
--
--   local luactl = require "callgate.luactl"
--   local lua = assert(luactl.open())                                  -- /dev/lua, on a NetBSD
--   local lua = assert(luactl.open(require("callgate.lua4").open()))   -- the emulator, anywhere
--
-- Numbers and structs are those of <sys/lua.h>, from `callgate bind`; what is too long for a field is cut, as
-- luactl(8) does.

local ffi = require "ffi"
local errors = require "callgate.errors"
local faces = require "callgate.faces"
local netbsd = require "callgate.bound.netbsd_lua"

local luactl = {}

-- --- arguments -----------------------------------------------------------------------------------------

local function text_of(value, call, position, label)
  if faces.typed("string", value, call, position, label):find("\0", 1, true) then
    errors.misuse(call, position, label, "expected a string without NUL bytes, got " .. errors.shown(value))
  end
  return value
end

-- As strlcpy(3): as much as fits, and always a NUL.
local function put(field, text)
  ffi.copy(field, text:sub(1, ffi.sizeof(field) - 1))
end

-- --- the client ----------------------------------------------------------------------------------------

local client = {}
client.__index = client

local function receiver(self, call)
  if getmetatable(self) ~= client then
    faces.no_object("a client", self, call)
  end
end

-- What a client works on: `ioctl` returns anything but nil when it succeeds, else nil, message, errno.

local function perform(self, request, argument)
  if not self.backend then
    errors.raise("luactl: the client is closed")
  end
  local done, message, errno = self.backend:ioctl(request, argument)
  if done == nil then
    return nil, message, errno
  end
  return true
end

-- Makes a state. LUACREATE: ENXIO for a name that begins with "_", EBUSY for one that exists.
function client:create(name, desc)
  receiver(self, "create")
  local create = netbsd.t.lua_create()
  put(create.name, text_of(name, "create", 1, "name"))
  put(create.desc, desc == nil and "" or text_of(desc, "create", 2, "desc"))
  return perform(self, netbsd.LUACREATE, create)
end

-- Ends a state. LUADESTROY: EBUSY for an unknown one, and for one that the kernel made.
function client:destroy(name)
  receiver(self, "destroy")
  local create = netbsd.t.lua_create()
  put(create.name, text_of(name, "destroy", 1, "name"))
  return perform(self, netbsd.LUADESTROY, create)
end

-- Gives a state a module. LUAREQUIRE: ENXIO for an unknown state or module, and for a module it has already.
function client:require(name, module)
  receiver(self, "require")
  local require = netbsd.t.lua_require()
  put(require.state, text_of(name, "require", 1, "name"))
  put(require.module, text_of(module, "require", 2, "module"))
  return perform(self, netbsd.LUAREQUIRE, require)
end

-- Runs a file in a state. LUALOAD: ENXIO for a path without "/" and for an unknown state, EINVAL for what is no
-- regular file, does not compile or fails, ENOMEM; and what opening the file says.
function client:load(name, path)
  receiver(self, "load")
  local load = netbsd.t.lua_load()
  put(load.state, text_of(name, "load", 1, "name"))
  put(load.path, text_of(path, "load", 2, "path"))
  return perform(self, netbsd.LUALOAD, load)
end

-- The states there are, in the device's order (the newest first).
function client:info()
  receiver(self, "info")
  local info = netbsd.t.lua_info()
  local done, message, errno = perform(self, netbsd.LUAINFO, info)
  if not done then
    return nil, message, errno
  end
  local room, found, states
  repeat -- until none was made between the count and the list
    room = info.num_states
    states = ffi.new(ffi.typeof("$[?]", ffi.typeof(netbsd.t.lua_state_info())), room + 1) -- NetBSD's fills one more
    info.num_states, info.states = room, states
    done, message, errno = perform(self, netbsd.LUAINFO, info)
    if not done then
      return nil, message, errno
    end
    found = info.num_states
  until found <= room
  local list = {}
  for i = 0, found - 1 do
    local state = states[i]
    list[i + 1] = { name = ffi.string(state.name), desc = ffi.string(state.desc), user = state.user }
  end
  return list
end

-- Closes the device, or what stands in for it. Its states live on.
function client:close()
  receiver(self, "close")
  local backend = self.backend
  if not backend then
    return errors.failed(9) -- EBADF, on NetBSD and on Linux
  end
  self.backend = nil
  if backend.close then
    return backend:close()
  end
  return true
end

-- --- opening -------------------------------------------------------------------------------------------

-- A client of the device file (by default /dev/lua), or of an object that has its ioctl.
function luactl.open(backend)
  if backend == nil or type(backend) == "string" then
    local message, errno
    backend, message, errno = require("callgate.luactl.device").open(backend or "/dev/lua")
    if not backend then
      return nil, message, errno
    end
  else
    local ok, method = pcall(function() return backend.ioctl end)
    if not ok or method == nil then
      errors.expected("a path or an object with an ioctl method", backend, "open", 1, "backend")
    end
  end
  return setmetatable({ backend = backend }, client)
end

return luactl
