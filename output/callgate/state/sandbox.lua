-- Inside a state, once: what its script sees. Loaded as bytecode: no upvalues.
--
-- sandbox(config, codec, guard, module) -> require
--
-- With config.all the script has all of LuaJIT. Otherwise it has the libraries of config.libs, without
-- what would reach memory, files or other programs, or set a finalizer, which no limit can stop. Their tables are
-- copies: a script may change its own, while this library and trusted modules go on with what LuaJIT has put there.

return function(config, codec, guard, module)
  local env, loaded, libs = _G, package.loaded, config.libs
  local load, loadfile, searchpath = load, loadfile, package.searchpath
  local error, type, find, tostring, setmetatable = error, type, string.find, tostring, setmetatable
  local next, rawset, getmetatable = next, rawset, getmetatable
  local mode = config.bytecode and "bt" or "t"
  local original = env.require

  local BASE = {
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget",
    "rawlen", "rawset", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "load",
    "loadstring", "collectgarbage", "gcinfo", "getfenv", "setfenv", "_VERSION", "_G",
  }
  local OS = { "clock", "date", "difftime", "time" }

  local function only(from, names)
    local to = {}
    for i = 1, #names do
      to[names[i]] = from[names[i]]
    end
    return to
  end

  local function copy(from)
    local to = {}
    for key, value in next, from do
      to[key] = value
    end
    return to
  end

  local function text(chunk, name, wanted, ...)
    if wanted ~= nil and not config.bytecode then
      wanted = find(tostring(wanted), "t", 1, true) and "t" or error("a state loads no bytecode", 2)
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
        kept[name] = copy(loaded[name])
      end
    end
    kept["string.buffer"] = libs["string.buffer"] and original "string.buffer" or nil
    if kept.os then
      kept.os = only(kept.os, OS)
    end
    if kept.io then -- its files' metatable would let a script set a finalizer
      kept.io.popen = nil
      getmetatable(kept.io.stdout).__metatable = "file"
    end
    if kept.string then
      kept.string.dump = config.bytecode and kept.string.dump or nil
    end
    getmetatable("").__index, getmetatable("").__metatable = kept.string, "string"
    for key in next, copy(env) do
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
    guard.libraries(loaded)
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

  local function checked(name, chunk, message)
    if not chunk then
      error("error loading module '" .. name .. "': " .. message, 0)
    end
    return chunk
  end

  local import, trusted_env
  local vouched = {} -- trusted modules by name, whatever the script has put in their place for itself

  -- What a module that the program vouches for has returned; nil: there is none of that name.
  local function trusted(name)
    local value = vouched[name]
    local source = value == nil and store().get("t" .. name)
    if source then
      trusted_env = trusted_env or config.all and env or guard.hide(module("trusted", guard, original, function(other)
        return trusted(other) or store().get("m" .. other) and (import(other)) or nil
      end))
      value = checked(name, load(source, "=" .. name, mode, trusted_env))(name)
      value = value == nil or value
      vouched[name] = value
    end
    return value
  end

  -- A module's chunk: registered by the program, or a file where the program allows it; or nil, message.
  local function found(name)
    local source = store().get("m" .. name)
    if source then
      return checked(name, load(source, "=" .. name, mode))
    elseif config.autoload and not find(name, "[^%w_.-]") then
      local path, message = searchpath(name, config.path)
      if path then
        return checked(name, loadfile(path, mode))
      end
      return nil, message
    end
    return nil, ""
  end

  -- The second value tells whether it was loaded already.
  function import(name)
    if type(name) ~= "string" then
      error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
    end
    local value = loaded[name]
    if value ~= nil then
      return value, 1
    end
    local preload = env.package and type(env.package) == "table" and env.package.preload
    local chunk, message = type(preload) == "table" and preload[name]
    if not chunk then
      value = trusted(name)
      if value ~= nil then
        loaded[name] = value
        return value, 0
      end
      chunk, message = found(name)
    end
    if not chunk then
      if config.all and message == "" then
        return original(name), 0
      end
      error("module '" .. name .. "' not found:" .. (message or ""), 2)
    end
    value = chunk(name)
    if value ~= nil then
      loaded[name] = value
    elseif loaded[name] == nil then
      loaded[name] = true
    end
    return loaded[name], 0
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
        store().assign(key, value)
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
