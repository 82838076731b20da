-- Macros that C programs use beside system calls and that no header gives as an expression: there they
-- are inline functions, statements or the compiler's own. Reached as S.major(dev), S.htons(80)...

local ffi = require "ffi"
local bit = require "bit"
local errors = require "callgate.errors"
local memory = require "callgate.memory"

local band, bor, bnot, lshift, rshift = bit.band, bit.bor, bit.bnot, bit.lshift, bit.rshift

local macros = {}

-- --- device numbers (man makedev(3); include/linux/kdev_t.h of the kernel, new_encode_dev) -------------------

local function u64(value)
  return ffi.cast("uint64_t", value)
end

-- The driver's part of a device number such as st.rdev.
function macros.major(dev)
  dev = u64(dev)
  return tonumber(bor(band(rshift(dev, 8), 0xfffULL), band(rshift(dev, 32), 0xfffff000ULL)))
end

-- The device's part.
function macros.minor(dev)
  dev = u64(dev)
  return tonumber(bor(band(dev, 0xffULL), band(rshift(dev, 12), 0xffffff00ULL)))
end

-- A device number: a Lua number where it is exact, as all real ones are.
function macros.makedev(major, minor)
  major, minor = u64(major), u64(minor)
  return require "callgate.kinds.exact"(bor(
    lshift(band(major, 0xfffULL), 8), lshift(band(major, 0xfffff000ULL), 32),
    band(minor, 0xffULL), lshift(band(minor, 0xffffff00ULL), 12)
  ))
end

-- --- byte order (man byteorder(3)) --------------------------------------------------------------------------

local little = ffi.abi "le"

local function swap16(value)
  return bor(lshift(band(value, 255), 8), band(rshift(value, 8), 255))
end

local function swap32(value)
  return bit.bswap(bit.tobit(value)) % 4294967296
end

local function same16(value)
  return band(value, 65535)
end

local function same32(value)
  return value % 4294967296
end

macros.htons = little and swap16 or same16
macros.ntohs = macros.htons
macros.htonl = little and swap32 or same32
macros.ntohl = macros.htonl

-- --- sets of bits in words (man select(2), CPU_SET(3)) -------------------------------------------------------

local words_t = ffi.typeof "unsigned long *"
local WORD = 8 * ffi.sizeof "unsigned long"

local function bits_of(set, name)
  if not memory.is(set) or not memory.size(set) then
    error(("%s: expected a set (a record or an array), got %s"):format(name, errors.got(set)), 0)
  end
  return 8 * memory.size(set)
end

local function place(set, number, name)
  local size = bits_of(set, name)
  if type(number) ~= "number" or number < 0 or number >= size or number % 1 ~= 0 then
    error(("%s: argument 1: expected a number from 0 to %d, got %s"):format(name, size - 1, errors.shown(number)), 0)
  end
  return ffi.cast(words_t, set), math.floor(number / WORD), lshift(1ULL, number % WORD)
end

local function setter(name)
  return function(number, set)
    local words, word, mask = place(set, number, name)
    words[word] = bor(u64(words[word]), mask)
  end
end

local function clearer(name)
  return function(number, set)
    local words, word, mask = place(set, number, name)
    words[word] = band(u64(words[word]), bnot(mask))
  end
end

local function tester(name)
  return function(number, set)
    local words, word, mask = place(set, number, name)
    return band(u64(words[word]), mask) ~= 0
  end
end

local function zeroer(name)
  return function(set)
    ffi.fill(set, bits_of(set, name) / 8)
  end
end

-- S.FD_SET(fd, set) on a S.t.__kernel_fd_set(); S.CPU_SET(cpu, set) on any array of unsigned long.
for _, prefix in ipairs { "FD_", "CPU_" } do
  macros[prefix .. "SET"] = setter(prefix .. "SET")
  macros[prefix .. "CLR"] = clearer(prefix .. "CLR")
  macros[prefix .. "ISSET"] = tester(prefix .. "ISSET")
  macros[prefix .. "ZERO"] = zeroer(prefix .. "ZERO")
end

-- How many processors are in the set.
function macros.CPU_COUNT(set)
  local count = 0
  local is_set = tester "CPU_COUNT"
  for number = 0, bits_of(set, "CPU_COUNT") - 1 do
    if is_set(number, set) then
      count = count + 1
    end
  end
  return count
end

local guard = require "callgate.guard"
for name, fn in pairs(macros) do
  macros[name] = guard(name, fn)
end

return macros
