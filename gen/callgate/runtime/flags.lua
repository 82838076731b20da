-- Groups of constants: S.c.O.RDWR, S.c.O["rdwr, creat"], S.c.O("rdwr", "~creat"), and the names
-- that arguments take. Names resolve once; after that a lookup is one table access.

local bit = require "bit"
local constants = require "callgate.constants"
local declared = require "callgate.groups"

local band, bnot, bor = bit.band, bit.bnot, bit.bor

local flags = {}

-- LuaJIT's bit operations give signed 32-bit results; flags are unsigned.
local function unsigned(value)
  if type(value) == "number" and value < 0 then
    return value + 4294967296
  end
  return value
end

local Group = {}

-- The value of one name, in any case, with or without the group's prefix; nil where unknown.
local function single(group, name)
  local upper = name:upper()
  local prefix = group.prefix
  local aliases = group.aliases
  if aliases and aliases[upper] then
    return aliases[upper]
  end
  local full = upper:sub(1, #prefix) == prefix and upper or prefix .. upper
  if not group.row then
    return constants.get(full) or constants.get(prefix .. upper) or constants.get(prefix .. name)
  end
  local values = group.values
  if not values then
    values = constants.group(group.name)
    group.values = values
  end
  -- Some names repeat the prefix or are partly in lower case: try what is written, too.
  return values[full] or values[prefix .. upper] or values[prefix .. name] or values[name]
end

-- The value of a list "rdwr, creat" or "O_RDWR|O_CREAT"; nil and the unknown name otherwise.
local function combined(group, text)
  local value, clear = 0, nil
  for item in text:gmatch "[^,|]+" do
    local name = item:match "^%s*(.-)%s*$"
    if name:sub(1, 1) == "~" then
      local off = single(group, name:sub(2):match "^%s*(.*)$")
      if not off then
        return nil, name:sub(2)
      end
      clear = bor(clear or 0, off)
    elseif name ~= "" then
      local found = single(group, name)
      if not found then
        if not name:match "^0?[xX]?%x+$" or not tonumber(name) then
          return nil, name
        end
        found = tonumber(name)
      end
      -- A single value needs no bit operation, and may be wider than 32 bits.
      value = value == 0 and found or bor(value, found)
    end
  end
  return unsigned(clear and band(value, bnot(clear)) or value), nil, clear and unsigned(clear)
end

local function resolve(group, text)
  local value, unknown, clear = combined(group, text)
  if value == nil then
    return nil, unknown
  end
  group.memo[text] = value
  if clear then
    group.cleared[text] = clear
  end
  return value
end

-- The value that `text` names, memoised; nil and the unknown name where there is none.
function flags.lookup(group, text)
  local value = group.memo[text]
  if value ~= nil then
    return value
  end
  return resolve(group, text)
end

-- The bits that "~name" items of `text` ask to leave out of a default.
function flags.cleared(group, text)
  return group.cleared[text] or 0
end

-- Every name of the group, without its prefix, in lower case and sorted; for messages.
function flags.names(group)
  local values = group.row and constants.group(group.name) or constants.with_prefix(group.prefix)
  local names = {}
  for name in pairs(values) do
    local short = name:sub(#group.prefix + 1)
    names[#names + 1] = (short ~= "" and short or name):lower()
  end
  table.sort(names)
  return names
end

function flags.unknown(group, name)
  local near = require("callgate.suggest").nearest(name:lower(), flags.names(group), group.prefix:lower())
  return ("unknown name %q for %s*%s"):format(name, group.prefix, near and ("; did you mean %q?"):format(near) or "")
end

local group_mt = {
  __index = function(self, key)
    local own = rawget(Group, key)
    if own then
      return own
    end
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
        value = unsigned(band(bor(value, found), bnot(flags.cleared(self, item))))
      elseif type(item) == "number" then
        value = unsigned(bor(value, item))
      elseif item ~= nil then
        error(("%s*: expected names or numbers, got %s"):format(self.prefix, type(item)), 2)
      end
    end
    return value
  end,
}

local groups = {}

-- The group called `name`: as declared in groups.lua, else every constant that begins NAME_.
function flags.group(name)
  local group = groups[name]
  if not group then
    local row = declared[name]
    group = setmetatable({
      name = name,
      prefix = row and row.prefix or name .. "_",
      row = row,
      aliases = row and row.aliases,
      memo = {},
      cleared = {},
    }, group_mt)
    if not row and next(constants.with_prefix(group.prefix)) == nil then
      return nil
    end
    groups[name] = group
  end
  return group
end

flags.c = setmetatable({}, {
  __index = function(self, name)
    local group = flags.group(name)
    rawset(self, name, group)
    return group
  end,
})

return flags
