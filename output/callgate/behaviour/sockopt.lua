-- getsockopt and setsockopt, typed by the option's name (operations/sockopt.lua, from spec/operations).

local ffi = require "ffi"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local memory = require "callgate.memory"
local operations = require "callgate.behaviour.operations"
local sys = require "callgate.sys"
local types = require "callgate.types"

local sockopt = {}

local fail = errors.fail

-- The group in which a level's option names are found.
local NAMES = {
  SOCKET = "SO", TCP = "TCP", IP = "IP", IPV6 = "IPV6", UDP = "UDP", PACKET = "PACKET", NETLINK = "NETLINK",
  ALG = "ALG", TLS = "TLS", XDP = "XDP", CAN_RAW = "CAN_RAW", MPTCP = "MPTCP", VSOCK = "SO_VM_SOCKETS",
}
local AF_VSOCK = 40 -- the level of its options, as linux/vm_sockets.h says; SOL_VSOCK is that of its messages
local INT = { how = "both", kind = "int" } -- what an option without a row is taken for: other bytes may be right, too

local levels -- level number -> { number, group, rows = { [option number] = row } }

local function read_level(number, name)
  local group = flags.group(name)
  local prefix = flags.prefix(group)
  local rows = {}
  for option, text in pairs(require "callgate.operations.sockopt") do
    if option:sub(1, #prefix) == prefix and group[option] then
      rows[group[option]] = operations.read(text)
    end
  end
  levels[number] = { number = number, group = group, rows = rows }
end

local function load_levels()
  levels = {}
  local SOL = flags.group "SOL"
  for level, name in pairs(NAMES) do
    local number = SOL[level]
    if number and flags.group(name) then
      read_level(level == "VSOCK" and AF_VSOCK or number, name)
    end
  end
  levels[SOL.VSOCK or AF_VSOCK] = levels[AF_VSOCK]
  return levels
end

-- The level's and the option's number, and the option's row.
local function resolve(level, name, call)
  level = args.choice(level, call, 2, "level", flags.group "SOL")
  local known = (levels or load_levels())[level]
  if not known then
    if type(name) == "string" then
      local what = ("the names of level %s are not known: give the option's number"):format(tostring(level))
      return args.misuse(call, 3, "name", what)
    end
    return level, args.int(name, call, 3, "name"), INT
  end
  local number = args.choice(name, call, 3, "name", known.group)
  return known.number, number, known.rows[number] or INT
end

local int_t = ffi.typeof "int[1]"
local length_t = ffi.typeof "unsigned int[1]"
local ROOM = { string = 256, data = 4096 } -- longer than every such option of Linux

-- sock:getsockopt("socket", "error") -> number; records for linger, peercred, tcp info...
-- sock:getsockopt(level, name, buffer) -> length, into the caller's buffer.
function sockopt.getsockopt()
  local raw = sys.getsockopt
  return function(fd, level, name, buffer)
    local fd_number = args.fd(fd, "getsockopt", 1, "fd")
    local row
    level, name, row = resolve(level, name, "getsockopt")
    local value
    if buffer ~= nil then
      value = args.buffer(buffer, "getsockopt", 4, "value")
    elseif ROOM[row.kind] then
      value = ffi.new("char[?]", ROOM[row.kind])
    else
      value = operations.output(row.how == "flags" and "int" or row.kind)
    end
    local length = length_t(args.length(nil, "getsockopt", 4, "value", value))
    if raw(fd_number, level, name, value, length) == -1 then
      return fail()
    elseif buffer ~= nil then
      return length[0]
    elseif row.kind == "string" then
      return ffi.string(value, length[0]):match "^[^%z]*"
    elseif row.kind == "data" then
      return ffi.string(value, length[0])
    elseif row.how == "flags" then
      return value[0]
    elseif row.result == "fd" then
      return descriptors.type(value[0])
    end
    return operations.value(row.kind, value)
  end
end

-- Whether a string is what a record is made from ("127.0.0.1") or no value at all (a number's text, "true"), not the
-- bytes of the option's value.
local function made_of_text(row, value)
  if row == INT then
    return tonumber(value) ~= nil
  elseif operations.SCALARS[row.kind] then
    return true
  end
  local ctype = not ROOM[row.kind] and types.t[row.kind]
  return ctype and #value ~= ffi.sizeof(ctype)
end

-- sock:setsockopt("socket", "reuseaddr", true); sock:setsockopt("socket", "rcvtimeo", 1.5)
function sockopt.setsockopt()
  local raw = sys.setsockopt
  return function(fd, level, name, value)
    local fd_number = args.fd(fd, "setsockopt", 1, "fd")
    local row
    level, name, row = resolve(level, name, "setsockopt")
    local data = value
    if row.how == "flags" then
      data = int_t(args.flags(value, "setsockopt", 4, "value", flags.group(row.kind)))
    elseif row == INT and memory.is(value) then
      data = args.pointer(value, "setsockopt", 4, "value", ffi.sizeof(int_t)) -- whatever record it may be
    elseif type(value) ~= "string" or made_of_text(row, value) then
      data = operations.input(row.kind, value, "setsockopt", 4, "value")
    end
    local length = args.length(nil, "setsockopt", 4, "value", data)
    if type(data) == "string" then
      -- The kernel's prototype is not const, though it only reads.
      data = ffi.cast("void *", ffi.cast("const char *", data))
    end
    if raw(fd_number, level, name, data, length) == -1 then
      return fail()
    end
    return true
  end
end

return sockopt
