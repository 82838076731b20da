-- Arrays for the kernel, made from tables: of numbers and descriptors, of records, of buffers as iovec.

local ffi = require "ffi"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local memory = require "callgate.memory"
local types = require "callgate.types"

local arrays = {}

local cast = ffi.cast
local ELEMENTS = {
  int = ffi.typeof "int", uint = ffi.typeof "unsigned int", long = ffi.typeof "long", uint64 = ffi.typeof "uint64_t",
}

-- A buffer as an iovec; { address, length } and whatever else makes one stay possible.
local function vector(item, call, position, label)
  if type(item) == "string" or memory.is(item) and not ffi.istype(types.t.iovec, item) then -- a string is refused
    local iov = types.t.iovec()
    iov.iov_len = args.length(nil, call, position, label, args.buffer(item, call, position, label))
    iov.iov_base = cast("void *", item)
    return iov
  elseif memory.regions[type(item) == "cdata" and tonumber(ffi.typeof(item))] then
    local iov = types.t.iovec()
    iov.iov_base, iov.iov_len = item.addr, item.length
    return iov
  end
  return args.record(item, call, position, label, types.t.iovec)
end

-- An array of `kind` (int, uint, uint64 or a type of types.toml) with what the table's items make, and how many they
-- are. An array of the caller's own stays what it is.
function arrays.make(kind, items, call, position, label)
  local scalar = ELEMENTS[kind]
  local element = ELEMENTS[kind] or types.t[kind]
  local size = ffi.sizeof(element)
  if type(items) == "cdata" then
    local room = args.length(nil, call, position, label, args.buffer(items, call, position, label))
    return items, math.floor(room / size)
  elseif type(items) ~= "table" then
    return args.expected("a table or an array", items, call, position, label)
  end
  local row = not scalar and require("callgate.types.index")[kind]
  local expand = row and row.module and require(row.module).expand
  if expand then
    items = expand(items, element) -- one item may make several elements
  end
  local array = ffi.new(ffi.typeof("$[?]", element), #items)
  for i, item in ipairs(items) do
    local where = ("%s[%d]"):format(label, i)
    if kind == "iovec" then
      array[i - 1] = vector(item, call, position, where)
    elseif not scalar then
      array[i - 1] = args.record(item, call, position, where, element)
    elseif descriptors.number(item) or descriptors.standard[item] then
      array[i - 1] = args.fd(item, call, position, where)
    else
      array[i - 1] = args.long(item, call, position, where)
    end
  end
  return array, #items
end

return arrays
