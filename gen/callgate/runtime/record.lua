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
    fields = fields or require "callgate.fields"(self.kind .. " " .. text)
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

-- `text` with arrays in which LuaJIT sees no end made harmless, and its arrays of bytes under other names.
function record.guarded(text)
  if text:find("[0];", 1, true) or text:find("[];", 1, true) then
    return require "callgate.flexible"(text)
  end
  return text, NONE
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

local NO_HELPERS = { row = NONE, index = NONE, newindex = NONE, aliases = NONE, methods = NONE, ready = function() end }
local GROUPS = { "index", "newindex", "aliases", "methods" }

-- The tables of a kinds module, which load() returns: they fill themselves when a name is first looked up in one of
-- them, and are plain tables then, so that compiled code finds what it needs at once. Before pairs(): ready().
local function helpers_of(load)
  if not load then
    return NO_HELPERS
  end
  local helpers = { row = {} }
  function helpers.ready()
    if not load then
      return
    end
    local module, row = load(), setmetatable(helpers.row, nil)
    load = nil
    row.new, row.takes, row.values, row.tostring = module.new, module.takes, module.values, module.tostring
    for _, group in ipairs(GROUPS) do
      local given, into = module[group] or NONE, helpers[group]
      setmetatable(into, getmetatable(given)) -- short.lua's
      for key, value in pairs(given) do
        into[key] = value
      end
    end
  end
  local lazy = {
    __index = function(self, name)
      helpers.ready()
      return self[name]
    end,
  }
  for _, group in ipairs(GROUPS) do
    helpers[group] = setmetatable({}, lazy)
  end
  setmetatable(helpers.row, lazy)
  return helpers
end

-- Gives `ctype`, the record called `name` that is declared as `kind` ("struct") and `text`, its
-- metatable. `load`, if given, is a function that returns what a kinds module gives it, all optional:
--   new(ctype, ...)   a friendly constructor; nil leaves the arguments to the common one
--   takes             the keys that it looks at in a table: { port = true }; of others the common one sees to
--   values            how many values without names such a table may have
--   index, newindex   name -> function(self[, value]): accessors
--   methods           name -> function(self, ...)
--   aliases           short name -> field
--   tostring(self)
-- `accessors` are its lowered bit-fields: name -> { unit, shift, width, signed }.
function record.metatype(ctype, kind, name, text, load, accessors)
  local helpers, lowered = helpers_of(load), accessors or NONE
  local row, index, newindex = helpers.row, helpers.index, helpers.newindex
  local aliases, methods = helpers.aliases, helpers.methods
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
    row = row,
    ready = helpers.ready,
    flexible = text:find "%[%];\n%s*}[^\n]*$" ~= nil,
  }
  lazily_parsed(self, text)
  self.metatable = {
    __len = function(value)
      return self.flexible and require("callgate.memory").size(value) or size -- a pointer does not tell
    end,
    __tostring = function(value)
      if row.tostring and value ~= nil then
        return row.tostring(value)
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
        ok, message = pcall(construct.assign, self, value, aliases[key], item)
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
      local make = row.new
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
