-- Waiting for words of memory: futex, whose operation decides what its arguments are, and the calls of futex2
-- that take several words.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local futex = {}

local fail = errors.fail
local cast = ffi.cast

local ALL = 4294967295 -- linux/futex.h: FUTEX_BITSET_MATCH_ANY
local SIZE_U32 = 2 -- linux/futex.h: FUTEX2_SIZE_U32
local COMMAND = 127 -- linux/futex.h: what FUTEX_CMD_MASK leaves of the operations that there are

-- What the caller gives after the operation, in its order, and whether a number comes back: futex(2).
--   value    the third argument of C        timeout  the fourth        count    a number in the fourth's place
--   word2    the fifth                      value3   the sixth         mask     the sixth, by default all bits
local FORMS = {
  [0] = { "value", "timeout" }, -- wait
  { "value", number = true }, -- wake
  { "value", number = true }, -- fd, gone since Linux 2.6.26
  { "value", "count", "word2", number = true }, -- requeue
  { "value", "count", "word2", "value3", number = true }, -- cmp_requeue
  { "value", "count", "word2", "value3", number = true }, -- wake_op
  { "timeout" }, -- lock_pi
  {}, -- unlock_pi
  {}, -- trylock_pi
  { "value", "timeout", "mask" }, -- wait_bitset
  { "value", "mask", number = true }, -- wake_bitset
  { "value", "timeout", "word2" }, -- wait_requeue_pi
  { "value", "count", "word2", "value3", number = true }, -- cmp_requeue_pi
  { "timeout" }, -- lock_pi2
}

local CONVERT = {}

function CONVERT.value(value, position, name)
  return args.uint(value == nil and 0 or value, "futex", position, name)
end

CONVERT.value3 = CONVERT.value

function CONVERT.count(value, position, name)
  return cast("void *", cast("uintptr_t", CONVERT.value(value, position, name)))
end

function CONVERT.mask(value, position)
  return value == nil and ALL or args.uint(value, "futex", position, "mask")
end

function CONVERT.timeout(value, position)
  return args.optional_record(value, "futex", position, "timeout", types.t.timespec)
end

function CONVERT.word2(value, position)
  return cast("void *", args.address(value, "futex", position, "word2"))
end

local PLACE = { value = 1, timeout = 2, count = 2, word2 = 3, value3 = 4, mask = 4 }

-- S.futex(word, "wait", expected, timeout) -> true; S.futex(word, "wake, private", 1) -> number
function futex.futex()
  local raw = sys.futex
  local group = flags.group "FUTEX"
  return function(word, operation, a, b, c, d)
    local at = cast("void *", args.address(word, "futex", 1, "word"))
    if operation == nil then
      return args.expected('an operation such as "wait" or "wake, private"', nil, "futex", 2, "operation")
    end
    operation = args.flags(operation, "futex", 2, "operation", group)
    local form = FORMS[bit.band(operation, COMMAND)]
    if not form then
      return args.misuse("futex", 2, "operation", ("no operation has the number %s"):format(tostring(operation)))
    end
    local given, passed = { a, b, c, d }, { 0, nil, nil, 0 }
    for i, name in ipairs(form) do
      passed[PLACE[name]] = CONVERT[name](given[i], i + 2, name)
    end
    local result = raw(at, operation, passed[1], passed[2], passed[3], passed[4])
    if result == -1 then
      return fail(given) -- which keeps the words until here
    end
    return form.number and result or true
  end
end

-- --- futex2 --------------------------------------------------------------------------------------------

-- A value or a mask as a register: of 32 bits unsigned where that is what a register has.
local function word_of(value, call, position, name)
  return args.word(args.long(value, call, position, name), call, position, name)
end

-- S.futex_wait(word, expected, mask, flags, deadline, clock)
function futex.futex_wait()
  local raw = sys.futex_wait
  local FUTEX2, CLOCK = flags.group "FUTEX2", flags.group "CLOCK"
  local timespec = types.t.timespec
  local MONOTONIC = CLOCK.MONOTONIC
  return function(word, value, mask, options, timeout, clock)
    local at = cast("void *", args.address(word, "futex_wait", 1, "word"))
    value = word_of(value, "futex_wait", 2, "value")
    mask = word_of(mask == nil and ALL or mask, "futex_wait", 3, "mask")
    options = args.flags_with(options, "futex_wait", 4, "flags", FUTEX2, SIZE_U32)
    timeout = args.optional_record(timeout, "futex_wait", 5, "timeout", timespec)
    clock = clock == nil and MONOTONIC or args.choice(clock, "futex_wait", 6, "clock", CLOCK)
    if raw(at, value, mask, options, timeout, clock) == -1 then
      return fail(word)
    end
    return true
  end
end

-- S.futex_wake(word, mask, count)
function futex.futex_wake()
  local raw = sys.futex_wake
  local FUTEX2 = flags.group "FUTEX2"
  return function(word, mask, count, options)
    local at = cast("void *", args.address(word, "futex_wake", 1, "word"))
    mask = word_of(mask == nil and ALL or mask, "futex_wake", 2, "mask")
    count = count == nil and 1 or args.int(count, "futex_wake", 3, "count")
    local result = raw(at, mask, count, args.flags_with(options, "futex_wake", 4, "flags", FUTEX2, SIZE_U32))
    if result == -1 then
      return fail(word)
    end
    return result
  end
end

local PARTS = { true, true, true } -- of a row: word, value, flags

-- An array of futex_waitv of a table of { word, value, flags }; `least` is how many of them need a value.
local function waiters_of(list, call, least)
  if type(list) ~= "table" then
    return args.expected("a table of { word, value }", list, call, 1, "waiters")
  end
  local waitv = types.t.futex_waitv
  local count = args.count(list, call, 1, "waiters", "a row")
  local array = ffi.new(ffi.typeof("$[?]", waitv), count)
  local group = flags.group "FUTEX2"
  for i, item in ipairs(list) do
    local label = ("waiters[%d]"):format(i)
    if type(item) ~= "table" then
      return args.expected("{ word, value }", item, call, 1, label)
    end
    for key in pairs(item) do
      if not PARTS[key] then
        return args.misuse(call, 1, label, ("unknown key %q; expected { word, value, flags }"):format(tostring(key)))
      end
    end
    local value = item[2]
    if value == nil and i > (least or count) then
      value = 0
    end
    array[i - 1].uaddr = cast("uintptr_t", args.address(item[1], call, 1, label .. "[1]"))
    array[i - 1].val = word_of(value, call, 1, label .. "[2]")
    array[i - 1].flags = args.flags_with(item[3], call, 1, label .. "[3]", group, SIZE_U32)
  end
  return array, count
end

-- S.futex_waitv({ { a, 0 }, { b, 0 } }, deadline) -> 2: it was b's waker
function futex.futex_waitv()
  local raw = sys.futex_waitv
  local CLOCK = flags.group "CLOCK"
  local timespec = types.t.timespec
  local MONOTONIC = CLOCK.MONOTONIC
  return function(list, timeout, clock, options)
    local array, count = waiters_of(list, "futex_waitv")
    timeout = args.optional_record(timeout, "futex_waitv", 2, "timeout", timespec)
    clock = clock == nil and MONOTONIC or args.choice(clock, "futex_waitv", 3, "clock", CLOCK)
    options = options == nil and 0 or args.uint(options, "futex_waitv", 4, "flags")
    local result = raw(array, count, options, timeout, clock)
    if result == -1 then
      return fail(list)
    end
    return result + 1
  end
end

-- S.futex_requeue({ { a, expected }, { b } }, 1, 10)
function futex.futex_requeue()
  local raw = sys.futex_requeue
  return function(list, wake, move, options)
    local array, count = waiters_of(list, "futex_requeue", 1) -- the kernel compares the first word alone
    if count ~= 2 then
      return args.misuse("futex_requeue", 1, "waiters", ("expected two, got %d"):format(count))
    end
    wake = args.int(wake, "futex_requeue", 2, "wake")
    move = args.int(move, "futex_requeue", 3, "move")
    options = options == nil and 0 or args.uint(options, "futex_requeue", 4, "flags")
    local result = raw(array, options, wake, move)
    if result == -1 then
      return fail(list)
    end
    return result
  end
end

-- S.get_robust_list(pid) -> pointer to a robust_list_head, false where the thread has none; its size
function futex.get_robust_list()
  local raw = sys.get_robust_list
  local head = ffi.typeof("$ *[1]", types.t.robust_list_head)()
  local length = ffi.new "size_t[1]"
  return function(pid)
    pid = pid == nil and 0 or args.int(pid, "get_robust_list", 1, "pid")
    if raw(pid, head, length) == -1 then
      return fail()
    end
    return head[0] ~= nil and head[0] or false, tonumber(length[0])
  end
end

return futex
