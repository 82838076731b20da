-- Clocks and timers that take more than a table says: what times there are under older names, what the kernel says of
-- a clock, numbers that it stores.

local ffi = require "ffi"
local args = require "callgate.args"
local calls = require "callgate.calls"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local clocks = {}

local fail = errors.fail

-- gettimeofday, by clock_gettime: the two tell the same time, and only the second has one form everywhere.
function clocks.gettimeofday()
  local clock = calls.get "clock_gettime"
  local timeval = types.t.timeval
  local REALTIME = flags.group("CLOCK").REALTIME
  local now = types.t.timespec()
  return function(tv)
    tv = args.out(tv, "gettimeofday", 1, "tv", timeval)
    local found, message, errno = clock(REALTIME, now)
    if not found then
      return nil, message, errno
    end
    tv.tv_sec, tv.tv_usec = now.tv_sec, now.tv_nsec / 1000
    return tv
  end
end

-- S.time() -> 1700000000. By the coarse clock, as the kernel's own call: two calls never seem to go back.
function clocks.time()
  local clock = calls.get "clock_gettime"
  local REALTIME_COARSE = flags.group("CLOCK").REALTIME_COARSE
  local now = types.t.timespec()
  return function()
    local found, message, errno = clock(REALTIME_COARSE, now)
    if not found then
      return nil, message, errno
    end
    return tonumber(now.tv_sec)
  end
end

local function state_name(number)
  for _, name in ipairs(flags.names(flags.c.TIME)) do
    if flags.c.TIME[name] == number then
      return name
    end
  end
  return number
end

local function adjust(clock, timex, call, position)
  timex = timex == nil and types.t.timex() or args.record(timex, call, position, "timex", types.t.timex)
  local state = sys.clock_adjtime(clock, timex)
  if state == -1 then
    return fail()
  end
  return timex, state_name(state)
end

-- S.adjtimex() -> timex, "ok"; S.adjtimex { freq = 0 }
function clocks.adjtimex()
  local REALTIME = flags.group("CLOCK").REALTIME
  return function(timex)
    return adjust(REALTIME, timex, "adjtimex", 1)
  end
end

function clocks.clock_adjtime()
  local CLOCK = flags.group "CLOCK"
  return function(clock, timex)
    clock = clock == nil and CLOCK.REALTIME or args.choice(clock, "clock_adjtime", 1, "clock", CLOCK)
    return adjust(clock, timex, "clock_adjtime", 2)
  end
end

-- S.alarm(5) -> how many seconds were left, rounded up: never 0 while an alarm is set (alarm(2)).
function clocks.alarm()
  local set = calls.get "setitimer"
  local itimerval = types.t.itimerval
  local REAL = flags.group("ITIMER").REAL
  return function(seconds)
    local value = itimerval()
    value.it_value.tv_sec = args.uint(seconds, "alarm", 1, "seconds")
    local old, message, errno = set(REAL, value)
    if not old then
      return nil, message, errno
    end
    local left = old.it_value
    return tonumber(left.tv_sec) + (left.tv_usec > 0 and 1 or 0)
  end
end

-- S.timer_create("monotonic", { signo = "usr1", value = 7 }) -> the timer's number
function clocks.timer_create()
  local raw = sys.timer_create
  local CLOCK = flags.group "CLOCK"
  local number_t = ffi.typeof "int[1]"
  return function(clock, event)
    clock = clock == nil and CLOCK.MONOTONIC or args.choice(clock, "timer_create", 1, "clock", CLOCK)
    event = args.optional_record(event, "timer_create", 2, "event", types.t.sigevent)
    local number = number_t()
    if raw(clock, event, number) == -1 then
      return fail()
    end
    return number[0]
  end
end

return clocks
