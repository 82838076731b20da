-- A state as an object: calls into it, its users, its limits, its end.
--
-- What crosses is numbers, pushed onto the state's stack above the dispatcher, which is its first element,
-- and one protected call: nothing here can allocate in the state, or raise through this program.

local ffi = require "ffi"
local args = require "callgate.args"
local boot = require "callgate.state.boot"
local errors = require "callgate.errors"
local M = require "callgate.bound.luajit"
local native = require "callgate.state.native"
local protocol = require "callgate.state.protocol"
local registry = require "callgate.state.registry"
local shared_env = require "callgate.state.env"
local codec = boot.codec()

local pushvalue, pushnumber, pcall_in = M.lua_pushvalue, M.lua_pushnumber, M.lua_pcall
local to_number, settop, sethook = M.lua_tonumber, M.lua_settop, M.lua_sethook
local encode, decode = codec.encode, codec.decode
local RESUME, EXEC, SCRIPT, COLLECT, REQUIRE = protocol.RESUME, protocol.EXEC, protocol.SCRIPT, protocol.COLLECT,
  protocol.REQUIRE
local DESCRIBE, CLOSING, RUN, STATUS = protocol.DESCRIBE, protocol.CLOSING, protocol.RUN, protocol.STATUS
local YIELDED, SPENT, FULL = protocol.YIELDED, protocol.SPENT, protocol.FULL
local MASKCOUNT, MASKLINE, ERRMEM, MOST_INT = M.LUA_MASKCOUNT, M.LUA_MASKLINE, M.LUA_ERRMEM, 2147483647
local cast, select, type = ffi.cast, select, type
local state_pointer, int_pointer = ffi.typeof("$ *", M.t.lua_State), ffi.typeof "int32_t *"

local SLACK = 125 -- the dispatcher's own instructions, that a script's limit does not pay for,
local BYTES = 16 -- and one for so many bytes of what crosses, which the allocator counts: machine.c

local handle = { codec = codec }
local methods = {}
local metatable = { __index = methods }

-- Failures by the errno's name, with the C library's text or, of scripts, their own.
function handle.failed(name, message)
  local number = require("callgate.flags").group("E")[name]
  if message then
    return nil, message, number
  end
  return errors.failed(number)
end
local failed = handle.failed

-- --- calling -----------------------------------------------------------------------------------------

-- Ready to be called; otherwise the name of the errno. A script with the FFI can call back into the program,
-- which must not close or call the state then: its stack is in use.
local function busy(self)
  return self.L == nil and "ENOENT" or (self.job or self.called) and "EBUSY" or nil
end

-- Sets the instruction limit for a call that `size` bytes go to.
local function arm(self, size)
  if self.maxcount > 0 then
    local count = self.maxcount + SLACK + size / BYTES
    sethook(self.L, self.hook, MASKCOUNT, count < MOST_INT and count or MOST_INT)
  end
end

local call

-- What a script's error is: by its message, since errors cross coroutines as values.
local function classified(message)
  message = message:gsub("^callgate%.state:%d+: ", "")
  if message == SPENT then
    return failed("ETIME", message)
  elseif message == FULL then
    return failed("ENOMEM", message)
  end
  return failed("EINVAL", message)
end

-- Whether the script has no instruction left: machine.c refuses blocks that cost more than there are.
local function overdrawn(self)
  local count = self.control.count
  return count ~= nil and cast(int_pointer, count)[0] == 1
end

local length = ffi.new "size_t[1]"

-- After an error: its message, from the top of the state's stack, and the state made fit for more.
local function failure(self, status)
  local L = self.L
  local spent = overdrawn(self) and SPENT -- whatever it is called: LuaJIT for s390x has other words
  shared_env.store().recover()
  if status == ERRMEM then
    settop(L, 1)
  elseif M.lua_type(L, 2) == M.LUA_TSTRING then
    local text = M.lua_tolstring(L, 2, length)
    local message = ffi.string(text, length[0])
    settop(L, 1)
    if spent or message ~= FULL then
      return classified(spent or message)
    end
  else
    arm(self, 0)
    pushvalue(L, 1)
    pushnumber(L, DESCRIBE)
    pushvalue(L, 2)
    local message
    self.called = true
    local described = pcall_in(L, 2, 4, 0)
    self.called = false
    if described == 0 then
      message = decode(to_number(L, -2), to_number(L, -1), 1)
    elseif M.lua_type(L, -1) == M.LUA_TSTRING then
      message = ffi.string(M.lua_tolstring(L, -1, nil))
    end
    settop(L, 1)
    return classified(spent or message or "(an error without a message)")
  end
  call(self, COLLECT, 0, 0, 0) -- LuaJIT itself does not collect when memory is short
  return classified(spent or FULL)
end

-- Puts a call of the dispatcher onto the state's stack.
local function prepare(self, op, n, a, b)
  local L, control = self.L, self.control
  arm(self, b)
  control.limit = control.hard
  pushvalue(L, 1)
  pushnumber(L, op)
  pushnumber(L, n)
  pushnumber(L, a)
  pushnumber(L, b)
end
handle.prepare = prepare

-- What such a call has left there: kind, n, a, b.
local function results(L)
  local kind, count, first, second = to_number(L, 2), to_number(L, 3), to_number(L, 4), to_number(L, 5)
  settop(L, 1)
  return kind, count, first, second
end

-- kind, n, a, b as the dispatcher returns them; or nil, message, errno.
function call(self, op, n, a, b)
  prepare(self, op, n, a, b)
  self.called = true
  local status = pcall_in(self.L, 4, 4, 0)
  self.called = false
  if status ~= 0 then
    if op == COLLECT then
      settop(self.L, 1)
      return nil
    end
    return failure(self, status)
  end
  return results(self.L)
end

-- Values that cannot cross are a misuse; which one it is, is found out when it has happened.
local function refused(name, offset, message, ...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    local ok, why = pcall(encode, value)
    if not ok then
      args.misuse(name, i + offset, "value", errors.plain(why))
    end
  end
  errors.raise(name .. ": " .. errors.plain(message))
end

local function sent(name, offset, ...)
  local n = select("#", ...)
  if n == 1 then
    local value = ...
    if type(value) == "number" then
      return -1, value, 0
    end
  elseif n == 0 then
    return 0, 0, 0
  end
  local ok, where, size = pcall(encode, ...)
  if not ok then
    refused(name, offset, where, ...)
  end
  return n, where, size
end
handle.sent = sent

local function received(kind, n, a, b)
  if kind == nil then
    return nil, n, a -- a failure's message and errno
  elseif n == -1 then
    return a
  elseif n == 0 then
    return true
  end
  return decode(a, b, n)
end

local function receiver(self, name)
  if type(self) ~= "table" or self.owner == nil then
    args.expected("a state: call it with a colon", self, name, 0, "state")
  end
end

local function text(value, name, position, label)
  if type(value) ~= "string" then
    args.expected("a string", value, name, position, label)
  end
  return value
end

-- Runs `chunk`, as text, with what else there is as its arguments.
function methods:exec(chunk, chunkname, ...)
  receiver(self, "exec")
  text(chunk, "exec", 1, "chunk")
  chunkname = chunkname == nil and "=exec" or text(chunkname, "exec", 2, "chunkname")
  local why = busy(self)
  if why then
    return failed(why)
  end
  return received(call(self, EXEC, sent("exec", 0, chunk, chunkname, ...)))
end

-- The same for its effect alone: what the chunk returns, which may be what cannot cross, stays inside. `bytecode`
-- says whether this chunk may be bytecode; nil: what was said when the state was made.
function methods:run(chunk, chunkname, bytecode)
  receiver(self, "run")
  text(chunk, "run", 1, "chunk")
  chunkname = chunkname == nil and "=run" or text(chunkname, "run", 2, "chunkname")
  local why = busy(self)
  if why then
    return failed(why)
  end
  return received(call(self, RUN, sent("run", 0, chunk, chunkname, bytecode)))
end

local function file(path)
  local S = require "callgate"
  local fd, message, errno = S.open(path, "rdonly, nonblock")
  if not fd then
    return nil, message, errno
  end
  local st = fd:stat()
  if not st or not st.isreg then
    fd:close()
    return failed "EINVAL"
  end
  local parts = {}
  repeat
    parts[#parts + 1], message, errno = fd:read(nil, 65536)
  until message or parts[#parts] == ""
  fd:close()
  if message then
    return nil, message, errno
  end
  return table.concat(parts)
end

-- Runs the file `path`, which is an ordinary one.
function methods:load(path, chunkname)
  receiver(self, "load")
  text(path, "load", 1, "path")
  chunkname = chunkname == nil and "@" .. path or text(chunkname, "load", 2, "chunkname")
  local why = busy(self)
  if why then
    return failed(why)
  end
  local chunk, message, errno = file(path)
  if not chunk then
    return nil, message, errno
  end
  return received(call(self, EXEC, sent("load", 0, chunk, chunkname)))
end

-- Runs a chunk ("@path": a file); the function that it returns is what resume starts and continues.
function methods:script(chunk, chunkname, ...)
  receiver(self, "script")
  text(chunk, "script", 1, "chunk")
  local path = chunk:match "^@(.*)"
  chunkname = chunkname == nil and (path and chunk or "=script") or text(chunkname, "script", 2, "chunkname")
  local why = busy(self)
  if why then
    return failed(why)
  end
  if path then
    local message, errno
    chunk, message, errno = file(path)
    if not chunk then
      return nil, message, errno
    end
  end
  self.state = "none"
  local kind, n, a = call(self, SCRIPT, sent("script", 0, chunk, chunkname, ...))
  if kind == nil then
    return nil, n, a
  end
  self.state = a == 1 and "suspended" or "none"
  return true
end

-- Notes whether the script has yielded or ended with such a call, in a thread or not, and hands on what it returned. It
-- may have failed before it came to the script, or with what the script has yielded: the script goes on from there.
-- `stopped`: it does not.
local function moved(self, stopped, kind, n, a, b)
  if self.state ~= "none" then
    local goes_on = kind == YIELDED
    if kind == nil then
      local _, _, alive = call(self, STATUS, 0, stopped and 1 or 0, 0)
      goes_on = alive == 1
    end
    self.state = goes_on and "suspended" or "dead"
  end
  return kind, n, a, b
end

function methods:resume(...)
  receiver(self, "resume")
  local why = busy(self)
  if why then
    return failed(why)
  end
  return received(moved(self, false, call(self, RESUME, sent("resume", 0, ...))))
end

-- What resume returns of a call that has ended in a thread with `status`; `stopped`: if that is an error, it was asked
-- to stop.
function handle.finished(self, status, stopped)
  if status == 0 then
    return received(moved(self, stopped, results(self.L)))
  end
  return received(moved(self, stopped, failure(self, status)))
end

-- Resume for faces that must tell what a script yields from a failure: true and the values, none where there
-- are none; or false, message, errno.
function handle.resume(self, ...)
  local why = busy(self)
  if why then
    return false, select(2, failed(why))
  end
  local kind, n, a, b = moved(self, false, call(self, RESUME, sent("resume", 0, ...)))
  if kind == nil then
    return false, n, a
  elseif n == 0 then
    return true
  end
  return true, received(kind, n, a, b)
end

-- `global`: the module becomes a global of that name, too, as luaL_requiref can do it.
function methods:require(name, global)
  receiver(self, "require")
  text(name, "require", 1, "modname")
  local why = busy(self)
  if why then
    return failed(why)
  end
  local kind, n, a = call(self, REQUIRE, sent("require", 0, name, global == true))
  if kind == nil then
    if type(n) == "string" and n:find("module '" .. name .. "' not found", 1, true) then
      return failed("ENOENT", n)
    end
    return nil, n, a
  elseif a == 1 then
    return failed "EEXIST"
  end
  return true
end

function methods:collect()
  receiver(self, "collect")
  local why = busy(self)
  if why then
    return failed(why)
  end
  call(self, COLLECT, 0, 0, 0)
  return true
end

require "callgate.state.account"(handle, methods, receiver, busy, call)

-- --- its thread --------------------------------------------------------------------------------------

function handle.reap() end -- job.lua has more to do

function methods:thread(...)
  receiver(self, "thread")
  local why = busy(self) or self.locked and "EBUSY"
  if why then
    return failed(why)
  end
  return require("callgate.state.job").start(self, ...)
end

function methods:stop()
  receiver(self, "stop")
  if self.L == nil then
    return failed "ENOENT"
  elseif not self.job then
    return failed "ESRCH"
  end
  return self.job:stop()
end

-- --- its end -----------------------------------------------------------------------------------------

-- As a hook luaL_error raises its second argument, the event's record, taken for text: an error it is.
local raise = cast(M.t.lua_Hook, M.luaL_error)

-- Sets a state's hook and, as a whole, LuaJIT's mask of hooks, which has a bit, too, that one is running. Where this
-- thread changed the mask while a hook of the state's own thread ended, that bit stayed for ever, and no hook ran
-- again, not even that of a limit.
local function set_hook(control, fn, mask)
  sethook(cast(state_pointer, control.L), fn, mask, mask == 0 and 0 or 1)
  if control.hooks ~= nil then
    cast("uint8_t *", control.hooks)[0] = mask
  end
end

-- Makes what runs in a state's thread raise at its next instruction, and at each one after that, since scripts catch
-- errors. What both threads change at once may be lost, such as a count that is just counted down: so at new lines and
-- jumps, too, and this is asked for until the thread has ended.
--
-- `hook` is that of the instruction limit, where its script cannot take it away: what it raises passes the guard's
-- pcall. A pcall that begins while LuaJIT takes a hook to be running leaves that so when it has caught an error
-- (lj_err.c, FRAME_PCALLH): a script that calls it again and again would go on.
function handle.halt(control, hook)
  set_hook(control, hook or raise, MASKCOUNT + MASKLINE)
end

function handle.unhook(control)
  set_hook(control, nil, 0)
end

-- When the program ends a thread may still run: it is told to stop, and if it does not come to an
-- instruction, left alone with its memory.
local function ended(control)
  for _ = 1, 200 do
    handle.halt(control)
    if native.C.callgate_state_thread_tryjoin(control.thread, nil) == 0 then
      return true
    end
    native.C.callgate_state_sleep(1000)
  end
  return false
end

local function finish(owner)
  local control = owner.control
  if control ~= nil then
    owner.control = nil
    if control.runs == 0 or ended(control) then
      boot.close(control)
    end
  end
end

function methods:close(options)
  receiver(self, "close")
  local user = handle.switch(handle.options_of(options, "close", 1, { "user" }).user, "user", self.user, "close")
  local why = busy(self) or (self.locked or self.users > 1) and "EBUSY"
  if not why and user ~= self.user then
    why = "EPERM"
  end
  if why then
    return failed(why)
  end
  call(self, CLOSING, 0, 0, 0)
  registry.remove(self)
  local owner = self.owner
  self.L, self.control = nil, nil
  ffi.gc(owner, nil)
  finish(owner)
  return true
end

function metatable:__tostring()
  return ("state %s%s"):format(self.name or "without a name", self.L == nil and " (closed)" or "")
end
metatable.__metatable = "state"

function handle.new(control, hook, fields)
  local self = setmetatable(fields, metatable)
  self.control, self.hook, self.L = control, hook, cast(state_pointer, control.L)
  self.owner = ffi.gc(native.owner(control), finish)
  self.users, self.state, self.locked, self.called, self.maxalloc = 1, "none", false, false, 0
  self.empty = tonumber(control.used)
  handle.set_maxcount(self, self.maxcount)
  return self
end

return handle
