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
local faces = require "callgate.faces"
local state = require "callgate.state"

local typed = faces.typed

local klua9 = {
  options = {}, -- further options of state.create, for every new state
  MAX_LUA_NAME = 16, MAX_LUA_DESC = 64, -- bytes with the zero that ends them (sys/lua.h): longer ones are cut
}

-- The names of interrupt priority levels (spl(9)), lowest first; their numbers are each port's own.
local LEVELS = { "IPL_NONE", "IPL_SOFTCLOCK", "IPL_SOFTBIO", "IPL_SOFTNET", "IPL_SOFTSERIAL", "IPL_VM", "IPL_SCHED",
  "IPL_HIGH" }
local levels = {}
for number, name in ipairs(LEVELS) do
  levels[name], klua9[name] = number - 1, number - 1
end

-- A mistyped level would be nil, which stands for the lowest.
setmetatable(klua9, {
  __index = function(_, name)
    if type(name) == "string" and name:find "^IPL_" then
      errors.raise(("klua9 has no %s%s"):format(name, faces.hint(name, levels, "IPL_")))
    end
  end,
})

local function misuse(call, what)
  errors.raise(("%s: %s"):format(call, what))
end

-- --- klua_State --------------------------------------------------------------------------------------

local lock = {} -- methods of ks_lock, after mutex(9)
lock.__index = lock

local methods = {}

local fields = {
  L = function(K) return K.state.L end,
  ks_user = function(K) return K.state.user end,
  ks_lock = true, name = true, desc = true, ipl = true, state = true,
}

local metatable, show = faces.struct("klua_State", fields, methods)

function metatable.__tostring(self)
  return ("klua_State %q%s"):format(self.name, self.L == nil and " (closed)" or "")
end

-- The core's state of a klua_State that is not closed.
local function opened(call, K)
  if getmetatable(K) ~= metatable then
    errors.expected("a klua_State", K, call, 1, "K")
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

-- The klua_State whose lock it is.
local function locked_by(self, call)
  if getmetatable(self) ~= lock then
    faces.no_object("a ks_lock", self, call)
  end
  return self.K
end

function lock:owned()
  return opened("owned", locked_by(self, "owned")).locked
end

function lock:enter()
  klua9.klua_lock(locked_by(self, "enter"))
end

function lock:exit()
  klua9.klua_unlock(locked_by(self, "exit"))
end

local function receiver(self, call)
  if getmetatable(self) ~= metatable then
    faces.no_object("a klua_State", self, call)
  end
  return opened(call, self)
end

-- Runs a chunk, or a file, in the state, as the core's methods do: drivers use the C API on K.L instead.
function methods:exec(...)
  return receiver(self, "exec"):exec(...)
end

function methods:load(...)
  return receiver(self, "load"):load(...)
end

-- --- the functions -----------------------------------------------------------------------------------

-- The level that is the argument at `position`.
local function level(call, position, ipl)
  if ipl == nil then
    return klua9.IPL_NONE
  elseif type(ipl) ~= "number" or not LEVELS[ipl + 1] then
    errors.expected("klua9.IPL_NONE or another of its levels", ipl, call, position, "ipl")
  end
  return ipl
end

local function new(name, desc, ipl, allocator)
  if name:sub(1, 1) == "_" then
    return errors.failed(require("callgate").EINVAL)
  end
  name, desc = name:sub(1, klua9.MAX_LUA_NAME - 1), desc:sub(1, klua9.MAX_LUA_DESC - 1)
  local own = { desc = desc, user = false, allocator = allocator }
  local st, message, errno = state.create(name, faces.options("klua9", klua9.options, own))
  if not st then
    return nil, message, errno
  end
  local ks_lock = setmetatable({}, lock)
  ks_lock.K = show { state = st, name = name, desc = desc, ipl = ipl, ks_lock = ks_lock }
  return ks_lock.K
end

-- A state whose memory `f` provides, a lua_Alloc (a cdata function pointer; nil: LuaJIT's own), which gets `ud`
-- in every call, and a level (ipl), IPL_NONE where it is left out. A klua_State, or nil, message, errno: EINVAL a name
-- that begins with "_", EEXIST, ENFILE, ENOMEM, EOPNOTSUPP an allocator for a LuaJIT of 64 bits without GC64.
function klua9.klua_newstate(f, ud, name, desc, ipl)
  typed("string", name, "klua_newstate", 3, "name")
  typed("string", desc, "klua_newstate", 4, "desc")
  ipl = level("klua_newstate", 5, ipl)
  if f ~= nil and (type(f) ~= "cdata" or not tostring(ffi.typeof(f)):find("(", 1, true)) then
    errors.expected("a lua_Alloc, a pointer to a function of C", f, "klua_newstate", 1, "f")
  elseif ud ~= nil and type(ud) ~= "cdata" then
    errors.expected("a pointer or nil", ud, "klua_newstate", 2, "ud")
  end
  return new(name, desc, ipl, f ~= nil and { f, ud } or nil)
end

-- A state with LuaJIT's own memory: (name, desc, ipl), as sys/lua.h has it, or (ud, name, desc, ipl), as the
-- page prints it, where ud goes unused.
function klua9.kluaL_newstate(...)
  local first = type((...)) == "string" and 1 or 2
  local name, desc, ipl = select(first, ...)
  typed("string", name, "kluaL_newstate", first, "name")
  typed("string", desc, "kluaL_newstate", first + 1, "desc")
  return new(name, desc, level("kluaL_newstate", first + 2, ipl))
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
