-- Macros that C programs use beside system calls and that no header gives as an expression: there they
-- are inline functions, statements or the compiler's own. Reached as S.major(dev), S.htons(80)...

local ffi = require "ffi"
local args = require "callgate.args"
local bit = require "bit"
local memory = require "callgate.memory"

local band, bor, bnot, lshift, rshift = bit.band, bit.bor, bit.bnot, bit.lshift, bit.rshift

local macros = {}

-- --- device numbers (man makedev(3); include/linux/kdev_t.h of the kernel, new_encode_dev) -------------------

local function u64(value)
  return ffi.cast("uint64_t", value)
end

local function device(value, name)
  value = args.long(value, name, 1, "dev")
  if value < 0 then
    args.expected("a device number such as st.rdev", value, name, 1, "dev")
  end
  return u64(value)
end

-- The driver's part of a device number such as st.rdev.
function macros.major(dev)
  dev = device(dev, "major")
  return tonumber(bor(band(rshift(dev, 8), 0xfffULL), band(rshift(dev, 32), 0xfffff000ULL)))
end

-- The device's part.
function macros.minor(dev)
  dev = device(dev, "minor")
  return tonumber(bor(band(dev, 0xffULL), band(rshift(dev, 12), 0xffffff00ULL)))
end

local function ranged(value, most, name, position, label)
  local number = args.long(value, name, position, label)
  if number < 0 or number > most then
    args.expected(("a number from 0 to %.0f"):format(most), value, name, position, label)
  end
  return number
end

-- A device number of both: a Lua number where it is exact, as all real ones are.
function macros.makedev(major, minor)
  major = u64(ranged(major, 4294967295, "makedev", 1, "major"))
  minor = u64(ranged(minor, 4294967295, "makedev", 2, "minor"))
  return require "callgate.kinds.exact"(bor(
    lshift(band(major, 0xfffULL), 8), lshift(band(major, 0xfffff000ULL), 32),
    band(minor, 0xffULL), lshift(band(minor, 0xffffff00ULL), 12)
  ))
end

-- --- byte order (man byteorder(3)) --------------------------------------------------------------------------

local little = ffi.abi "le"

-- The two directions are one; each says its own name of what it refuses.
local function short_swap(name)
  return function(value)
    value = tonumber(ranged(value, 65535, name, 1, "value"))
    return little and bor(lshift(band(value, 255), 8), rshift(value, 8)) or value
  end
end

local function long_swap(name)
  return function(value)
    value = args.uint(value, name, 1, "value")
    return little and bit.bswap(bit.tobit(value)) % 4294967296 or value
  end
end

for _, name in ipairs { "htons", "ntohs" } do
  macros[name] = short_swap(name)
end
for _, name in ipairs { "htonl", "ntohl" } do
  macros[name] = long_swap(name)
end

-- --- sets of bits in words (man select(2), CPU_SET(3)) -------------------------------------------------------

local words_t = ffi.typeof "unsigned long *"
local WORD = 8 * ffi.sizeof "unsigned long"

local function bits_of(set, name, position)
  if not memory.is(set) or not memory.size(set) then
    args.expected("a set (a record or an array)", set, name, position, "set")
  end
  return 8 * memory.size(set)
end

local function place(set, number, name)
  local size, label = bits_of(set, name, 2), "cpu"
  if name:find "^FD_" then
    number, label = args.fd(number, name, 1, "fd"), "fd"
  end
  if type(number) ~= "number" or number < 0 or number >= size or number % 1 ~= 0 then
    args.expected(("a number from 0 to %d"):format(size - 1), number, name, 1, label)
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
    ffi.fill(set, bits_of(set, name, 1) / 8)
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
  for number = 0, bits_of(set, "CPU_COUNT", 1) - 1 do
    if is_set(number, set) then
      count = count + 1
    end
  end
  return count
end

-- --- control messages (man cmsg(3); include/linux/socket.h of the kernel, __cmsg_nxthdr) ----------------------

local SIZE = ffi.sizeof "size_t"
local HEADER = SIZE + 8 -- of struct cmsghdr: cmsg_len, cmsg_level, cmsg_type

-- The control message behind `cmsg`, a pointer as CMSG_FIRSTHDR gives it; nil behind the last one.
function macros.CMSG_NXTHDR(mhdr, cmsg)
  local length, room = tonumber(cmsg.cmsg_len), tonumber(mhdr.msg_controllen)
  local first, here = ffi.cast("uint8_t *", mhdr.msg_control), ffi.cast("uint8_t *", cmsg)
  local step = math.ceil(length / SIZE) * SIZE
  if here < first or here >= first + room then
    args.misuse("CMSG_NXTHDR", 2, "cmsg", "no message of this header's control")
  elseif length < HEADER or tonumber(here - first) + step + HEADER > room then
    return nil
  end
  local ctype = ffi.typeof(cmsg)
  return ffi.cast(tostring(ctype):find "%*>$" and ctype or ffi.typeof("$ *", ctype), here + step)
end

local guard = require "callgate.guard"
for name, fn in pairs(macros) do
  macros[name] = guard(name, fn)
end

return macros
