-- The table that all states of this program share, on the program's side: store.lua is the rest.

local ffi = require "ffi"
local codec = require("callgate.state.boot").codec()
local errors = require "callgate.errors"
local C = require("callgate.state.native").C
local open = require "callgate.state.store"
local shared = require "callgate.shared"

ffi.cdef [[
int callgate_state_mutexattr_init(void *) __asm__("pthread_mutexattr_init");
int callgate_state_mutexattr_settype(void *, int) __asm__("pthread_mutexattr_settype");
int callgate_state_mutexattr_setrobust(void *, int) __asm__("pthread_mutexattr_setrobust");
int callgate_state_mutex_init(void *, const void *) __asm__("pthread_mutex_init");
]]

local PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ROBUST = 2, 1 -- pthread.h of glibc, musl and uClibc-ng

local env = { MOST = 16777216 } -- bytes of all entries, unless state.config.maxenv says otherwise

local store

-- Made once for all copies of this library in a VM; a state that makes states hands its own on (lunatik.lua).
local function make()
  if shared.store then
    store = open(shared.store, codec)
    return store
  end
  local bytes = C.callgate_state_calloc(1, 4096 + 256 * ffi.sizeof "void *")
  if bytes == nil then
    errors.raise "no memory for the table of all states"
  end
  local attributes = ffi.new "uint64_t[16]" -- at most 56 bytes anywhere
  C.callgate_state_mutexattr_init(attributes)
  C.callgate_state_mutexattr_settype(attributes, PTHREAD_MUTEX_ERRORCHECK)
  C.callgate_state_mutexattr_setrobust(attributes, PTHREAD_MUTEX_ROBUST)
  C.callgate_state_mutex_init(bytes, attributes)
  store = open(tonumber(ffi.cast("uintptr_t", bytes)), codec, require("callgate.state.machine").drop)
  store.limit(env.MOST)
  shared.store = store.address
  return store
end

function env.store()
  return store or make()
end

-- Where it lies, for a state's configuration; it may hold `most` bytes from now on.
function env.address(most)
  env.store().limit(most)
  return store.address
end

env.table = setmetatable({}, {
  __index = function(_, key)
    return env.store().value(key)
  end,
  __newindex = function(_, key, value)
    local ok, message = pcall(env.store().assign, key, value)
    if not ok then
      errors.raise(errors.plain(message))
    end
  end,
  __metatable = "env",
})

return env
