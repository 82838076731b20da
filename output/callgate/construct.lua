-- How a record is made and set from Lua values, and what is said of those that do not fit. A program that
-- only has the kernel fill its records needs none of it: record.lua loads this when it is first wanted.

local ffi = require "ffi"
local bit = require "bit"
local errors = require "callgate.errors"
local record = require "callgate.record"

local new, raise = ffi.new, errors.raise

-- Loaded when a field is first set: the constructors of many kinds of record do without.
local put = setmetatable({}, {
  __index = function(self, name)
    for key, fn in pairs(require "callgate.put") do
      rawset(self, key, fn)
    end
    return rawget(self, name)
  end,
})
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
  local hint = require("callgate.suggest").hint(name, known_names(self))
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

-- Sets a field by its name in C, as its short name does.
local function assign(self, value, name, item)
  local field = self.by_name()[name]
  if field then
    put.field(value, name, item, field)
  else
    value[name] = put.plain(name, item)
  end
end
construct.assign = assign

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
    text = ("expected %s, got %s"):format(field and put.wanted(field) or "another value", errors.got(item))
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

-- Sets a field of a name that is known: C's, a short one, a bit-field's or one that a kinds module sets.
local function set_known(self, value, name, item)
  local field, bits = self.by_name()[name], self.accessors[name]
  if field and field.flexible then
    return put.flexible(value, name, item, field)
  end
  local short = friendlier(self, name)
  if short or self.newindex[name] then
    if field and field.record and not field.array and type(item) ~= "cdata" then
      item = require("callgate.types").record(field.record)(item)
    end
    value[short or name] = put.plain(name, item)
  elseif bits then
    write_bits(value, bits, require "callgate.whole"(item, bits.width, bits.signed))
  else
    assign(self, value, self.aliases[name] or name, item)
  end
end

local function set(self, value, name, item)
  if not (self.by_name()[name] or self.index[name] or self.aliases[name] or self.accessors[name]) then
    no_field(self, name)
  end
  local ok, message = pcall(set_known, self, value, name, item)
  return ok or refused(self, name, item, message)
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

local function positions(self)
  self.in_order = self.in_order or put.positions(self.fields())
  return self.in_order
end

-- Sets values in C's order, of which `last` is the last one's number.
local function set_positions(self, value, values, last)
  local fields = positions(self)
  if last > #fields then
    raise(("%s: expected at most %d value%s, got %d"):format(self.name, #fields, #fields == 1 and "" or "s", last))
  end
  for i = 1, last do
    if type(values[i]) ~= "nil" then
      set(self, value, fields[i].name, values[i])
    end
  end
end

-- Raises what is wrong with a key that is neither a field's name nor a position.
local function no_key(self, key)
  raise(("%s: there is no field %s: fields go by their names, values in C's order count from 1"):format(self.name,
    errors.shown(key)))
end

local function from_table(self, init)
  local value = self.flexible and flexible_for(self, init) or new(self.ctype)
  set_positions(self, value, init, table.maxn(init))
  for key, item in pairs(init) do
    if type(key) == "string" then
      set(self, value, key, item)
    elseif not positions(self)[key] then
      no_key(self, key)
    end
  end
  return value
end

local function from_values(self, values, count)
  local value = new(self.ctype)
  set_positions(self, value, values, count)
  return value
end

-- Whether a single value is of the kind that goes into the first field: then that says what is wrong with it.
local function is_first(self, value)
  local field = positions(self)[1] or NONE
  if type(value) == "string" then
    return field.bits == 8 and field.array
  end
  return type(value) == "number" and field.bits and not field.array
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
  local count = 1 + select("#", ...)
  if count > 1 or is_first(self, first) then
    return from_values(self, { first, ... }, count)
  end
  local ok, value
  if ffi.istype(self.ctype, first) then
    ok, value = pcall(new, self.ctype, first)
  else
    ok, value = pcall(from_values, self, { first }, 1)
  end
  return ok and value or unfit(self, first)
end

-- A kind's constructor takes as many values as its parameters say.
local function check_count(self, make, ...)
  if not self.most then
    local about = debug.getinfo(make, "u")
    self.most = about.isvararg and math.huge or about.nparams - 1 -- without the ctype
  end
  local most = self.most
  for i = most + 1, select("#", ...) do
    if type((select(i, ...))) ~= "nil" then
      local wanted = most == 1 and "one value" or ("at most %d values"):format(most)
      raise(("%s: expected %s, got %d"):format(self.name, wanted, select("#", ...)))
    end
  end
end

-- Sets the fields of a table that the kind's constructor leaves to the common one.
local function set_others(self, value, init)
  local takes, most = self.row.takes, self.row.values
  for key, item in pairs(init) do
    if takes and type(key) == "string" and not takes[key] then
      set(self, value, key, item)
    elseif most and type(key) ~= "string"
      and (type(key) ~= "number" or key < 1 or key > most or key % 1 ~= 0) then
      no_key(self, key)
    end
  end
end

-- A kind's own constructor; what it says of a value is raised in the name of the record. Keys of a table
-- that it does not take are fields as C names them.
function construct.kind(self, make, first, ...)
  local ok, value = pcall(make, self.ctype, first, ...)
  if ok then
    if value ~= nil and select("#", ...) > 0 then
      check_count(self, make, first, ...)
    end
    if value ~= nil and type(first) == "table" then
      set_others(self, value, first)
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
