-- NetBSD's device lua(4) in this process: its ioctls and sysctls over the states of callgate.state, with the numbers
-- and structs of <sys/lua.h> (from `callgate bind`) and NetBSD's errors.
--
--   local dev = lua4.open()
--   local create = netbsd.t.lua_create()          -- of callgate.bound.netbsd_lua
--   ffi.copy(create.name, "mine")
--   dev:ioctl(netbsd.LUACREATE, create)           --> 0, or nil, message, errno
--
-- callgate.luactl is a client of it. "Kernel" states are those of state.create(name, { user = false }), kernel modules
-- those of lua4.register.

local ffi = require "ffi"
local errno = require "callgate.lua4.errno"
local errors = require "callgate.errors"
local faces = require "callgate.faces"
local file = require "callgate.lua4.file"
local memory = require "callgate.memory"
local netbsd = require "callgate.bound.netbsd_lua"
local states = require "callgate.lua4.states"

local fail = errno.fail

local lua4 = {
  sysctl = require "callgate.lua4.sysctl",
  register = states.register,
  -- Where require looks for modules that are not registered, if kern.lua.autoload is 1; "": nowhere.
  path = "./lua?.kmod",
}

-- Where the device speaks when kern.lua.verbose is greater than 0.
function lua4.console(text)
  io.stderr:write("lua0: ", text, "\n")
end

local function tell(format, ...)
  if lua4.sysctl "kern.lua.verbose" > 0 then
    lua4.console(format:format(...))
  end
end

-- Says why, and returns the failure.
local function refuse(name, ...)
  tell(...)
  return fail(name)
end

-- --- the ioctls ----------------------------------------------------------------------------------------

-- The text of a char array: up to its NUL, and at most what leaves room for one.
local function text_of(field)
  return ffi.string(field, ffi.sizeof(field) - 1):match "^[^%z]*"
end

-- The field, filled as copyoutstr(9) and strlcpy(3) do it.
local function put(field, text)
  ffi.copy(field, text:sub(1, ffi.sizeof(field) - 1))
end

-- Each takes its struct, and returns 0, or nil, message, errno.
local function info(record)
  local list = states.list()
  if record.states == nil then
    record.num_states = #list
    return 0
  end
  local copied = math.max(0, math.min(#list, record.num_states))
  for i = 1, copied do
    local entry, row = record.states[i - 1], list[i]
    put(entry.name, row.name)
    put(entry.desc, row.desc)
    entry.user = row.user
  end
  record.num_states = copied
  return 0
end

local function create(record)
  local name = text_of(record.name)
  if name:sub(1, 1) == "_" then
    return refuse("ENXIO", "state %s refused: the kernel's own begin with _", name)
  elseif states.find(name) then
    return refuse("EBUSY", "state %s refused: there is one", name)
  end
  local path = lua4.path
  faces.setting("lua4.path", 'a template such as "./lua?.kmod", or "" for none', type(path) == "string", path)
  local why, failure = states.create(name, text_of(record.desc), path)
  if failure then
    return refuse(failure, "state %s refused: %s", name, why)
  end
  tell("state %s created", name)
  return 0
end

local function destroy(record)
  local name = text_of(record.name)
  local state = states.find(name)
  if not state then
    return refuse("EBUSY", "state %s not destroyed: there is none", name)
  elseif not states.is_user(state) then
    return refuse("EBUSY", "state %s not destroyed: it is the kernel's", name)
  end
  local why, failure = states.close(state)
  if failure then
    return refuse(failure, "state %s not destroyed: %s", name, why)
  end
  tell("state %s destroyed", name)
  return 0
end

local function require_module(record)
  local name, module = text_of(record.state), text_of(record.module)
  local state = states.find(name)
  if not state then
    return refuse("ENXIO", "module %s not required: there is no state %s", module, name)
  end
  local why, failure = states.require(state, module)
  if failure then
    return refuse(failure, "module %s not required by state %s: %s", module, name, why)
  end
  tell("module %s required by state %s", module, name)
  return 0
end

local function load(record)
  local name, path = text_of(record.state), text_of(record.path)
  if not path:find("/", 1, true) then
    return refuse("ENXIO", "%s not loaded: its path has no /", path)
  end
  local state = states.find(name)
  if not state then
    return refuse("ENXIO", "%s not loaded: there is no state %s", path, name)
  end
  local text, message, number = file.read(path)
  if not text then
    tell("%s not loaded into state %s: %s", path, name, message)
    return nil, message, number
  end
  local why, failure = states.run(state, text, path:match "[^/]*$")
  if failure then
    return refuse(failure, "%s not loaded into state %s: %s", path, name, why)
  end
  tell("%s loaded into state %s", path, name)
  return 0
end

-- --- the device ----------------------------------------------------------------------------------------

local requests = {} -- number -> struct's name, pointer to it, size, function

for request, row in pairs {
  [netbsd.LUAINFO] = { "lua_info", info },
  [netbsd.LUACREATE] = { "lua_create", create },
  [netbsd.LUADESTROY] = { "lua_create", destroy },
  [netbsd.LUAREQUIRE] = { "lua_require", require_module },
  [netbsd.LUALOAD] = { "lua_load", load },
} do
  local record = ffi.typeof(netbsd.t[row[1]]())
  local pointer, size = ffi.typeof("$ *", record), ffi.sizeof(record)
  requests[request] = { name = row[1], pointer = pointer, size = size, perform = row[2] }
end

-- A request as the number that requests have, an unsigned one of 32 bits.
local function number_of(request)
  local number = (type(request) == "number" or type(request) == "cdata") and tonumber(request)
  if not number then
    errors.expected("a number", request, "ioctl", 1, "request")
  end
  return number < 0 and number % 2 ^ 32 or number
end

local device = {}
device.__index = device

local function receiver(self, call)
  if getmetatable(self) ~= device then
    faces.no_object("a device", self, call)
  end
end

-- One ioctl: 0, or nil, NetBSD's message, NetBSD's errno. `argument` is the request's struct, or memory of its size.
function device:ioctl(request, argument)
  receiver(self, "ioctl")
  local row = requests[number_of(request)]
  if self.closed then
    return fail "EBADF"
  elseif not row then
    return fail "ENOTTY"
  elseif argument == nil then
    return fail "EFAULT"
  elseif not memory.is_writable(argument) then
    errors.expected("memory to write to", argument, "ioctl", 2, "argument")
  end
  local size = memory.size(argument)
  if size and size < row.size then
    errors.misuse("ioctl", 2, "argument", ("expected %d bytes (struct %s), got %d"):format(row.size, row.name, size))
  end
  self.argument = argument -- lives until the request is done: the pointer does not hold it
  local result, message, number = row.perform(ffi.cast(row.pointer, argument))
  self.argument = nil
  if result == nil then
    return nil, message, number
  end
  return result
end

-- Closes the device. The states stay, as those of a kernel do.
function device:close()
  receiver(self, "close")
  if self.closed then
    return fail "EBADF"
  end
  self.closed = true
  return true
end

-- Opens the device. Unlike NetBSD's, where a second open waits for the first one's close, it may be open many times.
function lua4.open()
  return setmetatable({}, device)
end

return lua4
