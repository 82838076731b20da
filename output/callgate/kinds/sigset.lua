-- A set of signals: S.t.sigset("int, term"), from a table of names or numbers, or empty.

local ffi = require "ffi"
local bit = require "bit"

local COUNT = 64 -- _NSIG of asm/signal.h; 128 on mips

local function number_of(signal, level)
  local number = signal
  if type(signal) == "string" then
    number = require("callgate.flags").group("SIG")[signal:match "^%s*(.-)%s*$"]
  end
  if type(number) ~= "number" or number < 1 or number > COUNT or number % 1 ~= 0 then
    local group = require("callgate.flags").group "SIG"
    error(type(signal) == "string" and require("callgate.flags").unknown(group, signal)
      or "no such signal: " .. tostring(signal), level or 3)
  end
  return number
end

local WORD = 8 * ffi.sizeof "unsigned long"

-- Word and mask of a signal: an array of unsigned long, the lowest bit of the first is signal 1.
local function place(signal)
  local number = number_of(signal, 4) - 1
  return math.floor(number / WORD), bit.lshift(1ULL, number % WORD)
end

local function add(self, signal)
  local word, mask = place(signal)
  self.sig[word] = bit.bor(ffi.cast("uint64_t", self.sig[word]), mask)
  return self
end

local function delete(self, signal)
  local word, mask = place(signal)
  self.sig[word] = bit.band(ffi.cast("uint64_t", self.sig[word]), bit.bnot(mask))
  return self
end

local function has(self, signal)
  local word, mask = place(signal)
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
    local names = {}
    for name, number in pairs(require("callgate.constants").group "SIG") do
      if number >= 1 and number <= COUNT and not names[number] and has(self, number) then
        names[number] = name:sub(4):lower()
      end
    end
    local shown = {}
    for number = 1, COUNT do
      if has(self, number) then
        shown[#shown + 1] = names[number] or tostring(number)
      end
    end
    return "sigset { " .. table.concat(shown, ", ") .. " }"
  end,
}
