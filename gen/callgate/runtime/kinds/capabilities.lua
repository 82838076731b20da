-- The capabilities of a process: S.t.capabilities { effective = "chown, kill", permitted = "all" };
-- caps:has("chown"), caps:has("chown", "permitted"), caps:raise("effective, permitted", "chown"),
-- caps:drop("effective", "all"); caps.effective is a table of names.

local ffi = require "ffi"
local bit = require "bit"

local band, bnot, bor, lshift, rshift = bit.band, bit.bnot, bit.bor, bit.lshift, bit.rshift

local SETS = { "effective", "permitted", "inheritable" }
local IS_SET = { effective = true, permitted = true, inheritable = true }
local WORDS = 2 -- linux/capability.h: _LINUX_CAPABILITY_U32S_3

local function group()
  return require("callgate.flags").group "CAP"
end

local function number_of(name, level)
  local number = type(name) == "number" and name or group()[name]
  if type(number) ~= "number" or number < 0 or number >= 32 * WORDS or number % 1 ~= 0 then
    error(type(name) == "string" and require("callgate.flags").unknown(group(), name)
      or "no such capability: " .. require("callgate.errors").got(name), level)
  end
  return number
end

local function check_set(set, level)
  if not IS_SET[set] then
    local got = require("callgate.errors").got(set)
    error(('expected "effective", "permitted" or "inheritable", got %s'):format(got), level)
  end
  return set
end

local function change(self, set, number, on)
  local word, mask = self.data[rshift(number, 5)], lshift(1, band(number, 31))
  local bits = bit.tobit(word[set])
  word[set] = on and bor(bits, mask) or band(bits, bnot(mask))
end

local function change_named(self, sets, names, on, level)
  if type(names) == "table" then
    names = table.concat(names, ",")
  end
  for set in tostring(sets):gmatch "[^,|%s]+" do
    check_set(set, level + 1)
    for name in tostring(names):gmatch "[^,|%s]+" do
      if name:lower() == "all" then
        local last = require("callgate.constants").get "CAP_LAST_CAP"
        for number = 0, last do
          change(self, set, number, on)
        end
      else
        change(self, set, number_of(tonumber(name) or name, level + 1), on)
      end
    end
  end
  return self
end

local function has(self, name, set)
  set = check_set(set or "effective", 3)
  local number = number_of(name, 3)
  return band(bit.tobit(self.data[rshift(number, 5)][set]), lshift(1, band(number, 31))) ~= 0
end

-- Names in the order of their numbers; a number where the headers have no name.
local function names_of(self, set)
  local by_number, out = {}, {}
  for name, number in pairs(require("callgate.constants").group "CAP") do
    by_number[number] = name:sub(5):lower()
  end
  for number = 0, 32 * WORDS - 1 do
    if has(self, number, set) then
      out[#out + 1] = by_number[number] or number
    end
  end
  return out
end

local index = {}
for _, set in ipairs(SETS) do
  index[set] = function(self)
    return names_of(self, set)
  end
end

return {
  new = function(ctype, row)
    if type(row) ~= "table" then
      return nil
    end
    local self = ffi.new(ctype)
    for set, names in pairs(row) do
      change_named(self, check_set(set, 3), names, true, 3)
    end
    return self
  end,
  index = index,
  methods = {
    has = has,
    raise = function(self, sets, names)
      return change_named(self, sets, names, true, 2)
    end,
    drop = function(self, sets, names)
      return change_named(self, sets, names, false, 2)
    end,
  },
  tostring = function(self)
    local parts, count = {}, require("callgate.constants").get "CAP_LAST_CAP" + 1
    for i, set in ipairs(SETS) do
      local names = names_of(self, set)
      parts[i] = ('%s = "%s"'):format(set, #names == count and "all" or table.concat(names, ", "))
    end
    return "capabilities { " .. table.concat(parts, ", ") .. " }"
  end,
}
