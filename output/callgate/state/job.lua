-- A state's script in a thread of its own.
--
-- The thread runs nothing but one protected call into the state, which is prepared here (machine.c). All that
-- this program may do with the state meanwhile is to stop it.

local ffi = require "ffi"
local args = require "callgate.args"
local handle = require "callgate.state.handle"
local M = require "callgate.bound.luajit"
local machine = require "callgate.state.machine"
local native = require "callgate.state.native"
local protocol = require "callgate.state.protocol"

local C, failed = native.C, handle.failed
local SIG_SETMASK = jit.arch:find "^mips" and 3 or 2 -- asm-generic/signal-defs.h; arch/mips/include/uapi/asm/signal.h
local STACK = 2 ^ 23 -- bytes: what a script needs of C's stack at its deepest is 2 MB, and musl's threads have 128 KB
local all_signals, old_signals = ffi.new("char[128]", {}), ffi.new "char[128]" -- the largest sigset_t
ffi.fill(all_signals, 128, 255)

local attributes = ffi.new "uint64_t[16]" -- of threads: at most 64 bytes anywhere
C.callgate_state_threadattr_init(attributes)
C.callgate_state_threadattr_setstacksize(attributes, STACK)

local job = {}
local methods = {}
job.metatable = { __index = methods }

-- What the script was given; the job itself may never be joined.
local function freed(self)
  C.callgate_state_free(ffi.cast("void *", self.arguments))
  self.arguments = nil
end

local running = {} -- state -> its job: such states are not collected

-- Reports what the thread has left: as resume returns it.
local function collected(self)
  local st, control = self.owner, self.owner.control
  freed(self)
  running[st], control.runs = nil, 0
  st.job, self.owner = nil, nil
  if self.stopped then
    handle.unhook(control)
  end
  if control.status ~= 0 and self.stopped then
    handle.finished(st, control.status, true)
    return failed("ECANCELED", "stopped")
  end
  return handle.finished(st, control.status)
end

-- Waits, at most `seconds`: what the script has yielded or returned, as of resume.
function methods:join(seconds)
  if seconds ~= nil and (type(seconds) ~= "number" or seconds ~= seconds or seconds < 0) then
    args.expected("a number of seconds", seconds, "join", 1, "timeout")
  elseif not self.owner then
    return failed "ESRCH"
  end
  if self.ended then
    return collected(self)
  elseif seconds == nil and not self.stopped then
    C.callgate_state_thread_join(self.thread, nil)
    return collected(self)
  end
  local left, pause = (seconds or math.huge) * 1e6, 20
  while C.callgate_state_thread_tryjoin(self.thread, nil) ~= 0 do
    if left <= 0 then
      return failed "ETIMEDOUT"
    end
    if self.stopped then -- which may have been lost: see handle.halt
      self:stop()
    end
    pause = math.min(pause * 2, 5000, left)
    C.callgate_state_sleep(pause)
    left = left - pause
  end
  return collected(self)
end

-- Ends the script at its next instruction; what the compiler has made of a loop does not come to one, so
-- that states which may need this are made with jit = false. Does not wait.
function methods:stop()
  if not self.owner then
    return failed "ESRCH"
  end
  self.stopped = true
  handle.halt(self.owner.control, self.owner.sealed and self.owner.hook)
  return true
end

-- Joins the threads that have ended, so that they take no room; job:join reports the results.
function handle.reap()
  for st, self in pairs(running) do
    if not self.ended and C.callgate_state_thread_tryjoin(self.thread, nil) == 0 then
      self.ended, st.control.runs, running[st] = true, 0, nil
      freed(self)
    end
  end
end

local function copied(where, length)
  local memory = C.callgate_state_calloc(1, length + 1)
  if memory ~= nil then
    ffi.copy(memory, ffi.cast("const char *", ffi.cast("uintptr_t", where)), length)
  end
  return memory
end

local THREAD = ffi.offsetof(native.control, "thread")

local function thread_of(control)
  return ffi.cast("char *", control) + THREAD
end

function job.start(st, ...)
  if not machine.thread then
    return failed "EOPNOTSUPP" -- no machine code may be made here: see machine.lua
  end
  local n, a, b = handle.sent("thread", 0, ...)
  local memory
  if n > 0 then -- the thread reads them later
    memory = copied(a, b)
    if memory == nil then
      return failed "ENOMEM"
    end
    a = tonumber(ffi.cast("uintptr_t", memory))
  end
  local control = st.control
  handle.prepare(st, protocol.RESUME, n, a, b)
  C.callgate_state_sigmask(SIG_SETMASK, all_signals, old_signals)
  local errno = C.callgate_state_thread_create(thread_of(control), attributes, machine.thread, control)
  C.callgate_state_sigmask(SIG_SETMASK, old_signals, nil)
  if errno ~= 0 then
    C.callgate_state_free(memory)
    M.lua_settop(st.L, 1)
    return require("callgate.errors").failed(errno)
  end
  control.runs = 1
  local self = setmetatable({ owner = st, thread = control.thread, arguments = memory }, job.metatable)
  st.job, running[st] = self, self
  return self
end

return job
