-- Lua functions as handlers of signals, called at a safe point: S.run_signals, between two other calls.
--
-- A signal may come in the middle of any instruction, where LuaJIT's state is not fit to run Lua; a C
-- function that calls back into it would destroy it sooner or later. So handled signals stay blocked, wait
-- in a signalfd, and their handlers run when the program says so.

local ffi = require "ffi"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local fail = errors.fail
local sigset_t = types.t.sigset
local MASK_SIZE = ffi.sizeof(sigset_t)
local NO_FD = -1
local EAGAIN = require("callgate.constants").get "EAGAIN"

local handlers = {} -- number of a signal -> function
local handled = sigset_t() -- the same as a set
local blocked = sigset_t() -- those of them that were not blocked before
local watch -- the signalfd where they wait

local on_signal = { blocked = blocked }

local function is_open()
  return watch ~= nil and watch.fd >= 0
end

-- Makes the signalfd, or has it take what `handled` says now.
local function listen()
  local number = is_open() and watch.fd or NO_FD
  local options = flags.group "SFD" "cloexec, nonblock"
  local fd = sys.signalfd4(number, handled, MASK_SIZE, number == NO_FD and options or 0)
  if fd == -1 then
    return fail()
  end
  if number == NO_FD then
    watch = descriptors.kind "signal"(fd)
  end
  return watch
end

local function mask(how, set, old)
  return sys.rt_sigprocmask(flags.group("SIG_HOW")[how], set, old, MASK_SIZE)
end

local function add(numbers, set, handler)
  local old = sigset_t()
  mask("block", set, old)
  for _, number in ipairs(numbers) do
    handlers[number] = handler
    handled:add(number)
    if not old:has(number) then
      blocked:add(number)
    end
  end
end

local function remove(numbers)
  local unblock = sigset_t()
  for _, number in ipairs(numbers) do
    handlers[number] = nil
    handled:delete(number)
    if blocked:has(number) then
      blocked:delete(number)
      unblock:add(number)
    end
  end
  return unblock
end

-- S.on_signal("int, term", function(info) ... end) -> the signalfd, to be waited for with poll or epoll
-- S.on_signal("int") gives the signal back to its action.
function on_signal.on_signal()
  return function(signals, handler)
    local set = args.record(signals, "on_signal", 1, "signals", sigset_t)
    if handler ~= nil and type(handler) ~= "function" then
      return args.expected("a function, or nil for none", handler, "on_signal", 2, "handler")
    end
    local numbers = set:list()
    if set:has "kill" or set:has "stop" then
      return args.misuse("on_signal", 1, "signals", "nothing can handle SIGKILL and SIGSTOP")
    end
    local unblock
    if handler then
      add(numbers, set, handler)
    else
      unblock = remove(numbers)
    end
    local fd, message, errno = listen()
    if unblock then
      mask("unblock", unblock, nil) -- what waits is delivered here
    end
    return fd, message, errno
  end
end

-- S.run_signals() runs the handlers of all signals that wait, S.run_signals(seconds) first waits for one;
-- how many handlers ran. An error of a handler goes to the caller; the signals after it go on waiting.
function on_signal.run_signals()
  local info = types.t.signalfd_siginfo()
  local pollfd, timespec = types.t.pollfd, types.t.timespec
  local ppoll, read = sys.ppoll, sys.read
  return function(timeout)
    timeout = args.record(timeout == nil and 0 or timeout, "run_signals", 1, "timeout", timespec)
    if not is_open() then
      return 0
    end
    if ppoll(pollfd { watch, "in" }, 1, timeout, nil, MASK_SIZE) == -1 then
      return fail()
    end
    local count = 0
    while is_open() do
      if read(watch.fd, info, ffi.sizeof(info)) == -1 then
        if ffi.errno() == EAGAIN then
          break
        end
        return fail()
      end
      local handler = handlers[info.signo]
      if handler then
        count = count + 1
        local mine = ffi.new(types.t.signalfd_siginfo, info) -- the handler may keep it, or run handlers itself
        handler(mine)
      end
    end
    return count
  end
end

return on_signal
