-- What lua(4) wants of the core, callgate.state: states by names of 15 bytes, modules of the kernel's, code that is
-- run under the sysctls as they stand now.
--
-- What can fail returns nothing when it succeeds, else the reason, in words, and the errno's name.

local errors = require "callgate.errors"
local env = require "callgate.state.env"
local errno = require "callgate.lua4.errno"
local netbsd = require "callgate.bound.netbsd_lua"
local state = require "callgate.state"

local states = {}

local NAME, MODULE = netbsd.MAX_LUA_NAME - 1, netbsd.LUA_MAX_MODNAME - 1 -- bytes that fit beside the NUL

-- --- finding -------------------------------------------------------------------------------------------

-- What is known of every named state, the newest first, as NetBSD keeps them.
function states.list()
  local infos, list = state.list(), {}
  for i = #infos, 1, -1 do
    if infos[i].name then
      list[#list + 1] = infos[i]
    end
  end
  return list
end

-- The state of that name; a longer one, which a program may give, counts as far as the device shows it.
function states.find(name)
  local found = state.lookup(name)
  if not found and #name == NAME then
    for _, info in ipairs(state.list()) do
      if info.name and info.name:sub(1, NAME) == name then
        return (state.lookup(info.name))
      end
    end
  end
  return found or nil
end

function states.is_user(st)
  return st.user
end

-- --- failing -------------------------------------------------------------------------------------------

local AS_THEY_ARE = { EBUSY = true, ENOMEM = true } -- the others are EINVAL to lua(4)

-- What a call of the core returns, as reason and errno's name.
local function outcome(done, message, number)
  if done == nil then
    local name = errors.errname(number)
    return message, AS_THEY_ARE[name] and name or "EINVAL"
  end
end

-- A state that somebody has locked: the driver would wait for it, which in one thread is for ever.
local function locked(st)
  if st.locked then
    return "it is locked", "EBUSY"
  end
end

-- --- making and ending ---------------------------------------------------------------------------------

-- A state with no library at all; `path` is where its require looks, a template as in package.path.
function states.create(name, desc, path)
  local before = state.config.path
  state.config.path = path
  -- maxcount: what the variable says counts when a file is loaded
  local options = { desc = desc, libs = {}, env = false, user = true, maxcount = 0 }
  local ok, made, message, number = pcall(state.create, name, options)
  state.config.path = before
  if not ok then
    error(made, 0)
  elseif not made and errors.errname(number) == "ENFILE" then
    return "there are as many states as state.config.maxstates allows", "ENOMEM"
  end
  return outcome(made or nil, message, number)
end

-- Ends a state; its onClose runs first.
function states.close(st)
  return outcome(st:close { user = true })
end

-- --- modules -------------------------------------------------------------------------------------------

-- Makes a chunk's text a kernel module, as klua_mod_register(9) does with C: it runs with the whole of Lua in each
-- state that requires it, and what it returns is the module. EBUSY for a name that is taken.
function states.register(name, source)
  if type(name) ~= "string" or name == "" then
    errors.expected("a module's name", name, "register", 1, "name")
  elseif type(source) ~= "string" then
    errors.expected("the text of a chunk", source, "register", 2, "source")
  end
  name = name:sub(1, MODULE)
  if states.registered(name) then
    return errno.fail "EBUSY"
  elseif not state.register(name, source, { trusted = true }) then
    return errno.fail "ENOMEM"
  end
  return true
end

function states.registered(name)
  local store = env.store()
  return (store.get("t" .. name) or store.get("m" .. name)) ~= nil
end

-- LUAREQUIRE: the module becomes a global of the state. Nothing is autoloaded: only Lua's own require does that.
function states.require(st, module)
  if not states.registered(module) then
    return "there is no such module", "ENXIO"
  end
  local why, failure = locked(st)
  if failure then
    return why, failure
  end
  local done, message, number = st:require(module, true)
  if done == nil and errors.errname(number) == "EEXIST" then
    return "the state has it already", "ENXIO"
  end
  return outcome(done, message, number)
end

-- --- running -------------------------------------------------------------------------------------------

-- Gives the state the limit of kern.lua.maxcount. As in NetBSD one that it has stays while the variable is 0, but
-- for states that users made: theirs comes from nothing else.
local function limit(st)
  local wanted = math.min(state.config.maxcount, 2147483000) -- what the core can count
  if wanted ~= st.maxcount and (wanted > 0 or st.user) then
    return outcome(st:limit { maxcount = wanted })
  end
end

-- Runs a file's text in a state; `name` is what its messages call it.
function states.run(st, text, name)
  local why, failure = locked(st)
  if failure then
    return why, failure
  elseif text:byte() == 27 and not state.config.bytecode then
    return "loading of bytecode is not allowed (kern.lua.bytecode)", "EINVAL"
  end
  why, failure = limit(st)
  if failure then
    return why, failure
  end
  return outcome(st:run(text, name, state.config.bytecode))
end

return states
