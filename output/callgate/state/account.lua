-- What a state tells of itself and what it may use: users, locks, limits, info. Methods of handle.lua.

local ffi = require "ffi"
local args = require "callgate.args"
local boot = require "callgate.state.boot"
local inside = require "callgate.state.inside"
local M = require "callgate.bound.luajit"
local protocol = require "callgate.state.protocol"

local COLLECT, LIMIT = protocol.COLLECT, protocol.LIMIT
local LIMITS = { "maxalloc", "maxcount" }
local boundless = ffi.cast("size_t", -1)
local USUAL, HASTE = 200, 1000 -- percent, of the collector: LuaJIT's own (luaconf.h, LUAI_GCPAUSE), machine.c's
local RESERVE = 16384 -- bytes of a state's memory that its script cannot have: calls need them

-- Adds them to `methods`; `receiver`, `busy` and `call` are handle.lua's.
return function(handle, methods, receiver, busy, call)
  local failed, sethook = handle.failed, M.lua_sethook

  function methods:get()
    receiver(self, "get")
    if self.L == nil then
      return failed "ENOENT"
    end
    self.users = self.users + 1
    return self
  end

  function methods:put()
    receiver(self, "put")
    if self.L == nil then
      return failed "ENOENT"
    elseif self.users > 1 then
      self.users = self.users - 1
      return true
    end
    return self:close()
  end

  function methods:lock()
    receiver(self, "lock")
    local why = busy(self) or self.locked and "EBUSY"
    if why then
      return failed(why)
    end
    self.locked = true
    return true
  end

  function methods:unlock()
    receiver(self, "unlock")
    if self.L == nil then
      return failed "ENOENT"
    elseif not self.locked then
      return failed "EPERM"
    end
    self.locked = false
    return true
  end

  -- Compiled code does not count instructions, and LuaJITs of before 2024 crash where memory ends in it.
  local function interpret(self)
    M.luaJIT_setmode(self.L, 0, M.LUAJIT_MODE_ENGINE + M.LUAJIT_MODE_OFF)
    M.luaJIT_setmode(self.L, 0, M.LUAJIT_MODE_ENGINE + M.LUAJIT_MODE_FLUSH)
  end

  -- Sets the instruction limit that each call is armed with, or takes it away.
  function handle.set_maxcount(self, count)
    self.maxcount = count
    self.control.count = count > 0 and inside.count(self.L) or nil
  end

  -- Sets the memory limit, or takes it away: false if it is below what is used.
  function handle.set_maxalloc(self, bytes)
    local control = self.control
    if bytes == 0 then
      control.hard, control.soft, self.maxalloc = boundless, boundless, 0
      control.pace = nil
      M.lua_gc(self.L, M.LUA_GCSETPAUSE, USUAL)
      M.lua_gc(self.L, M.LUA_GCSETSTEPMUL, USUAL)
      return true
    end
    if tonumber(control.used) > bytes then
      call(self, COLLECT, 0, 0, 0)
      if tonumber(control.used) > bytes then
        return false
      end
    end
    if not self.jit then
      interpret(self)
    end
    local kept = math.min(RESERVE, (bytes - tonumber(control.used)) / 4)
    control.hard, control.soft = bytes, bytes - math.floor(kept)
    self.maxalloc, control.peak = bytes, control.used
    -- As LuaJIT does not collect when memory is short, it has to collect all the time; in haste only where much of it
    -- is used, if machine.c can see to that.
    M.lua_gc(self.L, M.LUA_GCSETPAUSE, 100)
    M.lua_gc(self.L, M.LUA_GCSETSTEPMUL, HASTE)
    control.pace = inside.pace(self.L)
    M.lua_gc(self.L, M.LUA_GCRESTART, 0) -- from now on, not when twice as much is used as after the last collection
    return true
  end

  function methods:limit(options)
    receiver(self, "limit")
    if type(options) ~= "table" then
      args.expected("a table of limits", options, "limit", 1, "limits")
    end
    for option in pairs(options) do
      handle.known("limit", "limit", option, LIMITS)
    end
    local maxcount, maxalloc = options.maxcount, options.maxalloc
    if maxalloc ~= nil then
      handle.number(maxalloc, "limit", "maxalloc", 2 ^ 52)
    end
    if maxcount ~= nil then
      handle.number(maxcount, "limit", "maxcount", handle.MOST_COUNT)
    end
    local why = busy(self)
      -- no machine code may be made here: see machine.lua
      or maxalloc and maxalloc > 0 and not boot.limits_memory and "EOPNOTSUPP"
      -- its script has what could undo the limit
      or maxcount and maxcount > 0 and not self.guarded and "EPERM"
    if why then
      return failed(why)
    elseif maxalloc and not handle.set_maxalloc(self, maxalloc) then
      return failed "ENOMEM"
    end
    if maxcount then
      interpret(self)
      sethook(self.L, nil, 0, 0)
      handle.set_maxcount(self, 0)
      call(self, LIMIT, 0, maxcount, 0)
      handle.set_maxcount(self, maxcount)
    end
    return true
  end

  function methods:status()
    receiver(self, "status")
    if self.L == nil then
      return failed "ENOENT"
    end
    return self.job and "running" or self.state
  end

  function methods:info()
    receiver(self, "info")
    local control = self.control
    if self.L == nil then
      return failed "ENOENT"
    end
    return {
      name = self.name, desc = self.desc, user = self.user, users = self.users, status = self:status(),
      locked = self.locked, maxalloc = self.maxalloc, maxcount = self.maxcount, used = tonumber(control.used),
      peak = tonumber(control.peak), empty = self.empty, refused = tonumber(control.refused),
    }
  end
end
