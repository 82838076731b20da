-- Priorities and policies of scheduling, whose numbers the kernel encodes; classes of I/O.

local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local scheduling = {}

local fail = errors.fail
local OFFSET = 20 -- getpriority(2): the kernel returns 20 - nice, since a negative number would be an error

-- S.getpriority("process", pid) -> nice value
function scheduling.getpriority()
  local raw = sys.getpriority
  local PRIO = flags.group "PRIO"
  return function(which, who)
    which = args.choice(which == nil and "process" or which, "getpriority", 1, "which", PRIO)
    who = who == nil and 0 or args.int(who, "getpriority", 2, "who")
    local result = raw(which, who)
    if result == -1 then
      return fail()
    end
    return OFFSET - result
  end
end

-- S.nice(5) -> nice value
function scheduling.nice()
  local get, set = sys.getpriority, sys.setpriority
  local PROCESS = flags.group("PRIO").process
  return function(increment)
    increment = args.int(increment, "nice", 1, "increment")
    local value = OFFSET - get(PROCESS, 0) + increment
    value = math.max(-20, math.min(19, value)) -- nice(2): it is clamped
    if set(PROCESS, 0, value) == -1 then
      return fail()
    end
    return value
  end
end

local CLASS_UNIT = 8192 -- linux/ioprio.h: 1 << IOPRIO_CLASS_SHIFT

-- S.sched_setscheduler(0, "fifo", 10); policies that are not of real time have the priority 0
function scheduling.sched_setscheduler()
  local raw = sys.sched_setscheduler
  local SCHED = flags.group "SCHED"
  local param_t = types.t.sched_param
  return function(pid, policy, param)
    pid = pid == nil and 0 or args.int(pid, "sched_setscheduler", 1, "pid")
    policy = args.flags(policy, "sched_setscheduler", 2, "policy", SCHED)
    param = args.record(param == nil and 0 or param, "sched_setscheduler", 3, "param", param_t)
    if raw(pid, policy, param) == -1 then
      return fail()
    end
    return true
  end
end

-- S.ioprio_get("process", 0) -> "be", 4
function scheduling.ioprio_get()
  local raw = sys.ioprio_get
  local WHO = flags.group "IOPRIO_WHO"
  local CLASS = flags.group "IOPRIO_CLASS"
  local names = {}
  for _, name in ipairs(flags.names(CLASS)) do
    names[CLASS[name]] = name
  end
  return function(which, who)
    which = args.choice(which == nil and "process" or which, "ioprio_get", 1, "which", WHO)
    who = who == nil and 0 or args.int(who, "ioprio_get", 2, "who")
    local result = raw(which, who)
    if result == -1 then
      return fail()
    end
    local class = math.floor(result / CLASS_UNIT)
    return names[class] or class, result % CLASS_UNIT
  end
end

function scheduling.ioprio_set()
  local raw = sys.ioprio_set
  local WHO, CLASS = flags.group "IOPRIO_WHO", flags.group "IOPRIO_CLASS"
  return function(which, who, class, level)
    which = args.choice(which, "ioprio_set", 1, "which", WHO)
    who = args.int(who, "ioprio_set", 2, "who")
    class = args.choice(class, "ioprio_set", 3, "class", CLASS)
    level = level == nil and 0 or args.int(level, "ioprio_set", 4, "level")
    if level < 0 or level >= CLASS_UNIT then
      return args.expected("a level from 0 to 7, with hints added", level, "ioprio_set", 4, "level")
    end
    if raw(which, who, class * CLASS_UNIT + level) == -1 then
      return fail()
    end
    return true
  end
end

return scheduling
