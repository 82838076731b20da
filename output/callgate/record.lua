-- How a record behaves as a Lua value: construction, fields beyond C's, bit-fields that LuaJIT's cdef
-- cannot express, and errors that name the nearest field. Its text is made by show.lua.

local ffi = require "ffi"

local new = ffi.new
local record = {}

-- What the constructor of any record says of a value that makes none.
record.UNFIT = "expected a table of its fields, or their values in C's order"

local NONE = {}

-- A compiled access that met a name without field once does not look whether a later name has one, and
-- calls the metamethod for it, too (lj_crecord.c specialises to names of fields only).
local function is_field(self, name)
  return self.by_name()[name] ~= nil
end

-- What makes and sets records: construct.lua, loaded when it is first wanted.
local construct = setmetatable({}, {
  __index = function(self, name)
    for key, fn in pairs(require "callgate.construct") do
      rawset(self, key, fn)
    end
    return rawget(self, name)
  end,
})

-- --- the metatype ------------------------------------------------------------------------------------

local function lazily_parsed(self, text)
  local fields, by_name
  function self.fields()
    fields = fields or require "callgate.fields"(text)
    return fields
  end
  function self.by_name()
    if not by_name then
      by_name = {}
      for _, field in ipairs(self.fields()) do
        by_name[field.name] = field
      end
    end
    return by_name
  end
end

-- A declaration without its members that are untagged records; those of anonymous ones are the record's own.
local function own_members(text)
  return (text:match "^[^{]*{(.*)}":gsub("%b{}[^;]*;", function(member)
    local inside, behind = member:match "^(%b{})(.*)$"
    return behind:gsub("__attribute__%s*%b()", ""):find "[%a_]" and "" or own_members(inside)
  end))
end

local guards = {} -- text -> what guarded makes of it: declare and metatype ask in turn

-- `text` with flexible arrays that cannot be assigned as a whole, and its arrays of bytes under other names:
-- name -> theirs. To LuaJIT [] is room without end: event.name = "abc" would overwrite its heap. [0] refuses all
-- but strings, which only the metatable can: not in a member that is an untagged record, which has none.
function record.guarded(text)
  if not (text:find("[0];", 1, true) or text:find("[];", 1, true)) then
    return text, NONE
  elseif guards[text] then
    return guards[text][1], guards[text][2]
  end
  local hidden, before = {}, text
  for line in own_members(text):gmatch "[^\n]+" do
    local behind = line:find("%[0?%];$", -4)
    if behind then
      local kind, name = line:sub(1, behind - 1):match "([%w_]+) ([%w_]+)$"
      if kind and (kind:find "int8_t$" or kind == "char") then
        hidden[name] = "_flexible_" .. name
      end
    end
  end
  text = text:gsub("%[%];", "[0];")
  for name, other in pairs(hidden) do
    text = text:gsub("%f[%w_]" .. name .. "%[0%];", other .. "[0];")
  end
  guards[before] = { text, hidden }
  return text, hidden
end

local int64, uint64 = ffi.typeof "int64_t", ffi.typeof "uint64_t"

-- What a short name gives: 64 bits as a number where that is exact.
local function shortened(item)
  if ffi.istype(int64, item) or ffi.istype(uint64, item) then
    return require "callgate.kinds.exact"(item)
  end
  return item
end

-- ctype ids of twins -> the record that users know.
record.twins = {}

-- Gives `ctype`, the record called `name` that is declared as `kind` ("struct") and `text`, its
-- metatable. `row` is what a kinds module gives it, all optional:
--   new(ctype, ...)   a friendly constructor; nil leaves the arguments to the common one
--   takes             the keys that it looks at in a table: { port = true }; of others the common one sees to
--   index, newindex   name -> function(self[, value]): accessors
--   methods           name -> function(self, ...)
--   aliases           short name -> field
--   tostring(self)
-- `accessors` are its lowered bit-fields: name -> { unit, shift, width, signed }.
function record.metatype(ctype, kind, name, text, row, accessors)
  local index, newindex = row.index or NONE, row.newindex or NONE
  local aliases, methods, lowered = row.aliases or NONE, row.methods or NONE, accessors or NONE
  local make, to_text = row.new, row.tostring
  local size = ffi.sizeof(ctype)
  local _, hidden = record.guarded(text)
  local self = {
    ctype = ctype,
    kind = kind,
    name = name,
    text = text,
    index = index,
    newindex = newindex,
    aliases = aliases,
    accessors = lowered,
    takes = row.takes,
    flexible = text:find "%[%];\n%s*}[^\n]*$" ~= nil,
  }
  lazily_parsed(self, text)
  self.metatable = {
    __len = function(value)
      return self.flexible and require("callgate.memory").size(value) or size -- a pointer does not tell
    end,
    __tostring = function(value)
      if to_text and value ~= nil then
        return to_text(value)
      end
      return require("callgate.show").text(value, self)
    end,
    __index = function(value, key)
      local get = index[key]
      if get then
        return get(value)
      elseif methods[key] then
        return methods[key]
      elseif hidden[key] and tonumber(value) == nil then
        return value[hidden[key]]
      elseif aliases[key] then
        local item = value[aliases[key]]
        return type(item) == "cdata" and shortened(item) or item
      elseif lowered[key] then
        return construct.read_bits(value, lowered[key])
      elseif is_field(self, key) and tonumber(value) == nil then -- a type has a number, and no fields
        return value[key]
      end
      construct.no_field(self, key)
    end,
    __newindex = function(value, key, item)
      local ok, message = true, nil
      if newindex[key] then
        ok, message = pcall(newindex[key], value, item)
      elseif hidden[key] or hidden[aliases[key]] then
        construct.no_room(self, key)
      elseif aliases[key] then
        ok, message = pcall(construct.assign, value, aliases[key], item)
      elseif lowered[key] then
        ok, message = pcall(construct.write_bits, value, lowered[key], item)
      elseif index[key] or methods[key] then
        require("callgate.errors").raise(("%s: %q cannot be set"):format(name, key))
      elseif is_field(self, key) then
        value[key] = item
      else
        construct.no_field(self, key)
      end
      if not ok then
        construct.refused(self, key, item, message)
      end
    end,
    __new = function(_, first, ...)
      local value = make and construct.kind(self, make, first, ...)
      if value ~= nil then
        return value
      elseif first == nil then
        return new(ctype)
      end
      return construct.plain(self, first, ...)
    end,
  }
  ffi.metatype(ctype, self.metatable)
end

return record
