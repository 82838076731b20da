-- Inside a state, once: what its script sees. Loaded as bytecode: no upvalues.
--
-- sandbox(config, codec, guard, module) -> require
--
-- With config.all the script has all of LuaJIT. Otherwise it has the libraries of config.libs, without
-- what would reach memory, files or other programs, or set a finalizer, which no limit can stop. Their tables are
-- copies: a script may change its own, while this library and trusted modules go on with what LuaJIT has put there.

return function(config, codec, guard, module)
  local env, loaded, libs = _G, package.loaded, config.libs
  local find = string.find
  local mode = config.bytecode and "bt" or "t"
  local original = env.require

  local BASE = {
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget",
    "rawlen", "rawset", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "load",
    "loadstring", "collectgarbage", "gcinfo", "getfenv", "setfenv", "_VERSION", "_G",
  }
  local OS = { "clock", "date", "difftime", "time" }

  local new = original "table.new" -- for tables that need not grow

  local function only(from, names)
    local to = new(0, #names)
    for i = 1, #names do
      to[names[i]] = from[names[i]]
    end
    return to
  end

  local function copy(from)
    local n = 0
    for _ in next, from do
      n = n + 1
    end
    local to = new(0, n)
    for key, value in next, from do
      to[key] = value
    end
    return to
  end

  local function text(chunk, name, wanted, ...)
    if wanted ~= nil and not config.bytecode then
      if not find(tostring(wanted), "t", 1, true) then
        return nil, "a state loads no bytecode"
      end
      wanted = "t"
    end
    return guard.load(chunk, name, wanted or mode, ...)
  end

  local function restrict()
    local found = {}
    if libs.base then
      guard.base(env)
      found = only(env, BASE)
      found._G = env
      found.load = text
      found.loadstring = function(chunk, name)
        return text(tostring(chunk), name)
      end
    end
    if config.limited then
      libs.jit = nil -- jit.on: compiled code does not count instructions
    end
    local kept = { _G = found._G }
    local names = { "string", "table", "math", "bit", "os", "io", "debug", "jit", "coroutine", "ffi" }
    for i = 1, #names do
      local name = names[i]
      if libs[name] then
        kept[name] = name == "os" and only(loaded.os, OS) or copy(loaded[name])
      end
    end
    kept["string.buffer"] = libs["string.buffer"] and original "string.buffer" or nil
    if kept.io then -- its files' metatable would let a script set a finalizer
      kept.io.popen = nil
      getmetatable(kept.io.stdout).__metatable = "file"
    end
    if kept.string then
      kept.string.dump = config.bytecode and kept.string.dump or nil
    end
    getmetatable("").__index, getmetatable("").__metatable = kept.string, "string"
    for key in next, env do
      env[key] = found[key]
    end
    for name, library in next, kept do
      if name ~= "_G" and name ~= "ffi" and not find(name, ".", 1, true) then
        env[name] = library
      end
    end
    loaded = kept
    if libs.package then
      env.package = { loaded = loaded, preload = {} }
      kept.package = env.package
    end
  end

  if guard then
    guard.libraries(loaded, env)
  end
  if config.all then
    if config.limited then
      guard.base(env)
      env.debug, env.jit, env.newproxy = nil, nil, nil
      loaded.debug, loaded.jit, loaded["jit.opt"], loaded["jit.util"] = nil, nil, nil, nil
    end
  else
    restrict()
  end

  local loaded_store

  local function store()
    if not loaded_store then
      loaded_store = module("store", config.store, codec)
      if guard then
        guard.release = loaded_store.recover
      end
    end
    return loaded_store
  end

  -- The second value tells whether it was loaded already.
  local function import(name)
    import = module("imports", config, guard, module, store, env, loaded, original)
    return import(name)
  end

  if config.require then
    env.require = function(name)
      return (import(name))
    end
  else
    env.require = nil
  end
  if config.env then
    env[config.env] = setmetatable({}, {
      __index = function(_, key)
        return store().value(key)
      end,
      __newindex = function(_, key, value)
        return store().assign(key, value) -- a tail call, as levels of the stack are counted
      end,
      __metatable = "env",
    })
  end
  return function(name, global)
    local value, had = import(name)
    if global and had == 0 then
      rawset(env, name, value)
    end
    return had
  end
end
