-- KLua's API for states of this process: its functions, here without the klua_ prefix and with it, and its
-- struct klua_state as an object.
--
--   local klua = require "callgate.klua"
--   klua.states_init()
--   local s = klua.state_create(64 * 1024, "counter")
--   klua.execute("counter", "n = (n or 0) + 1")
--   klua.states_exit()
--
-- What the document calls NULL is nil, message, errno; its -1 is -1, message, errno.

local ffi = require "ffi"
local errors = require "callgate.errors"
local faces = require "callgate.faces"
local state = require "callgate.state"

local typed = faces.typed

local klua = {
  NAME_MAXSIZE = 64, -- bytes of a name with the zero that ends it in C
  MIN_ALLOC_BYTES = 32 * 1024,
  options = {}, -- further options of state.create, for every new state
}

-- A size_t: what an empty state needs comes on top, and the core's limits end at 2^52.
local MOST = ffi.abi "64bit" and 2 ^ 51 or 2 ^ 31

local created -- name -> object, of states that this API has made; nil: not initialised

local function ready(call)
  if not created then
    errors.raise(("%s: call states_init() first"):format(call))
  end
end

local function refuse(name)
  return errors.failed(require("callgate")[name])
end

-- --- struct klua_state -------------------------------------------------------------------------------

-- true: as they were when the state was made.
local fields = {
  name = true, state = true, maxalloc = true, base = true,
  node = function(s) return s.state end,
  L = function(s) return s.state.L end,
  lock = function(s) return s.state end,
  users = function(s) return s.state.L ~= nil and s.state:info().users or 0 end,
  curralloc = function(s) return s.state.L ~= nil and math.max(0, s.state:info().used - s.base) or 0 end,
}

local metatable, show = faces.struct("klua_state", fields)

function metatable.__tostring(self)
  return ("klua_state %q"):format(self.name)
end

local function object(call, value)
  if getmetatable(value) ~= metatable then
    errors.expected("a klua_state", value, call, 1, "s")
  end
  return value.state
end

-- --- the functions -----------------------------------------------------------------------------------

-- To be called first. A second call changes nothing.
function klua.states_init()
  created = created or {}
end

-- Destroys every state; to be called last. Raises while one of them runs, in a thread or as it calls this.
function klua.states_exit()
  ready "states_exit"
  klua.state_destroy_all()
  local name = next(created)
  if name then
    local where = created[name].state:status() == "running" and "in a thread" or "now"
    errors.raise(("states_exit: state %q runs %s"):format(name, where))
  end
  created = nil
end

-- A state whose scripts use at most `maxalloc` bytes, under a name of its own: an object, or nil, message,
-- errno: EINVAL less than MIN_ALLOC_BYTES, ENAMETOOLONG, EEXIST, ENFILE, ENOMEM, EOPNOTSUPP where no machine code may
-- be made. What LuaJIT needs for an empty state is not counted, since it is more than the kernel's whole Lua: 32 KiB
-- would not hold it.
function klua.state_create(maxalloc, name)
  ready "state_create"
  if type(maxalloc) == "cdata" then -- a size_t
    maxalloc = require("callgate.memory").number(maxalloc) or maxalloc
  end
  if type(maxalloc) ~= "number" or not (maxalloc >= 0 and maxalloc <= MOST) or maxalloc % 1 ~= 0 then
    errors.expected(("a whole number from 0 to %.0f"):format(MOST), maxalloc, "state_create", 1, "maxalloc")
  end
  typed("string", name, "state_create", 2, "name")
  if maxalloc < klua.MIN_ALLOC_BYTES then
    return refuse "EINVAL"
  elseif #name >= klua.NAME_MAXSIZE then
    return refuse "ENAMETOOLONG"
  end
  local st, message, errno = state.create(name, faces.options("klua", klua.options, { user = false }))
  if not st then
    return nil, message, errno
  end
  st:collect()
  local base = st:info().used
  local ok
  ok, message, errno = st:limit { maxalloc = base + maxalloc }
  if not ok then
    st:close()
    return nil, message, errno
  end
  local s = show { name = name, state = st, maxalloc = maxalloc, base = base }
  created[name] = s
  return s
end

-- The state of that name, or nil, message, ENOENT.
function klua.state_lookup(name)
  ready "state_lookup"
  typed("string", name, "state_lookup", 1, "name")
  local s = created[name]
  if s and state.lookup(name) ~= s.state then -- closed behind this API's back
    created[name], s = nil, nil
  end
  if not s then
    return refuse "ENOENT"
  end
  return s
end

-- 0, or -1, message, errno: ENOENT, EBUSY while others than its creator use it, or while it runs.
function klua.state_destroy(name)
  ready "state_destroy"
  typed("string", name, "state_destroy", 1, "name")
  local s, message, errno = klua.state_lookup(name)
  if s then
    local ok
    ok, message, errno = s.state:close()
    if ok then
      created[name] = nil
      return 0
    end
  end
  return -1, message, errno
end

-- Every state, sorted by name: a line for each, by `write`, a function; stderr stands in for dmesg.
function klua.state_list(write)
  ready "state_list"
  if write == nil then
    write = function(line)
      io.stderr:write(line)
    end
  else
    typed("function", write, "state_list", 1, "write")
  end
  local names = {}
  for name in pairs(created) do
    if klua.state_lookup(name) then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local s = created[name]
    write(("State %s, curralloc %d, maxalloc %d, users %d\n"):format(name, s.curralloc, s.maxalloc, s.users))
  end
end

-- Destroys every state, locked or not, however many use it, but for those that run: in a thread, or as they call this.
function klua.state_destroy_all()
  ready "state_destroy_all"
  local names = {}
  for name in pairs(created) do
    names[#names + 1] = name
  end
  for _, name in ipairs(names) do
    local s = klua.state_lookup(name)
    if s then
      local st = s.state
      local users, locked = st.users, st.locked
      st.users, st.locked = 1, false
      if st:close() then
        created[name] = nil
      else
        st.users, st.locked = users, locked
      end
    end
  end
end

-- Runs the code in the state of that name: what it returns, or nil, message, errno.
function klua.execute(name, code)
  ready "execute"
  typed("string", name, "execute", 1, "name")
  typed("string", code, "execute", 2, "code")
  local s, message, errno = klua.state_lookup(name)
  if not s then
    return nil, message, errno
  end
  return s.state:exec(code, "=" .. name)
end

-- A further user of the state, until state_put: it is not destroyed under it. (Of KLua's states.h, which
-- its document leaves out.)
function klua.state_get(s)
  local st = object("state_get", s)
  return (st:get()) ~= nil
end

function klua.state_put(s)
  object("state_put", s):put()
end

local names = {}
for name, value in pairs(klua) do
  if type(value) == "function" then
    names[#names + 1] = name
  end
end
for _, name in ipairs(names) do
  klua["klua_" .. name] = klua[name]
end
klua.KLUA_NAME_MAXSIZE = klua.NAME_MAXSIZE
klua.KLUA_MIN_ALLOC_BYTES = klua.MIN_ALLOC_BYTES

return klua
