-- Bits of an array of unsigned long, as the kernel's signal and processor sets are: bit 0 is the lowest of
-- the first word. Done by bytes: LuaJIT's 64-bit masks are not needed, and either byte order is one formula.

local ffi = require "ffi"
local bit = require "bit"

local band, bnot, bor, lshift, rshift = bit.band, bit.bnot, bit.bor, bit.lshift, bit.rshift

local WORD = ffi.sizeof "unsigned long"
local BIG_ENDIAN = ffi.abi "be"
local bytes_t = ffi.typeof "uint8_t *"

local function place(number)
  local byte = rshift(number, 3)
  if BIG_ENDIAN then
    byte = byte + WORD - 1 - 2 * (byte % WORD)
  end
  return byte, lshift(1, band(number, 7))
end

local bitset = {}

function bitset.has(self, number)
  local byte, mask = place(number)
  return band(ffi.cast(bytes_t, self)[byte], mask) ~= 0
end

function bitset.add(self, number)
  local byte, mask = place(number)
  local bytes = ffi.cast(bytes_t, self)
  bytes[byte] = bor(bytes[byte], mask)
end

function bitset.delete(self, number)
  local byte, mask = place(number)
  local bytes = ffi.cast(bytes_t, self)
  bytes[byte] = band(bytes[byte], bnot(mask))
end

-- A table for a set has its members in a row: what stands elsewhere would not be looked at.
function bitset.check(items)
  for key in pairs(items) do
    if type(key) ~= "number" or key < 1 or key % 1 ~= 0 then
      error(("unknown key %s: members have no names and count from 1"):format(require("callgate.errors").shown(key)), 0)
    end
  end
end

return bitset
