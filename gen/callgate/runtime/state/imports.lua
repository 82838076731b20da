-- Inside a state, once something is required: how modules are found and loaded. Loaded as bytecode: no upvalues.
--
-- imports(config, guard, module, store, env, loaded, original) -> import
-- import(name) -> value, 1 if it was loaded already, otherwise 0
--
-- env and loaded are what the script sees; store() is the table that all states share, original LuaJIT's require.

return function(config, guard, module, store, env, loaded, original)
  local load, loadfile, searchpath = load, loadfile, package.searchpath
  local error, type, find = error, type, string.find
  local mode = config.bytecode and "bt" or "t"

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

  function import(name)
    if type(name) ~= "string" then
      error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 3)
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
      error("module '" .. name .. "' not found:" .. (message or ""), 3)
    end
    value = chunk(name)
    if value ~= nil then
      loaded[name] = value
    elseif loaded[name] == nil then
      loaded[name] = true
    end
    return loaded[name], 0
  end

  return import
end
