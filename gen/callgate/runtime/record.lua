-- How a record behaves as a Lua value: construction, fields beyond C's, bit-fields that LuaJIT's cdef
-- cannot express, text, and errors that name the nearest field.

local ffi = require "ffi"
local bit = require "bit"

local record = {}

local NONE = {}
local SHOWN = 8 -- elements of an array in text

-- --- the fields of a declaration ---------------------------------------------------------------------

-- Reads `text`, which the generator writes with one member per line, into { name, array, char } rows
-- in order; members of anonymous records stand among those of the outer one.
local function parse(text)
  local stack = { {} }
  for line in text:gmatch "[^\n]+" do
    local plain = line:gsub("__attribute__%s*%b()", "")
    if plain:match "{%s*$" then
      stack[#stack + 1] = {}
    elseif plain:match "^%s*}" then
      local inner = table.remove(stack)
      local outer = stack[#stack]
      local name = plain:match "^%s*}%s*([%a_][%w_]*)"
      if name then
        outer[#outer + 1] = { name = name, array = plain:find("[", 1, true) ~= nil }
      else
        for _, field in ipairs(inner) do
          outer[#outer + 1] = field
        end
      end
    else
      local name = plain:match "[%w_][%s%*]+([%a_][%w_]*)%s*[%[:;]"
      if name then
        local fields = stack[#stack]
        fields[#fields + 1] = {
          name = name,
          array = plain:find("[", 1, true) ~= nil,
          char = plain:match "^%s*char [%a_]" ~= nil,
        }
      end
    end
  end
  return stack[1]
end

local function known_names(self)
  local names = {}
  for _, field in ipairs(self.fields()) do
    names[#names + 1] = field.name
  end
  for _, group in ipairs { self.row.index or NONE, self.row.aliases or NONE, self.accessors } do
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
  error(("%s has no field %q%s"):format(self.key, tostring(name), hint), 3)
end

-- --- text --------------------------------------------------------------------------------------------

local function plain(value)
  return (tostring(value):gsub("U?LL$", ""))
end

local function array_text(value, field)
  local count = tonumber(tostring(ffi.typeof(value)):match "%[(%d+)%]")
  if field.char then
    return ("%q"):format(ffi.string(value, ffi.sizeof(value)):match "^[^%z]*")
  elseif not count then
    return "{}"
  end
  local parts = {}
  for i = 0, math.min(count, SHOWN) - 1 do
    parts[#parts + 1] = plain(value[i])
  end
  if count > SHOWN then
    parts[#parts + 1] = "..."
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function to_text(self)
  local name = self.key:match " (.*)$"
  return function(value)
    local parts = {}
    for _, field in ipairs(self.fields()) do
      local item = value[field.name]
      local text = field.array and type(item) == "cdata" and array_text(item, field) or plain(item)
      parts[#parts + 1] = field.name .. " = " .. text
    end
    return ("%s { %s }"):format(name, table.concat(parts, ", "))
  end
end

-- --- bit-fields of 64-bit types, kept in a uint64_t member -------------------------------------------

local function mask_of(field)
  return field.width < 64 and bit.lshift(1ULL, field.width) - 1 or -1ULL
end

local function read_bits(value, field)
  local bits = bit.band(bit.rshift(value[field.unit], field.shift), mask_of(field))
  if field.signed then
    local unused = 64 - field.width
    bits = bit.arshift(ffi.cast("int64_t", bit.lshift(bits, unused)), unused)
  end
  return field.width <= 53 and tonumber(bits) or bits
end

local function write_bits(value, field, new)
  if type(new) == "boolean" then
    new = new and 1 or 0
  end
  local mask = mask_of(field)
  local bits = bit.band(ffi.cast("uint64_t", ffi.cast("int64_t", new)), mask)
  local others = bit.band(value[field.unit], bit.bnot(bit.lshift(mask, field.shift)))
  value[field.unit] = bit.bor(others, bit.lshift(bits, field.shift))
end

-- --- the metatype ------------------------------------------------------------------------------------

local function check_names(self, init)
  local known = {}
  for _, name in ipairs(known_names(self)) do
    known[name] = true
  end
  for name in pairs(init) do
    if type(name) == "string" and not known[name] then
      no_field(self, name)
    end
  end
end

-- The metatable of the record `key` ("struct stat") declared by `text`. `row` is what a kinds module
-- gives it, all optional: new(ctype, ...), index and newindex (name -> function), aliases (short name
-- -> field), methods (name -> function), tostring. `accessors` are its lowered bit-fields.
function record.metatype(key, text, row, accessors)
  local fields
  local self = {
    key = key,
    row = row,
    accessors = accessors or NONE,
    fields = function()
      fields = fields or parse(text)
      return fields
    end,
  }
  local index, newindex = row.index or NONE, row.newindex or NONE
  local aliases, methods = row.aliases or NONE, row.methods or NONE
  local lowered = self.accessors
  local new, make = ffi.new, row.new
  local by_assignment = accessors or row.newindex or row.aliases
  return {
    __len = ffi.sizeof,
    __tostring = row.tostring or to_text(self),
    __index = function(value, name)
      local get = index[name]
      if get then
        return get(value)
      elseif aliases[name] then
        return value[aliases[name]]
      elseif methods[name] then
        return methods[name]
      elseif lowered[name] then
        return read_bits(value, lowered[name])
      end
      return no_field(self, name)
    end,
    __newindex = function(value, name, item)
      if newindex[name] then
        newindex[name](value, item)
      elseif aliases[name] then
        value[aliases[name]] = item
      elseif lowered[name] then
        write_bits(value, lowered[name], item)
      else
        no_field(self, name)
      end
    end,
    __new = function(ctype, first, ...)
      local made = make and make(ctype, first, ...)
      if made ~= nil then
        return made
      elseif first == nil then
        return new(ctype)
      elseif type(first) == "table" then
        check_names(self, first)
        if by_assignment and #first == 0 then
          made = new(ctype)
          for name, value in pairs(first) do
            made[name] = value
          end
          return made
        end
      end
      return new(ctype, first, ...)
    end,
  }
end

return record
