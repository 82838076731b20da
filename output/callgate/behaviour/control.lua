-- Control messages by name, typed (operations/control.lua, from spec/operations): { ip_ttl = 5 } to send,
-- m.control.ip_ttl of what was received. A message is known as its constant in lower case; those of SOL_SOCKET, which
-- C calls SCM_NAME or SO_NAME, as the name alone: timestamp, pidfd, txtime.

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local descriptors = require "callgate.fd"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local operations = require "callgate.behaviour.operations"
local types = require "callgate.types"

local control = {}

-- The level of a message by what its constant begins with.
local LEVELS = {
  SCM = "SOL_SOCKET", SO = "SOL_SOCKET", IP = "SOL_IP", IPV6 = "SOL_IPV6", TCP = "SOL_TCP", UDP = "SOL_UDP",
  ALG = "SOL_ALG", TLS = "SOL_TLS", PACKET = "SOL_PACKET", NETLINK = "SOL_NETLINK",
}

local by_name -- "ip_ttl" -> { level, type, name, how, kind, result }
local by_number -- level -> type -> the same

local function load_rows()
  by_name, by_number = {}, {}
  for constant, text in pairs(require "callgate.operations.control") do
    local prefix, rest = constant:match "^(%w-)_(.*)$"
    local level, number = constants.get(LEVELS[prefix]), constants.get(constant)
    if level and number then
      local row = operations.read(text)
      local socket = LEVELS[prefix] == "SOL_SOCKET"
      row.level, row.type = level, number
      row.name = (socket and rest:gsub("_NEW$", ""):gsub("_OLD$", "") or constant):lower()
      by_number[level] = by_number[level] or {}
      by_number[level][number] = row
      if not (by_name[row.name] and constant:find "_OLD$") then
        by_name[row.name] = row -- of two forms of a time the one of 64 bits
      end
      by_name[constant:lower()] = row
    end
  end
end

local function row_of(level, number)
  if not by_number then
    load_rows()
  end
  return by_number[level] and by_number[level][number]
end

-- --- sending -------------------------------------------------------------------------------------------

-- The bytes of a message's value; strings are bytes already.
local function bytes(row, value, call)
  if type(value) == "string" and (not row or row.kind == "data" or not types.t[row.kind]) then
    return value
  elseif not row then
    value = args.data(value, call, 2, "control")
    return ffi.string(value, args.length(nil, call, 2, "control", value))
  end
  local data = operations.input(row.kind, value, call, 2, row.name)
  if type(data) == "string" then
    return data
  end
  return ffi.string(data, args.length(nil, call, 2, row.name, data))
end

local function unknown(name, call)
  local hint = require("callgate.suggest").hint(name, by_name)
  return args.misuse(call, 2, "control", ("unknown control message %q%s"):format(name, hint))
end

local function named(name, call)
  local row = by_name[name:lower()]
  return row or unknown(name, call)
end

-- A row { "ip", "ttl", 5 } or { level, type, data }.
local function given(item, call)
  if type(item) ~= "table" then
    return args.expected('a row such as { "ip", "ttl", 5 } or { level, type, data }', item, call, 2, "control")
  end
  local level, number = item[1], item[2]
  if type(level) == "string" and type(number) == "string" then
    local short = by_name[number:lower()]
    local row = by_name[(level .. "_" .. number):lower()] or level:lower():find "socket$" and short
    row = row or short or unknown(level:lower() .. "_" .. number:lower(), call)
    return { row.level, row.type, bytes(row, item[3], call) }
  end
  level = args.choice(level, call, 2, "control level", flags.group "SOL")
  number = args.int(number, call, 2, "control type")
  -- As received messages stand in m.control: their bytes, whatever is known of them.
  return { level, number, type(item[3]) == "string" and item[3] or bytes(row_of(level, number), item[3], call) }
end

-- Adds to `rows` { level, type, bytes } of every message of a table, the named ones by their names' order.
function control.write(messages, rows, call)
  if not by_name then
    load_rows()
  end
  if type(messages) ~= "table" then
    return args.expected("a table of control messages such as { ip_ttl = 5 }", messages, call, 2, "control")
  end
  for _, item in ipairs(messages) do
    rows[#rows + 1] = given(item, call)
  end
  local names = {}
  for name in pairs(messages) do
    if type(name) == "string" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local row = named(name, call)
    rows[#rows + 1] = { row.level, row.type, bytes(row, messages[name], call) }
  end
end

-- --- receiving -----------------------------------------------------------------------------------------

local INTEGERS = {} -- by size, signed and unsigned
for size, name in pairs { [1] = "int8_t", [2] = "int16_t", [4] = "int32_t", [8] = "int64_t" } do
  INTEGERS[size] = { int = ffi.typeof(name .. "[1]"), uint = ffi.typeof("u" .. name .. "[1]") }
end
INTEGERS[1].int = INTEGERS[1].uint -- a byte of IP_TOS

local function integer(row, data)
  local ctype = INTEGERS[#data] and INTEGERS[#data][row.kind == "int" and "int" or "uint"]
  if not ctype then
    return data
  end
  local value = ctype()
  ffi.copy(value, data, #data)
  return exact(value[0])
end

-- The value of a received message, or its bytes where it is not as long as its type.
local function value_of(row, data)
  if operations.SCALARS[row.kind] then
    local number = integer(row, data)
    return row.result == "fd" and descriptors.type(number) or number
  elseif row.kind == "string" then
    return data:match "^[^%z]*"
  elseif row.kind == "data" then
    return data
  end
  local ctype = types.t[row.kind]
  if not ctype or #data < ffi.sizeof(ctype) then
    return data
  end
  local value = ffi.new(ctype)
  ffi.copy(value, data, ffi.sizeof(ctype))
  return value
end

-- Behind the error of a datagram stands the address of who sent it: ip(7), IP_RECVERR.
local function offender(row, data)
  local size = row.kind == "sock_extended_err" and ffi.sizeof(types.t.sock_extended_err)
  local storage = types.t.sockaddr_storage()
  if size and #data > size then
    ffi.copy(storage, data:sub(size + 1), math.min(#data - size, ffi.sizeof(storage)))
    return storage.ss_family ~= 0 and require("callgate.behaviour.sockets").typed(storage, #data - size) or nil
  end
end

-- Puts a received message into `into`: at its end as { level, type, data }, and as into[name] what it says.
function control.read(level, number, data, into)
  into[#into + 1] = { level, number, data }
  local row = row_of(level, number)
  if row then
    into[row.name] = value_of(row, data)
    into.offender = offender(row, data) or into.offender
  end
end

return control
