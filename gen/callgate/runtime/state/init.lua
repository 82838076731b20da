-- Lua states under control: named, isolated, with limits on memory and instructions, each in this process.
--
--   local state = require "callgate.state"
--   local st = assert(state.create("plugin", { maxalloc = 2^20, maxcount = 1e7 }))
--   print(st:exec "return 1 + 1")
--
-- The interface, which does not change. Everything returns value(s), or nil, message, errno; misuse of
-- arguments is a Lua error.
--
--   state.create(name[, options]) -> state
--     name        at most 63 bytes, unique (EEXIST, ENAMETOOLONG); nil: an unnamed state, which closes when it
--                 is collected
--     desc        text                                maxalloc    bytes, all of the state counted (ENOMEM)
--     libs        "all", or a list; by default        maxcount    VM instructions for each call (ETIME)
--                 state.LIBS, the harmless ones       jit         whether the JIT compiler is on: by default
--                                                                 where there is no limit
--     bytecode    true: it may load bytecode          user        true: made by a user, not by the kernel
--     env         the global through which it sees state.env: a name, "env" by default; false for none
--     allocator   { f, ud }: a lua_Alloc, in C, that provides the memory, and its opaque pointer
--   state.lookup(name) -> state (ENOENT)              state.list() -> infos, oldest first
--   state.closeall() -> how many it has closed        state.register(modname, source[, { trusted = true }])
--   state.config = { require, autoload, bytecode, maxcount, maxstates, path, maxenv, verbose (callgate.lua4's) }
--   state.env     a table shared by all states: strings, numbers, booleans, tables by copy
--   state.NAME_MAX = 63
--
--   st:exec(chunk[, chunkname, ...]) -> what it returns, or true
--   st:load(path[, chunkname])       runs a file, likewise
--   st:run(chunk[, chunkname[, bytecode]])  as exec, but what it returns stays inside
--   st:require(modname[, global])    ENOENT: there is none, EEXIST: it has it already
--   st:script(chunk[, chunkname, ...])  runs it ("@path": a file); the function that it returns is for resume
--   st:resume(...) -> what it yields or returns, or true; st:status() -> "suspended", "dead", "running", "none"
--   st:thread(...) -> job            resume in a thread of its own; until it is joined everything else but
--                                    info, get, put and stop is EBUSY
--   job:join([seconds]) -> as resume, or nil, message, ETIMEDOUT; ECANCELED once stopped
--   job:stop(), st:stop()            ends it at its next instruction, asynchronously
--   st:lock() st:unlock()            EBUSY where it is locked; a locked state has no thread and is not closed
--   st:get() st:put()                users: the last put closes it
--   st:limit{maxalloc=, maxcount=}   new limits
--   st:collect()                     a full garbage collection
--   st:info() -> name, desc, user, users, status, locked, maxalloc, maxcount, refused (allocations); in bytes
--                                    used, peak, empty (used when it was created)
--   st:close([{ user = }])           EBUSY: it runs, is locked, or has more users; EPERM: it is of the other
--                                    side; a global function onClose runs first
--   st.L  its lua_State, nil once closed;  st.name, st.desc, st.user
--
-- Of a closed state every call is nil, message, ENOENT. Errors of scripts, in syntax or as they run, are
-- EINVAL with their own message.

local ffi = require "ffi"
local args = require "callgate.args"
local boot = require "callgate.state.boot"
local errors = require "callgate.errors"
local handle = require "callgate.state.handle"
local registry = require "callgate.state.registry"
local settings = require "callgate.state.config"
local shared_env = require "callgate.state.env"

local state = {
  NAME_MAX = 63,
  LIBS = { "base", "coroutine", "table", "string", "math", "bit", "os" },
  config = settings {
    require = true, autoload = true, bytecode = false, maxcount = 0, verbose = 0, maxstates = math.huge,
    path = package.path, maxenv = shared_env.MOST,
  },
  env = shared_env.table,
  list = registry.list,
  closeall = registry.closeall,
}

local OPTIONS = { "desc", "maxalloc", "libs", "maxcount", "jit", "bytecode", "user", "env", "allocator" }
local LIBRARIES = {
  base = {}, coroutine = {}, table = {}, string = {}, math = {}, bit = {}, package = {}, debug = {}, ffi = {},
  os = { "os" }, io = { "io" }, jit = { "jit" }, ["string.buffer"] = {},
}
local MOST_COUNT = 2147483000 -- an int of lua_sethook's, less what a call needs itself

local function misuse(call, label, what)
  errors.raise(("%s: %s: %s"):format(call, label, what))
end

local function known(call, what, name, names)
  for _, other in ipairs(names) do
    if other == name then
      return
    end
  end
  local hint = require("callgate.suggest").hint(name, names)
  errors.raise(("%s: unknown %s %s%s"):format(call, what, errors.shown(name), hint))
end

local function text(value, call, position, label)
  if type(value) ~= "string" then
    args.expected("a string", value, call, position, label)
  end
  return value
end

local function switch(value, label, default, call)
  if value == nil then
    return default
  elseif type(value) ~= "boolean" then
    misuse(call or "create", "option " .. label, "expected true or false, got " .. errors.got(value))
  end
  return value
end

-- A call's options, each of which has one of `names`.
local function options_of(options, call, position, names)
  if type(options) ~= "nil" and type(options) ~= "table" then
    args.expected("a table of options", options, call, position, "options")
  end
  for option in pairs(options or {}) do
    known(call, "option", option, names)
  end
  return options or {}
end

local function number(value, call, label, most)
  if type(value) ~= "number" or value < 0 or value > most or value % 1 ~= 0 then
    misuse(call, "option " .. label, ("expected a whole number from 0 to %.0f, got %s"):format(most, errors.got(value)))
  end
  return value
end
handle.number, handle.known, handle.MOST_COUNT = number, known, MOST_COUNT
handle.switch, handle.options_of = switch, options_of

-- A function that LuaJIT calls where no error can be told: what is none would end the process.
local function provider(own)
  local expected
  if type(own) ~= "table" then
    expected = "a table of a lua_Alloc and its pointer, got " .. errors.got(own)
  elseif type(own[1]) ~= "cdata" or not tostring(ffi.typeof(own[1])):find "%(" or own[1] == nil then
    expected = "a lua_Alloc first, a pointer to a function of C, got " .. errors.got(own[1])
  elseif own[2] ~= nil and type(own[2]) ~= "cdata" and type(own[2]) ~= "userdata" then
    expected = "a pointer or nil second, got " .. errors.got(own[2])
  end
  return expected and misuse("create", "option allocator", "expected " .. expected) or own
end

local function library_names()
  local names = {}
  for name in pairs(LIBRARIES) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- The libraries that are wanted as a set, or "all"; and the C functions that open them.
local function libraries(libs, compiles)
  if libs == "all" then
    return libs, { "jit", "os", "io" }
  elseif libs == nil then
    libs = state.LIBS
  elseif type(libs) ~= "table" then
    misuse("create", "option libs", 'expected "all" or a list of names, got ' .. errors.got(libs))
  end
  for key in pairs(libs) do
    if type(key) ~= "number" or libs[key - 1] == nil and key ~= 1 then -- { base = true } would be none at all
      misuse("create", "option libs", 'expected "all" or a list of names, got one with the key ' .. errors.shown(key))
    end
  end
  local set, openers = {}, {}
  for _, name in ipairs(libs) do
    if not LIBRARIES[name] then
      known("create", "library", name, library_names())
    end
    set[name] = true
    openers[#openers + 1] = LIBRARIES[name][1]
  end
  if not set.os then
    openers[#openers + 1] = "os" -- the clock by which patterns pay
  end
  if compiles and not set.jit then
    openers[#openers + 1] = "jit" -- which switches the compiler on; its script sees neither
  end
  return set, openers
end

-- Whether there may be one more. Unnamed ones that nobody has any more are closed when they are collected.
local function has_room(most)
  if registry.count() >= most then
    collectgarbage()
  end
  return registry.count() < most
end

function state.create(name, options)
  local config = state.config
  if type(name) ~= "nil" then -- a null pointer equals nil
    text(name, "create", 1, "name")
  end
  options = options_of(options, "create", 2, OPTIONS)
  local desc = options.desc == nil and "" or text(options.desc, "create", 2, "desc")
  local maxalloc = options.maxalloc ~= nil and number(options.maxalloc, "create", "maxalloc", 2 ^ 52) or nil
  local maxcount = options.maxcount == nil and math.min(config.maxcount, MOST_COUNT)
    or number(options.maxcount, "create", "maxcount", MOST_COUNT)
  local compiles = switch(options.jit, "jit", maxcount == 0 and (maxalloc or 0) == 0)
  local libs, openers = libraries(options.libs, compiles)
  if compiles and maxcount > 0 then
    misuse("create", "option jit", "compiled code does not count instructions; leave maxcount out or jit off")
  end
  local user, bytecode = switch(options.user, "user", true), switch(options.bytecode, "bytecode", config.bytecode)
  local own = options.allocator ~= nil and provider(options.allocator) or nil
  local env = options.env
  if env == nil then
    env = "env"
  elseif env ~= false then
    env = text(env, "create", 2, "env")
  end
  if name and #name > state.NAME_MAX then
    return handle.failed "ENAMETOOLONG"
  elseif name and registry.find(name) then
    return handle.failed "EEXIST"
  elseif maxalloc and maxalloc > 0 and not boot.limits_memory then
    return handle.failed "EOPNOTSUPP" -- no machine code may be made here: see machine.lua
  elseif own and ffi.abi "64bit" and not ffi.abi "gc64" then
    return handle.failed "EOPNOTSUPP" -- LuaJIT takes no allocator for memory of 32-bit addresses: lj_state.c
  elseif not has_room(config.maxstates) then
    return handle.failed "ENFILE"
  end
  handle.reap()
  local control, hook = boot.make({
    all = libs == "all", libs = libs ~= "all" and libs or {}, limited = maxcount > 0,
    bytecode = bytecode, require = config.require,
    autoload = config.autoload, path = config.path, env = env, store = shared_env.address(config.maxenv),
    modules = boot.modules,
  }, openers, compiles, own)
  if not control then
    if hook then
      errors.raise("create: this LuaJIT cannot run a state: " .. hook)
    end
    return handle.failed "ENOMEM"
  end
  local st = handle.new(control, hook, {
    name = name, desc = desc, user = user, maxcount = maxcount,
    guarded = maxcount > 0 or libs ~= "all" and not libs.jit, jit = options.jit,
    -- its script has no debug library, which could take the limit's hook away
    sealed = libs == "all" and maxcount > 0 or libs ~= "all" and not libs.debug,
  })
  if maxalloc and not handle.set_maxalloc(st, maxalloc) then
    st:close()
    return handle.failed "ENOMEM"
  end
  registry.add(st)
  return st
end

function state.lookup(name)
  local st = registry.find(text(name, "lookup", 1, "name"))
  if not st then
    return handle.failed "ENOENT"
  end
  return st
end

-- Lets the states' require find `source`, a chunk's text, under that name; nil takes it away. With
-- { trusted = true } it runs with all of LuaJIT that the state has opened, its script's libraries or not: the
-- program's own code, which gives the script what the language has not.
function state.register(name, source, options)
  if type(name) ~= "string" or name == "" then
    args.expected("a module's name", name, "register", 1, "modname")
  elseif source ~= nil and type(source) ~= "string" then
    args.expected("the module's source", source, "register", 2, "source")
  end
  local trusted = switch(options_of(options, "register", 3, { "trusted" }).trusted, "trusted", false, "register")
  if not shared_env.store().set((trusted and "t" or "m") .. name, source) then
    return handle.failed "ENOMEM"
  end
  shared_env.store().set((trusted and "m" or "t") .. name, nil)
  return true
end

return state
