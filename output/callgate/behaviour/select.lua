-- select and pselect6: sets of descriptors as tables.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local selecting = {}

local WORD = ffi.sizeof "unsigned long"
local MOST = 1048576 -- fs.nr_open's default: no process has descriptors beyond it
local TABLE = 32 -- fewer descriptors than this no process's table has room for (linux/fdtable.h: NR_OPEN_DEFAULT)
local LABELS = { "read", "write", "except" }

-- Bits are counted in words, whose bytes stand the other way round on big-endian machines.
local FLIP = ffi.abi "be" and WORD - 1 or 0

local function place(number)
  return bit.bxor(bit.rshift(number, 3), FLIP), bit.lshift(1, bit.band(number, 7))
end

-- The numbers of the descriptors of a table, and the largest of all so far.
local function numbers_of(list, call, position, highest)
  if type(list) ~= "table" then
    return args.expected("a table of descriptors, or nil", list, call, position, LABELS[position])
  end
  for key in pairs(list) do
    if type(key) ~= "number" then
      local what = "unknown key %q; expected a list of descriptors: %s(read, write, except, timeout)"
      return args.misuse(call, position, LABELS[position], what:format(tostring(key), call))
    end
  end
  local numbers = {}
  for i = 1, args.count(list, call, position, LABELS[position], "a descriptor") do
    local label = ("%s[%d]"):format(LABELS[position], i)
    local number = args.fd(list[i], call, position, label)
    if number < 0 or number >= MOST then
      return args.expected("an open descriptor", list[i], call, position, label)
    end
    numbers[i] = number
    highest = math.max(highest, number)
  end
  return numbers, highest
end

local function bits_of(numbers, bytes)
  local set = ffi.new("uint8_t[?]", bytes)
  for i = 1, #numbers do
    local byte, mask = place(numbers[i])
    set[byte] = bit.bor(set[byte], mask)
  end
  return set
end

-- What of a table the kernel left in its set, in the order of the table.
local function ready(list, numbers, set)
  local found = {}
  for i = 1, #numbers do
    local byte, mask = place(numbers[i])
    if bit.band(set[byte], mask) ~= 0 then
      found[#found + 1] = list[i]
    end
  end
  return found
end

-- local readable, writable = assert(S.select({ a, b }, { c }, nil, 1.5))
local function maker(call)
  return function()
    local raw, fcntl = sys.pselect6, sys.fcntl
    local GETFD = flags.group("F").GETFD
    local timespec, sigset, masked = types.t.timespec, types.t.sigset, types.t.__aio_sigset
    return function(read, write, except, timeout, mask)
      local lists, numbers, sets, highest = { read or {}, write or {}, except or {} }, {}, {}, -1
      for i = 1, 3 do
        numbers[i], highest = numbers_of(lists[i], call, i, highest)
      end
      -- The kernel ignores what lies behind the process's table, and leaves its bits as they are: without this they
      -- would be ready, or never so (fs/select.c: core_sys_select). The table reaches as far as any open descriptor.
      if highest >= TABLE and fcntl(highest, GETFD, 0) == -1 then
        return errors.fail()
      end
      local bytes = math.ceil((highest + 1) / 8 / WORD) * WORD
      for i = 1, 3 do
        sets[i] = #numbers[i] > 0 and bits_of(numbers[i], bytes) or nil
      end
      if timeout ~= nil then -- a copy: the kernel writes what remains of it
        timeout = timespec(args.record(timeout, call, 4, "timeout", timespec))
      end
      local last
      if mask ~= nil then
        mask = args.record(mask, call, 5, "mask", sigset)
        last = masked() -- a pointer and a size, as in aio (fs/select.c: struct sigset_argpack)
        last.sigmask, last.sigsetsize = mask, ffi.sizeof(sigset)
      end
      if raw(highest + 1, sets[1], sets[2], sets[3], timeout, last) == -1 then
        return errors.fail(mask)
      end
      local found = {}
      for i = 1, 3 do
        found[i] = sets[i] and ready(lists[i], numbers[i], sets[i]) or {}
      end
      return found[1], found[2], found[3]
    end
  end
end

selecting.select = maker "select"
selecting.pselect6 = maker "pselect6"

return selecting
