-- clone3, and the older clone, as better forks: new namespaces, a pidfd, a cgroup, a number of one's own choice.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local clone = {}

local KNOWN = { flags = true, exit_signal = true, pidfd = true, cgroup = true, set_tid = true }

-- What threads share: the child would run on this thread's stack and Lua state.
local SHARED = { "vm", "thread", "sighand", "settls", "parent_settid", "child_settid", "child_cleartid" }

local function check_options(options)
  if type(options) ~= "table" then
    return args.expected("a table { flags = ..., exit_signal = ... }", options, "clone3", 1, "options")
  end
  for name in pairs(options) do
    if not KNOWN[name] then
      local hint = require("callgate.suggest").hint(name, KNOWN)
      return args.misuse("clone3", 1, "options", ("unknown option %q%s"):format(tostring(name), hint))
    end
  end
end

local function has(number, flag)
  return bit.band(bit.tobit(tonumber(number % 4294967296)), bit.tobit(flag)) ~= 0
end

local function refuse_shared(number, call, CLONE)
  for _, name in ipairs(SHARED) do
    if has(number, CLONE[name]) then
      return args.misuse(call, 1, "flags", ("CLONE_%s is for threads: a Lua state cannot be shared"):format(
        name:upper()))
    end
  end
end

-- S.clone3 { flags = "newuser, newpid", exit_signal = "chld", pidfd = true }
-- -> 0 in the child; its number and its pidfd in the parent. Unlike S.fork it does not tell the C library, whose
-- locks may be held by other threads: the child of a program with threads should only call S.execve.
function clone.clone3()
  local raw = sys.clone3
  local CLONE, SIG = flags.group "CLONE", flags.group "SIG"
  local clone_args = types.t.clone_args
  local size = ffi.sizeof(clone_args)
  local int_t, numbers_t = ffi.typeof "int[1]", ffi.typeof "int32_t[?]"
  return function(options)
    options = options == nil and {} or options
    check_options(options)
    local number = args.flags(options.flags, "clone3", 1, "flags", CLONE)
    refuse_shared(number, "clone3", CLONE)
    local pidfd, set_tid = int_t(-1), nil
    if options.pidfd then
      number = flags.either(number, CLONE.pidfd)
    end
    local row = clone_args()
    if options.cgroup ~= nil then
      row.cgroup = args.fd(options.cgroup, "clone3", 1, "cgroup")
      number = flags.either(number, CLONE.into_cgroup)
    end
    row.flags = number
    row.exit_signal = args.choice(options.exit_signal == nil and "chld" or options.exit_signal, "clone3", 1,
      "exit_signal", SIG)
    row.pidfd = ffi.cast("uintptr_t", ffi.cast("void *", pidfd))
    if type(options.set_tid) == "table" then
      set_tid = numbers_t(#options.set_tid, options.set_tid)
      row.set_tid = ffi.cast("uintptr_t", ffi.cast("void *", set_tid))
      row.set_tid_size = #options.set_tid
    elseif options.set_tid ~= nil then
      return args.expected("a table of numbers, the innermost namespace first", options.set_tid, "clone3", 1, "set_tid")
    end
    local pid = raw(row, size)
    if pid == -1 then
      return errors.fail(set_tid)
    elseif pid > 0 and pidfd[0] >= 0 then
      return pid, descriptors.kind "pidfd"(pidfd[0])
    end
    return pid
  end
end

-- S.clone("newuser, newpid") -> 0 in the child; its number in the parent, and a pidfd for "pidfd".
function clone.clone()
  local raw = sys.clone
  local CLONE, SIG = flags.group "CLONE", flags.group "SIG"
  -- The order of arguments is the machine's: kernel/fork.c, CONFIG_CLONE_BACKWARDS and its kin.
  local stack_first = require("callgate.target").name == "s390x"
  local pointer_last = require("callgate.signatures").clone:find "p$"
  local int_t = ffi.typeof "int[1]"
  return function(options, exit_signal)
    local number = args.flags(options, "clone", 1, "flags", CLONE)
    if number % 256 ~= 0 or number >= 4294967296 then
      return args.expected("flags that clone has: a signal is the second argument, and the newer ones are clone3's",
        options, "clone", 1, "flags")
    end
    refuse_shared(number, "clone", CLONE)
    exit_signal = args.choice(exit_signal == nil and "chld" or exit_signal, "clone", 2, "exit_signal", SIG)
    local pidfd = int_t(-1)
    local word = ffi.cast("long", number + exit_signal)
    local pid
    if stack_first then
      pid = raw(0, word, pidfd, nil, 0)
    elseif pointer_last then
      pid = raw(word, 0, pidfd, 0, nil)
    else
      pid = raw(word, 0, pidfd, nil, 0)
    end
    if pid == -1 then
      return errors.fail()
    elseif pid > 0 and pidfd[0] >= 0 then
      return pid, descriptors.kind "pidfd"(pidfd[0])
    end
    return pid
  end
end

return clone
