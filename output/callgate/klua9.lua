-- NetBSD's klua(9) for states of this process: the functions that its kernel's drivers make, lock and close
-- Lua states with, and klua_State as an object.
--
--   local klua9 = require "callgate.klua9"
--   local K = assert(klua9.kluaL_newstate("acpi", "power events", klua9.IPL_NONE))
--   klua9.klua_lock(K)
--   K:exec "battery = 99"
--   klua9.klua_unlock(K)
--   klua9.klua_close(K)
--
-- What the page calls NULL is nil, message, errno; functions without a value raise what fails.

local ffi = require "ffi"
local errors = require "callgate.errors"
local state = require "callgate.state"

local klua9 = {
  options = {}, -- further options of state.create, for every new state
  MAX_LUA_NAME = 16, MAX_LUA_DESC = 64, -- bytes with the zero that ends them (sys/lua.h): longer ones are cut
}

-- The names of interrupt priority levels (spl(9)), lowest first; their numbers are each port's own.
local LEVELS = { "IPL_NONE", "IPL_SOFTCLOCK", "IPL_SOFTBIO", "IPL_SOFTNET", "IPL_SOFTSERIAL", "IPL_VM", "IPL_SCHED",
  "IPL_HIGH" }
for number, name in ipairs(LEVELS) do
  klua9[name] = number - 1
end

local function misuse(call, what)
  errors.raise(("%s: %s"):format(call, what))
end

local function check(call, position, name, value, expected)
  if type(value) ~= expected then
    misuse(call, ("argument %d (%s): expected a %s, got %s"):format(position, name, expected, errors.got(value)))
  end
end

-- --- klua_State --------------------------------------------------------------------------------------

local lock = {} -- methods of ks_lock, after mutex(9)
lock.__index = lock

local methods = {}

local members = {
  L = function(st) return st.L end,
  ks_user = function(st) return st.user end,
}

local metatable = {
  __index = function(self, key)
    local member = members[key]
    if member then
      return member(self.state)
    end
    return methods[key]
  end,
  __tostring = function(self)
    return ("klua_State %q%s"):format(self.name, self.L == nil and " (closed)" or "")
  end,
}

-- The core's state of a klua_State that is not closed.
local function opened(call, K)
  if getmetatable(K) ~= metatable then
    misuse(call, ("argument 1 (K): expected a klua_State, got %s"):format(errors.got(K)))
  elseif K.L == nil then
    misuse(call, ("argument 1 (K): %s"):format(tostring(K)))
  end
  return K.state
end

local function done(call, ok, message)
  if not ok then
    misuse(call, message)
  end
end

function lock:owned()
  return self.K.state:info().locked
end

function lock:enter()
  klua9.klua_lock(self.K)
end

function lock:exit()
  klua9.klua_unlock(self.K)
end

-- Runs a chunk, or a file, in the state, as the core's methods do: drivers use the C API on K.L instead.
function methods:exec(...)
  return opened("exec", self):exec(...)
end

function methods:load(...)
  return opened("load", self):load(...)
end

-- --- the functions -----------------------------------------------------------------------------------

local function new(call, name, desc, ipl, allocator)
  if name:sub(1, 1) == "_" then
    return errors.failed(require("callgate").EINVAL)
  elseif ipl ~= nil and type(ipl) ~= "number" then
    misuse(call, ("argument ipl: expected one of klua9.IPL_..., got %s"):format(errors.got(ipl)))
  end
  if allocator and ffi.abi "64bit" and not ffi.abi "gc64" then
    return errors.failed(require("callgate").EOPNOTSUPP) -- this LuaJIT's memory must lie below 2 GiB
  end
  name, desc = name:sub(1, klua9.MAX_LUA_NAME - 1), desc:sub(1, klua9.MAX_LUA_DESC - 1)
  local options = { desc = desc, user = false, allocator = allocator }
  for key, value in pairs(klua9.options) do
    options[key] = value
  end
  local st, message, errno = state.create(name, options)
  if not st then
    return nil, message, errno
  end
  local K = setmetatable({ state = st, name = name, desc = desc, ipl = ipl or klua9.IPL_NONE }, metatable)
  K.ks_lock = setmetatable({ K = K }, lock)
  return K
end

-- A state whose memory `f` provides, a lua_Alloc (a cdata function pointer; nil: LuaJIT's own), which gets `ud`
-- in every call. A klua_State, or nil, message, errno: EINVAL a name that begins with "_", EEXIST, ENOMEM,
-- EOPNOTSUPP an allocator for a LuaJIT of 64 bits without GC64.
function klua9.klua_newstate(f, ud, name, desc, ipl)
  check("klua_newstate", 3, "name", name, "string")
  check("klua_newstate", 4, "desc", desc, "string")
  if f ~= nil and type(f) ~= "cdata" then
    misuse("klua_newstate", ("argument 1 (f): expected a lua_Alloc, got %s"):format(errors.got(f)))
  end
  return new("klua_newstate", name, desc, ipl, f ~= nil and { f, ud } or nil)
end

-- A state with LuaJIT's own memory: (name, desc, ipl), as sys/lua.h has it, or (ud, name, desc, ipl), as the
-- page prints it, where ud goes unused.
function klua9.kluaL_newstate(...)
  local first, name, desc, ipl = 2, select(2, ...)
  if type((...)) == "string" then
    first, name, desc, ipl = 1, ...
  end
  check("kluaL_newstate", first, "name", name, "string")
  check("kluaL_newstate", first + 1, "desc", desc, "string")
  return new("kluaL_newstate", name, desc, ipl)
end

-- To be called before the state is used, by whoever uses it; raises for one that is locked or runs.
function klua9.klua_lock(K)
  done("klua_lock", opened("klua_lock", K):lock())
end

function klua9.klua_unlock(K)
  done("klua_unlock", opened("klua_unlock", K):unlock())
end

-- Ends the state; a global function onClose of it runs first. Raises for one that is locked or runs.
function klua9.klua_close(K)
  done("klua_close", opened("klua_close", K):close())
end

return klua9
