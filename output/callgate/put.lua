-- How a Lua value gets into a field of a record. What the field would not hold as it is, is refused: LuaJIT would round
-- it, cut it or fill all of an array with it. What is raised here has no name of the record yet: see construct.lua.

local ffi = require "ffi"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local signed = require "callgate.signed"
local whole = require "callgate.whole"

local got = errors.got
local put = {}

-- What goes into a field, or into an element of it, in words.
local function wanted(field, element)
  if field.char and field.array and not element then
    return "a string"
  elseif field.array and not element then
    return "its elements as a table"
  elseif field.pointer then
    return "a pointer (cdata) or nil"
  elseif field.record then
    return field.record
  elseif field.fields then
    return "a table of its fields"
  end
  return "a number"
end
put.wanted = wanted

local function expected(what, item)
  error(("expected %s, got %s"):format(what, got(item)), 0)
end

-- Whether a field is meant for a descriptor, as its name says: fd, map_fd, pidfd, fds, fd2, splice_fd_in.
local function for_descriptor(name)
  return name:find "fds?%d*$" or name:find "fd_in$" or name:find "fildes$" or name == "cgroup"
end

-- What stands for a number as that: a descriptor, the name of a network interface.
local function numbered(name, item)
  if type(item) == "string" and name:find "ifindex$" then
    item = require "callgate.kinds.interface"(item)
  end
  local number = descriptors.number(item)
  if number == -1 then
    error("closed descriptor", 0)
  end
  return number or item
end

-- The same for a field that a kinds module sets in its own way, which sees to the rest.
function put.plain(name, item)
  return signed(numbered(name, item))
end

local function scalar(name, item, field)
  if descriptors.number(item) and not (field.bits and for_descriptor(name)) then
    expected(wanted(field, true), item)
  end
  item = numbered(name, item)
  return field.bits and whole(item, field.bits, field.signed) or signed(item)
end

local put_fields

-- Sets holder[key], a field or an element that is no array.
local function put_one(holder, key, name, item, field)
  if field.fields and type(item) == "table" then
    put_fields(holder[key], item, field)
  elseif field.record and type(item) ~= "cdata" then
    holder[key] = require("callgate.types").record(field.record)(item)
  else
    holder[key] = scalar(name, item, field)
  end
end

local put_elements

local function put_element(array, at, name, item, field, lengths)
  if lengths == 1 then
    put_one(array, at, name, item, field)
  elseif type(item) == "cdata" then
    array[at] = item
  else
    put_elements(array[at], name, item, field, lengths - 1)
  end
end

-- Raises what is wrong with `item` at `where`, of which setting it said `message`: LuaJIT's own words are C's.
local function refused(where, message, item, field, element)
  local text, internal = errors.plain(message)
  if internal then
    text = ("expected %s, got %s"):format(wanted(field, element), got(item))
  end
  error(("%s: %s"):format(where, text), 0)
end

local function put_numbered(array, at, number, name, item, field, lengths)
  local ok, message = pcall(put_element, array, at, name, item, field, lengths)
  if not ok then
    refused(("element %d"):format(number), message, item, field, true)
  end
end

-- Sets an array's elements, which may be arrays themselves: `lengths` says how deep. The rest is zero, as in C, where
-- LuaJIT would fill all of it with a single one.
function put_elements(array, name, items, field, lengths)
  local size = ffi.sizeof(array)
  if type(items) == "string" and field.bits == 8 and lengths == 1 then
    if #items > size then
      expected(("at most %d bytes"):format(size), items)
    end
    ffi.fill(array, size)
    ffi.copy(array, items, #items)
    return
  elseif type(items) ~= "table" then
    expected(wanted(field), items)
  end
  local start = ffi.cast("char *", array)
  local room = size == 0 and 0 or size / (ffi.cast("char *", array + 1) - start)
  local first = type(items[0]) == "nil" and 1 or 0 -- C's count and Lua's, as LuaJIT takes them
  for key in pairs(items) do
    if type(key) ~= "number" or key % 1 ~= 0 or key < first then
      error(("expected its elements as a table, got one with the key %s"):format(errors.shown(key)), 0)
    end
  end
  local count = table.maxn(items) + 1 - first
  if count > room then
    error(("expected at most %d elements, got %d"):format(room, count), 0)
  end
  ffi.fill(array, size)
  for i = 0, count - 1 do
    local item = items[i + first]
    if type(item) ~= "nil" then
      put_numbered(array, i, i + first, name, item, field, lengths)
    end
  end
end

-- Sets a flexible array's elements, of which there are as many as the record was made with: none where it is a member
-- of an inner record, whose size C does not let grow.
function put.flexible(value, name, items, field)
  if type(items) ~= "table" and type(items) ~= "string" then
    expected(wanted(field), items)
  end
  local array = value[name]
  local start = ffi.cast("char *", array)
  local size = require("callgate.memory").size(value)
  local room = size and (size - (start - ffi.cast("char *", value))) / (ffi.cast("char *", array + 1) - start)
  if room and #items > room then
    error(("expected at most %d elements, got %d"):format(room, #items), 0)
  end
  for i = 1, #items do
    put_numbered(array, i - 1, i, name, type(items) == "string" and items:byte(i) or items[i], field, 1)
  end
end

-- Sets a field from whatever goes into it: a record's from what makes one.
function put.field(value, name, item, field)
  if field.array and type(item) ~= "cdata" then
    put_elements(value[name], name, item, field, field.array)
  elseif field.array then
    value[name] = item
  else
    put_one(value, name, name, item, field)
  end
end

-- The fields that values in C's order are for: of a union only the first.
function put.positions(fields)
  local positions = {}
  for _, field in ipairs(fields) do
    if not field.overlaid then
      positions[#positions + 1] = field
    end
  end
  return positions
end

-- Sets the fields of an untagged record, which has no constructor.
function put_fields(value, items, record)
  local by_key = put.positions(record.fields)
  for _, field in ipairs(record.fields) do
    by_key[field.name] = field
  end
  for key, item in pairs(items) do
    local field = by_key[key]
    if not field then
      error(("there is no field %s"):format(errors.shown(key)), 0)
    end
    local ok, message = pcall(put.field, value, field.name, item, field)
    if not ok then
      refused(("field %q"):format(field.name), message, item, field)
    end
  end
end

return put
