-- What happens on a signal, signals with data, and what a signalfd is read and changed by.

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local target = require "callgate.target"
local types = require "callgate.types"

local signal = {}

local fail = errors.fail

-- --- actions -----------------------------------------------------------------------------------------

-- The function that libc has a handler return to. Every kernel but x86-64's brings one of its own when there
-- is none (arch/x86/kernel/signal_64.c: x64_setup_rt_frame fails without SA_RESTORER). libc gives it to any
-- action that goes through it, so the default action of a signal that nobody uses is set once more by libc.
local function find_restorer(raw, sigaction_t, size)
  local name = sys.symbol("signal", "p:ip")
  local before, after = sigaction_t(), sigaction_t()
  for number = 64, 35, -1 do -- real-time signals that libc leaves to programs
    if raw(number, nil, before, size) == 0 and before.restorer ~= nil then
      return before.restorer
    elseif before.handler == nil then
      ffi.C[name](number, nil)
      raw(number, nil, after, size)
      raw(number, before, nil, size)
      if after.restorer ~= nil then
        return after.restorer
      end
    end
  end
end

-- The kernel's call, not libc's function: libc's struct and set differ from one to the next, and it refuses
-- the signals that it uses itself.
local function setter(call)
  local raw = sys.rt_sigaction
  local sigaction_t, SIG = types.t.sigaction, flags.group "SIG"
  local size = ffi.sizeof(types.t.sigset)
  local SA_RESTORER = target.name == "x64" and constants.get "SA_RESTORER"
  local restorer
  return function(number, action, old)
    number = args.choice(number, call, 1, "signal", SIG)
    if action ~= nil then
      action = args.record(action, call, 2, "action", sigaction_t)
      if SA_RESTORER and action.restorer == nil and ffi.cast("uintptr_t", action.handler) > 1 then
        restorer = restorer or find_restorer(raw, sigaction_t, size)
        action.restorer = restorer
        action.flags = flags.either(tonumber(action.flags), SA_RESTORER)
      end
    end
    old = args.out(old, call, 3, "old", sigaction_t)
    if raw(number, action, old, size) == -1 then
      return fail()
    end
    return old
  end
end

-- S.sigaction("pipe", "ignore") -> what it was; S.sigaction("int") -> what it is
function signal.sigaction()
  return setter "sigaction"
end

-- S.signal("pipe", "ignore") -> "default": what it was
function signal.signal()
  local set = setter "signal"
  local sigaction_t = types.t.sigaction
  return function(number, handler)
    if handler == nil then
      return args.expected('"default", "ignore" or a pointer to a C function', handler, "signal", 2, "handler")
    elseif not (type(handler) == "cdata" and ffi.istype(sigaction_t, handler)) then
      handler = args.record({ handler, flags = "restart" }, "signal", 2, "handler", sigaction_t)
    end
    local old, message, errno = set(number, handler)
    if not old then
      return nil, message, errno
    end
    return old.action
  end
end

-- --- sending data ------------------------------------------------------------------------------------

-- S.sigqueue(pid, "usr1", 5): the receiver's siginfo has int = 5.
function signal.sigqueue()
  local raw, getpid, getuid = sys.rt_sigqueueinfo, sys.getpid, sys.getuid
  local siginfo_t, SIG = types.t.siginfo, flags.group "SIG"
  return function(pid, number, value)
    pid = args.int(pid, "sigqueue", 1, "pid")
    number = args.choice(number, "sigqueue", 2, "signal", SIG)
    value = value == nil and 0 or args.int(value, "sigqueue", 3, "value")
    local info = siginfo_t { signal = number, code = "queue", pid = getpid(), uid = getuid(), value = value }
    if raw(pid, number, info) == -1 then
      return fail()
    end
    return true
  end
end

-- --- signalfd ----------------------------------------------------------------------------------------

-- s:read() -> the next signal as a signalfd_siginfo; s:read(info) fills in the caller's;
-- s:read(buffer, count) is like read of any descriptor.
function signal.signalfd_read()
  local raw = sys.read
  local read = require("callgate.calls").get "read"
  local info_t = types.t.signalfd_siginfo
  local size = ffi.sizeof(info_t)
  return function(fd, info, count)
    if count ~= nil then
      return read(fd, info, count)
    end
    info = args.out(info, "signalfd_read", 2, "info", info_t)
    if raw(args.fd(fd, "signalfd_read", 1, "fd"), info, size) == -1 then
      return fail()
    end
    return info
  end
end

function signal.signalfd_setmask()
  local raw = sys.signalfd4
  local sigset_t = types.t.sigset
  local size = ffi.sizeof(sigset_t)
  return function(fd, mask)
    mask = args.record(mask, "signalfd_setmask", 2, "mask", sigset_t)
    if raw(args.fd(fd, "signalfd_setmask", 1, "fd"), mask, size, 0) == -1 then
      return fail()
    end
    return true
  end
end

return signal
