-- How a record is made and set from Lua values, and what is said of those that do not fit. A program that
-- only has the kernel fill its records needs none of it: record.lua loads this when it is first wanted.

local ffi = require "ffi"
local bit = require "bit"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local record = require "callgate.record"
local signed = require "callgate.signed"

local new, raise = ffi.new, errors.raise
local NONE = {}
local construct = {}

-- --- bit-fields of 64-bit types, kept in a uint64_t member -------------------------------------------

-- By shifts alone: no mask of 64 bits, which compiled code of several LuaJITs gets wrong (2.1.0-beta3 on
-- arm64 and x64, LoongArch).

local function read_bits(value, field)
  local unused = 64 - field.width
  -- As uint64_t: of a Lua number bit.lshift makes an int32_t.
  local bits = bit.lshift(value[field.unit] + 0ULL, unused - field.shift)
  if field.signed then
    bits = bit.arshift(ffi.cast("int64_t", bits), unused)
  else
    bits = bit.rshift(bits, unused)
  end
  return field.width <= 53 and tonumber(bits) or bits
end

local function write_bits(value, field, item)
  if type(item) == "boolean" then
    item = item and 1 or 0
  end
  -- A negative number becomes its two's complement by way of int64_t; beyond it only uint64_t reaches.
  local wide = type(item) == "number" and ffi.cast("int64_t", item) or item
  local unit, unused = value[field.unit] + 0ULL, 64 - field.width
  local fresh = bit.rshift(bit.lshift(ffi.cast("uint64_t", wide), unused), unused - field.shift)
  local old = bit.lshift(bit.rshift(bit.lshift(unit, unused - field.shift), unused), field.shift)
  value[field.unit] = bit.bxor(bit.bxor(unit, old), fresh)
end

construct.read_bits, construct.write_bits = read_bits, write_bits

-- --- what does not fit ------------------------------------------------------------------------------

-- Every name that the record answers to, sorted.
local function known_names(self)
  local names = {}
  self.ready()
  for _, field in ipairs(self.fields()) do
    names[#names + 1] = field.name
  end
  for _, group in ipairs { self.index, self.aliases, self.accessors } do
    for name in pairs(group) do
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

local function no_field(self, name)
  local near = require("callgate.suggest").nearest(tostring(name), known_names(self))
  local hint = near and ("; did you mean %q?"):format(near) or ""
  raise(("%s has no field %q%s"):format(self.name, tostring(name), hint))
end

construct.no_field = no_field

-- A flexible array is as long as what the record was made with.
function construct.no_room(self, name)
  raise(('%s: field "%s" has no room of its own: set its elements, or give it to the constructor'):format(self.name,
    name))
end

-- --- construction ------------------------------------------------------------------------------------

local function unfit(self, value)
  raise(("%s: %s, got %s"):format(self.name, record.UNFIT, errors.got(value)))
end

-- What goes into a field, in words.
local function wanted(field)
  if field.char and field.array then
    return "a string"
  elseif field.array then
    return "its elements as a table"
  elseif field.pointer then
    return "a pointer (cdata) or nil"
  elseif field.record then
    return field.record
  end
  return "a number"
end

-- A descriptor stands for its number, the name of a network interface for its index.
local function assign(value, name, item)
  if type(item) == "string" and name:find "ifindex$" then
    item = require "callgate.kinds.interface"(item)
  end
  local number = descriptors.number(item)
  if number == -1 then
    error("closed descriptor", 0)
  end
  item = number or item
  value[name] = signed(item)
end
construct.assign = assign

-- Sets a flexible array's elements, of which there are as many as the record was made with: none where it
-- is a member of an inner record, whose size C does not let grow.
local function assign_elements(value, name, items, field)
  local array = value[name]
  local start = ffi.cast("char *", array)
  local size = require("callgate.memory").size(value)
  local room = size and (size - (start - ffi.cast("char *", value))) / (ffi.cast("char *", array + 1) - start)
  if room and #items > room then
    error(("expected at most %d elements, got %d"):format(room, #items), 0)
  end
  local element = field.record and require("callgate.types").record(field.record)
  for i = 1, #items do
    local item = type(items) == "string" and items:byte(i) or signed(items[i])
    array[i - 1] = element and type(item) == "table" and element(item) or item
  end
end

-- An array of a table with one element: the rest is zero, as in C. LuaJIT would fill all of it with that one.
local function assign_first(value, name, items)
  local array = value[name]
  local size = ffi.sizeof(array)
  if size == 0 then
    assign(value, name, items) -- which says that it does not fit
  end
  ffi.fill(array, size)
  array[0] = signed(items[1])
end

-- What a record's own constructor or setter says, without the record's name: who raises it says that.
local function bare_text(name, text)
  for _, said in ipairs { name .. ": argument %d+ %b(): ", name .. ": " } do
    local _, last = text:find("^" .. said)
    if last then
      return text:sub(last + 1)
    end
  end
  return text
end

-- Raises what is wrong with `item` for a field, of which setting it said `message`.
local function refused(self, name, item, message)
  local text, internal = errors.plain(message)
  if internal then
    local field = self.by_name()[self.aliases[name] or name]
    text = ("expected %s, got %s"):format(field and wanted(field) or "another value", errors.got(item))
  end
  local said = ("%s: field %q: "):format(self.name, name) -- by the metatable, when a constructor sets the field
  if text:sub(1, #said) == said then
    raise(text)
  end
  raise(said .. bare_text(self.name, text))
end

construct.refused = refused

-- The short name of a field, where that takes more than C's does: names of flags, a descriptor.
local function friendlier(self, name)
  self.ready()
  for short, field in pairs(self.aliases) do
    if field == name and self.newindex[short] then
      return short
    end
  end
end

-- Sets one field; an array's or flexible array's elements one by one, a member record from whatever
-- its own constructor takes.
local function set(self, value, name, item)
  local field = self.by_name()[name]
  if not field and not (self.index[name] or self.aliases[name] or self.accessors[name]) then
    no_field(self, name)
  end
  if field and field.flexible then
    local ok, message = pcall(assign_elements, value, name, item, field)
    return ok or refused(self, name, item, message)
  end
  if not field and not self.newindex[name] then
    field = self.by_name()[self.aliases[name]]
  end
  if field and field.record and not field.array and type(item) ~= "cdata" then
    item = require("callgate.types").record(field.record)(item)
  end
  local short = friendlier(self, name)
  local single = not short and field and field.array and type(item) == "table" and #item == 1 and item[0] == nil
  local ok, message = pcall(single and assign_first or assign, value, short or name, item)
  return ok or refused(self, name, item, message)
end

-- Whether `count` values in C's order would reach an array that has no room, by which such a record ends:
-- LuaJIT does not refuse a single number or string there.
local function reaches_end(self, count)
  return count >= #self.fields() and self.text:find "%[0?%];" ~= nil
end

-- A record that ends in a flexible array has a twin for LuaJIT, which gives memory to the elements of
-- "[?]" but to none of "[]".
local function flexible_new(self, count)
  if not self.twin then
    local text = record.guarded(self.text):gsub("%[0%];(\n%s*}[^\n]*)$", "[?];%1")
    self.twin = ffi.typeof(require("callgate.types").private(self.kind .. " " .. text))
    ffi.metatype(self.twin, self.metatable)
    record.twins[tonumber(self.twin)] = self.ctype
  end
  return new(self.twin, count)
end

local MOST = 2 ^ 31 - 1 -- LuaJIT's largest object

-- With `count` elements, which the caller gave as a number.
local function flexible_with(self, count)
  local ok, value = pcall(flexible_new, self, count)
  if count < 0 or count > MOST or count % 1 ~= 0 or not ok then
    raise(("%s: expected a number of elements, got %s"):format(self.name, tostring(count)))
  end
  return value
end

-- Made for as many elements as `init` gives the flexible array; a string keeps its zero byte.
local function flexible_for(self, init)
  local fields = self.fields()
  local item = init[fields[#fields].name] or init[#fields]
  if type(item) ~= "table" and type(item) ~= "string" then
    return new(self.ctype)
  end
  return flexible_new(self, type(item) == "string" and #item + 1 or #item)
end

-- Texts among values in C's order, made what their fields are: { "224.0.0.1", "127.0.0.1", "lo" }.
local function with_records(self, init)
  local made
  for i, text in ipairs(init) do
    local field = type(text) == "string" and self.fields()[i]
    local make = field and not field.array and (field.record and require("callgate.types").record(field.record)
      or field.name:find "ifindex$" and require "callgate.kinds.interface")
    if make then
      made = made or { unpack(init) }
      local ok, item = pcall(make, text)
      made[i] = ok and item or refused(self, field.name, text, item)
    end
  end
  return made or init
end

local function from_table(self, init)
  local value
  if self.flexible then
    value = flexible_for(self, init)
    for i, field in ipairs(self.fields()) do
      if init[i] ~= nil then
        set(self, value, field.name, init[i])
      end
    end
  elseif #init > 0 then
    if reaches_end(self, #init) then
      unfit(self, init)
    end
    local ok, made = pcall(new, self.ctype, signed(with_records(self, init))) -- positional, in C's order
    value = ok and made or unfit(self, init)
  else
    value = new(self.ctype)
  end
  for name, item in pairs(init) do
    if type(name) == "string" then
      set(self, value, name, item)
    end
  end
  return value
end

function construct.plain(self, first, ...)
  if type(first) == "table" then
    return from_table(self, first)
  elseif self.flexible and type(first) == "number" then
    local value = flexible_with(self, first)
    local more = ...
    if more ~= nil and type(more) ~= "table" then
      unfit(self, more)
    end
    for name, item in pairs(more or NONE) do
      set(self, value, name, item)
    end
    return value
  end
  local ok, value = not reaches_end(self, 1 + select("#", ...)), nil
  if ok then
    local count, given = select("#", ...), { ... }
    for i = 1, count do
      given[i] = signed(given[i])
    end
    ok, value = pcall(new, self.ctype, signed(first), unpack(given, 1, count))
  end
  return ok and value or unfit(self, first)
end

-- A kind's own constructor; what it says of a value is raised in the name of the record. Keys of a table
-- that it does not take are fields as C names them.
function construct.kind(self, make, first, ...)
  local ok, value = pcall(make, self.ctype, first, ...)
  if ok then
    if self.row.takes and value ~= nil and type(first) == "table" then
      for key, item in pairs(first) do
        if type(key) == "string" and not self.row.takes[key] then
          set(self, value, key, item)
        end
      end
    end
    return value
  end
  local text, internal = errors.plain(value)
  if internal then
    unfit(self, first)
  end
  local known = text:sub(1, #self.name) == self.name and text:find("^[: ]", #self.name + 1)
  raise(known and text or ("%s: %s"):format(self.name, text))
end

return construct
