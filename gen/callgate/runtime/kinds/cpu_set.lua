-- A set of processors: S.t.cpu_set { 0, 2 }, S.t.cpu_set "0-3, 8", S.t.cpu_set(5); set:has(0), set:add(1),
-- set:delete(1), set:list(), set:count().

local ffi = require "ffi"
local bitset = require "callgate.kinds.bitset"

local function check(self, number)
  if type(number) ~= "number" or number < 0 or number >= 8 * ffi.sizeof(self) or number % 1 ~= 0 then
    error(("no such processor: %s"):format(require("callgate.errors").got(number)), 4)
  end
  return number
end

local function add(self, number)
  bitset.add(self, check(self, number))
  return self
end

local function delete(self, number)
  bitset.delete(self, check(self, number))
  return self
end

local function has(self, number)
  return bitset.has(self, check(self, number))
end

local function list(self)
  local numbers = {}
  for number = 0, 8 * ffi.sizeof(self) - 1 do
    if bitset.has(self, number) then
      numbers[#numbers + 1] = number
    end
  end
  return numbers
end

-- "0-3, 8", as the kernel writes sets in /sys.
local function parse(self, text)
  for part in text:gmatch "[^,%s]+" do
    local first, dash, last = part:match "^(%d+)(%-?)(%d*)$"
    first, last = tonumber(first), dash == "-" and tonumber(last) or dash == "" and tonumber(first)
    if not first or not last or last < first then
      error(('expected processors such as "0-3, 8", got %q'):format(text), 3)
    end
    for number = first, last do
      add(self, number)
    end
  end
end

local function text_of(self)
  local parts, numbers = {}, list(self)
  local i = 1
  while numbers[i] do
    local first = numbers[i]
    while numbers[i + 1] == numbers[i] + 1 do
      i = i + 1
    end
    parts[#parts + 1] = first == numbers[i] and tostring(first) or ("%d-%d"):format(first, numbers[i])
    i = i + 1
  end
  return table.concat(parts, ",")
end

return {
  new = function(ctype, value)
    local self = ffi.new(ctype)
    if type(value) == "table" then
      bitset.check(value)
      for i = 1, require("callgate.args").count(value, "cpu_set", 1, "processors", "a number") do
        add(self, value[i])
      end
    elseif type(value) == "string" then
      parse(self, value)
    elseif type(value) == "number" then
      add(self, value)
    elseif value ~= nil then
      return nil
    end
    return self
  end,
  methods = {
    add = add,
    delete = delete,
    has = has,
    list = list,
    count = function(self)
      return #list(self)
    end,
  },
  tostring = function(self)
    return "cpu_set { " .. text_of(self) .. " }"
  end,
}
