-- A set of signals: S.t.sigset("int, term"), from a table of names or numbers, or empty.

local ffi = require "ffi"
local bit = require "bit"

local function count(set)
  return 8 * ffi.sizeof(set) -- _NSIG of asm/signal.h: 64, on mips 128
end

local function number_of(set, signal, level)
  local number = signal
  if type(signal) == "string" then
    number = require("callgate.flags").group("SIG")[signal:match "^%s*(.-)%s*$"]
  end
  if type(number) ~= "number" or number < 1 or number > count(set) or number % 1 ~= 0 then
    local group = require("callgate.flags").group "SIG"
    error(type(signal) == "string" and require("callgate.flags").unknown(group, signal)
      or "no such signal: " .. tostring(signal), level or 3)
  end
  return number
end

local WORD = 8 * ffi.sizeof "unsigned long"

-- Word and mask of a signal: an array of unsigned long, the lowest bit of the first is signal 1.
local function place(set, signal)
  local number = number_of(set, signal, 4) - 1
  return math.floor(number / WORD), bit.lshift(1ULL, number % WORD)
end

local function add(self, signal)
  local word, mask = place(self, signal)
  self.sig[word] = bit.bor(ffi.cast("uint64_t", self.sig[word]), mask)
  return self
end

local function delete(self, signal)
  local word, mask = place(self, signal)
  self.sig[word] = bit.band(ffi.cast("uint64_t", self.sig[word]), bit.bnot(mask))
  return self
end

local function has(self, signal)
  local word, mask = place(self, signal)
  return bit.band(ffi.cast("uint64_t", self.sig[word]), mask) ~= 0
end

return {
  new = function(ctype, value)
    local self = ffi.new(ctype)
    if type(value) == "string" then
      for name in value:gmatch "[^,|]+" do
        if name:match "%S" then
          add(self, name)
        end
      end
    elseif type(value) == "table" then
      for _, signal in ipairs(value) do
        add(self, signal)
      end
    elseif type(value) == "number" then
      add(self, value)
    elseif value ~= nil then
      return nil
    end
    return self
  end,
  methods = { add = add, delete = delete, has = has },
  tostring = function(self)
    local name = require("callgate.kinds.signals").name
    local shown = {}
    for number = 1, count(self) do
      if has(self, number) then
        shown[#shown + 1] = name(number) or tostring(number)
      end
    end
    return "sigset { " .. table.concat(shown, ", ") .. " }"
  end,
}
