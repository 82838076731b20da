-- A set of signals: S.t.sigset("int, term"), S.t.sigset("all, ~chld"), from a table of names or numbers,
-- or empty.

local ffi = require "ffi"
local bitset = require "callgate.kinds.bitset"

local function count(set)
  return 8 * ffi.sizeof(set) -- _NSIG of asm/signal.h: 64, on mips 128
end

local function number_of(set, signal, level)
  local number = signal
  if type(signal) == "string" then
    number = require("callgate.flags").group("SIG")[signal:match "^%s*(.-)%s*$"] or tonumber(signal)
  end
  if type(number) ~= "number" or number < 1 or number > count(set) or number % 1 ~= 0 then
    local group = require("callgate.flags").group "SIG"
    error(type(signal) == "string" and require("callgate.flags").unknown(group, signal)
      or "no such signal: " .. require("callgate.errors").got(signal), level or 3)
  end
  return number
end

local function add(self, signal)
  bitset.add(self, number_of(self, signal, 3) - 1)
  return self
end

local function delete(self, signal)
  bitset.delete(self, number_of(self, signal, 3) - 1)
  return self
end

local function has(self, signal)
  return bitset.has(self, number_of(self, signal, 3) - 1)
end

-- The numbers in the set, in order.
local function list(self)
  local numbers = {}
  for number = 1, count(self) do
    if bitset.has(self, number - 1) then
      numbers[#numbers + 1] = number
    end
  end
  return numbers
end

-- "int", "all", or with a tilde what is left out.
local function apply(self, word)
  local tilde, name = word:match "^%s*(~?)%s*(.-)%s*$"
  if name:lower() == "all" then
    ffi.fill(self, ffi.sizeof(self), tilde == "" and 255 or 0)
  elseif name ~= "" then
    (tilde == "" and add or delete)(self, name)
  end
end

return {
  new = function(ctype, value)
    local self = ffi.new(ctype)
    if type(value) == "string" then
      for word in value:gmatch "[^,|]+" do
        apply(self, word)
      end
    elseif type(value) == "table" then
      bitset.check(value)
      for i = 1, require("callgate.args").count(value, "sigset", 1, "signals", "a signal") do
        add(self, value[i])
      end
    elseif type(value) == "number" then
      add(self, value)
    elseif value ~= nil then
      return nil
    end
    return self
  end,
  methods = { add = add, delete = delete, has = has, list = list },
  tostring = function(self)
    local name = require("callgate.kinds.signals").name
    local shown = {}
    for i, number in ipairs(list(self)) do
      shown[i] = name(number) or tostring(number)
    end
    return "sigset { " .. table.concat(shown, ", ") .. " }"
  end,
}
