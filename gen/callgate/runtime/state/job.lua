-- A state's script in a thread of its own.
--
-- The thread runs nothing but the state: a callback made inside it (worker.lua). All that this program may
-- do with the state meanwhile is to stop it.

local ffi = require "ffi"
local args = require "callgate.args"
local handle = require "callgate.state.handle"
local M = require "callgate.bound.luajit"
local native = require "callgate.state.native"
local protocol = require "callgate.state.protocol"
local shared_env = require "callgate.state.env"

local C, failed = native.C, handle.failed
local ENTRY, KILLED, FAILED, YIELDED = protocol.ENTRY, protocol.KILLED, protocol.FAILED, protocol.YIELDED
local SIG_SETMASK = jit.arch:find "^mips" and 3 or 2 -- asm-generic/signal-defs.h; arch/mips/include/uapi/asm/signal.h
local ROOM = 4096 -- bytes that the callback needs before the script's own protection begins
local all_signals, old_signals = ffi.new("char[128]", {}), ffi.new "char[128]" -- the largest sigset_t
ffi.fill(all_signals, 128, 255)

local job = {}
local methods = {}
job.metatable = { __index = methods }

local running = {} -- state -> its job: such states are not collected

-- Reports what the thread has left: as resume returns it.
local function collected(self)
  local st, control = self.owner, self.owner.control
  C.callgate_state_free(ffi.cast("void *", self.arguments))
  running[st], control.runs = nil, 0
  st.job, self.owner = nil, nil
  M.lua_sethook(st.L, nil, 0, 0)
  local kind, n, a, b = control.kind, control.n, control.a, control.b
  if st.state ~= "none" then
    st.state = kind == YIELDED and "suspended" or "dead"
  end
  if kind == KILLED or kind == FAILED then
    shared_env.store().recover()
    if self.stopped then
      return failed("ECANCELED", "stopped")
    elseif kind == KILLED then
      return handle.classified(st.maxcount > 0 and protocol.SPENT or protocol.FULL)
    end
    local message = n == 1 and handle.codec.decode(a, b, 1) or protocol.FULL
    if message == protocol.FULL then
      st:collect()
    end
    return handle.classified(message)
  end
  return handle.received(kind, n, a, b)
end

-- Waits, at most `seconds`: what the script has yielded or returned, as of resume.
function methods:join(seconds)
  if seconds ~= nil and (type(seconds) ~= "number" or seconds < 0) then
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
    if self.stopped then -- where the compiler's and this change of the hooks met, it was lost
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
  M.lua_sethook(self.owner.L, handle.raise, M.LUA_MASKCOUNT, 1)
  return true
end

-- Joins the threads that have ended, so that they take no room; job:join reports the results.
function handle.reap()
  for st, self in pairs(running) do
    if not self.ended and C.callgate_state_thread_tryjoin(self.thread, nil) == 0 then
      self.ended, st.control.runs, running[st] = true, 0, nil
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

function job.start(st, call, ...)
  if jit.arch:find "^mips64" then -- an error in a callback crashes this port, be it caught there
    return failed "EOPNOTSUPP"
  end
  local n, a, b = handle.sent("thread", 0, ...)
  local memory
  if n > 0 then -- the thread reads them later
    memory = copied(a, b)
    if memory == nil then
      return failed "ENOMEM"
    end
  end
  local kind, count, entry = call(st, ENTRY, 0, 0, 0)
  local control = st.control
  if kind ~= nil and st.maxalloc > 0 and tonumber(control.hard - control.used) < ROOM then
    call(st, protocol.COLLECT, 0, 0, 0)
    if tonumber(control.hard - control.used) < ROOM then
      kind, count, entry = failed("ENOMEM", protocol.FULL)
    end
  end
  if kind == nil then
    C.callgate_state_free(memory)
    if count:find "callback" then -- a LuaJIT that has none: s390x
      return failed "EOPNOTSUPP"
    end
    return nil, count, entry
  end
  control.kind, control.n = KILLED, n
  control.a, control.b = memory and tonumber(ffi.cast("uintptr_t", memory)) or a, b
  handle.arm(st)
  control.limit = control.hard
  C.callgate_state_sigmask(SIG_SETMASK, all_signals, old_signals)
  entry = ffi.cast("void *", ffi.cast("uintptr_t", entry))
  local errno = C.callgate_state_thread_create(thread_of(control), nil, entry, control)
  C.callgate_state_sigmask(SIG_SETMASK, old_signals, nil)
  if errno ~= 0 then
    C.callgate_state_free(memory)
    return require("callgate.errors").failed(errno)
  end
  control.runs, control.stopped = 1, 0
  local self = setmetatable({ owner = st, thread = control.thread, arguments = memory }, job.metatable)
  st.job, running[st] = self, self
  return self
end

return job
