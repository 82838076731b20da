-- Groups of constants: S.c.O.RDWR, S.c.O["rdwr, creat"], S.c.O("rdwr", "~creat"), and the names
-- that arguments take. Names resolve once; after that a lookup is one table access.
--
-- A group object holds its state at [1], so that every name stays free for constants.

local ffi = require "ffi"
local bit = require "bit"
local constants = require "callgate.constants"
local declared = require "callgate.groups"

local band, bnot, bor = bit.band, bit.bnot, bit.bor

local flags = {}

local EXACT = 9007199254740992 -- 2^53

local function narrow(value)
  return type(value) == "number" and value < 4294967296 and value >= -2147483648
end

local function uint64(value)
  return type(value) == "number" and ffi.cast("uint64_t", ffi.cast("int64_t", value)) or value
end

-- Flags are unsigned, and some have bits beyond the 32 of LuaJIT's operations (CLONE_INTO_CGROUP):
-- the result is a Lua number where that is exact, else uint64_t.
local function unsigned(value)
  if type(value) == "number" then
    return value < 0 and value + 4294967296 or value
  end
  return value < EXACT and tonumber(value) or value
end

-- a | b. A value alone is kept as it is: it may be negative (AT_FDCWD).
function flags.either(a, b)
  if a == 0 or b == 0 then
    return a == 0 and b or a
  elseif narrow(a) and narrow(b) then
    return unsigned(bor(a, b))
  end
  return unsigned(bor(uint64(a), uint64(b)))
end

-- value & ~clear
function flags.without(value, clear)
  if clear == 0 then
    return value
  elseif narrow(value) and narrow(clear) then
    return unsigned(band(value, bnot(clear)))
  end
  return unsigned(band(uint64(value), bnot(uint64(clear))))
end

local either, without = flags.either, flags.without

-- The value of one name, in any case, with or without the group's prefix; nil where unknown.
local function single(state, name)
  local upper, prefix = name:upper(), state.prefix
  local row = state.row
  local aliases = row and row.aliases
  if aliases then
    upper = aliases[upper] or upper:sub(1, #prefix) == prefix and aliases[upper:sub(#prefix + 1)] or upper
  end
  local get = row and function(key) return constants.of_group(state.name, key) end or constants.get
  local value = upper:sub(1, #prefix) == prefix and get(upper) or get(prefix .. upper)
  -- Some names are partly in lower case.
  if value == nil then
    value = name:sub(1, #prefix) == prefix and get(name) or get(prefix .. name)
  end
  if value == nil and row and row.also then
    value = flags.lookup(flags.group(row.also), name)
  end
  return type(value) ~= "string" and value or nil
end

local function literal(text)
  return (text:find "^%d+$" or text:find "^0[xX]%x+$") and tonumber(text) or nil
end

-- The value of a list "rdwr, creat" or "O_RDWR|O_CREAT", the bits of its "~name" items and whether it is
-- one plain name; nil and the unknown name otherwise.
local function combined(state, text)
  local value, clear, count = 0, 0, 0
  for item in text:gmatch "[^,|]+" do
    local tilde, name = item:match "^%s*(~?)%s*(.-)%s*$"
    if name ~= "" then
      local found = single(state, name) or literal(name)
      if not found then
        return nil, name
      elseif tilde ~= "" then
        clear = either(clear, found)
      else
        value = either(value, found)
      end
      count = count + 1
    end
  end
  return without(value, clear), clear, count == 1 and clear == 0
end

local function remember(state, text)
  local value, clear, one = combined(state, text)
  if value == nil then
    return nil, clear -- the unknown name
  end
  state.memo[text] = value
  state.cleared[text] = clear ~= 0 and clear or nil
  state.one[text] = one and value or nil
  return value
end

-- The value that `text` names in `group`, memoised; nil and the unknown name where there is none.
function flags.lookup(group, text)
  local value = group[1].memo[text]
  if value ~= nil then
    return value
  end
  return remember(group[1], text)
end

-- The same for a parameter that takes one value of a set: nil alone for a list.
function flags.one(group, text)
  local value = group[1].one[text]
  if value ~= nil then
    return value
  end
  local _, unknown = remember(group[1], text)
  return group[1].one[text], unknown
end

-- The bits that "~name" items of `text` ask to leave out of a default.
function flags.cleared(group, text)
  return group[1].cleared[text] or 0
end

-- Every name of the group, without its prefix, in lower case and sorted; for listings and messages.
function flags.names(group)
  local state = group[1]
  local row, prefix = state.row, state.prefix
  local names = {}
  local function add(name)
    local short = name:sub(1, #prefix) == prefix and name:sub(#prefix + 1) or name
    names[#names + 1] = (short ~= "" and short or name):lower()
  end
  if row then
    for name in pairs(constants.group(state.name)) do
      add(name)
    end
    for _, more in ipairs { row.names or {}, row.aliases or {} } do
      for name in pairs(more) do
        add(name)
      end
    end
    for _, name in ipairs(row.also and flags.names(flags.group(row.also)) or {}) do
      add(name)
    end
  else
    for _, name in ipairs(constants.names(prefix)) do
      add(name)
    end
  end
  table.sort(names)
  return names
end

local FEW = 8 -- names that a message lists

-- What is wrong with `name`, and the nearest one that is right, or all where they are few.
function flags.unknown(group, name)
  local prefix, names = group[1].prefix, flags.names(group)
  local near = require("callgate.suggest").nearest(name:lower(), names, prefix:lower())
  local hint = near and ("; did you mean %q?"):format(near)
    or #names > 0 and #names <= FEW and "; there are " .. table.concat(names, ", ") or ""
  return ("unknown name %q%s%s"):format(name, prefix ~= "" and (" for %s*"):format(prefix) or "", hint)
end

-- "O_": what the names of the group begin with.
function flags.prefix(group)
  return group[1].prefix
end

local group_mt = {
  __index = function(self, key)
    if type(key) ~= "string" then
      return nil
    end
    local value, unknown = flags.lookup(self, key)
    if value == nil and key:find "[,|~%s]" then
      error(flags.unknown(self, unknown), 2)
    end
    return value -- nil for a single unknown name: a presence test
  end,
  __call = function(self, ...)
    local value = 0
    for i = 1, select("#", ...) do
      local item = select(i, ...)
      if type(item) == "string" then
        local found, unknown = flags.lookup(self, item)
        if found == nil then
          error(flags.unknown(self, unknown), 2)
        end
        value = without(either(value, found), flags.cleared(self, item))
      elseif type(item) == "number" and item % 1 == 0 or type(item) == "cdata" and tonumber(item) then
        value = either(value, item)
      elseif item ~= nil then
        error(("%s*: expected names or whole numbers, got %s"):format(flags.prefix(self),
          require("callgate.errors").got(item)), 2)
      end
    end
    return value
  end,
  __newindex = function(self)
    error(("%s*: constants cannot be changed"):format(flags.prefix(self)), 2)
  end,
  __tostring = function(self)
    return ("%s*: %s"):format(flags.prefix(self), table.concat(flags.names(self), ", "))
  end,
}

local groups = {}

-- The group called `name`: as declared in groups.lua, else every constant that begins NAME_. nil where
-- there is no such constant.
function flags.group(name)
  local group = groups[name]
  if not group then
    local row = declared[name]
    local prefix = row and row.prefix or name .. "_"
    if not row and not constants.any(prefix) then
      return nil
    end
    group = setmetatable({ { name = name, prefix = prefix, row = row, memo = {}, cleared = {}, one = {} } }, group_mt)
    groups[name] = group
  end
  return group
end

flags.c = setmetatable({}, {
  __index = function(self, name)
    local group = type(name) == "string" and flags.group(name) or nil
    if group then
      rawset(self, name, group)
    end
    return group
  end,
})

return flags
