-- Inside a state: getfenv and setfenv for its script. Loaded as bytecode, when they are first wanted: no upvalues.
--
-- environments(script) -> getfenv, setfenv, hide in a table; script is the environment of the state's script
--
-- What functions of this library see is none of the script's business: they have all of LuaJIT.

return function(script)
  local environments, gsub = {}, string.gsub
  local hidden = { [getfenv(1)] = true }

  function environments.hide(environment)
    hidden[environment] = true
    return environment
  end

  -- A level as the script counts it, or a function, and its environment; `above` levels lie between.
  local function looked_up(name, where, above)
    local level = where == nil and 1 or type(where) ~= "function" and tonumber(where)
    where = level and level >= 1 and level + above or where
    local ok, environment = pcall(getfenv, where) -- one level more, as this function is
    if not ok then
      error(gsub(environment, "'.-'", "'" .. name .. "'", 1), 3)
    end
    return where, environment
  end

  function environments.getfenv(where)
    local _, environment = looked_up("getfenv", where, 3)
    return hidden[environment] and script or environment
  end

  function environments.setfenv(where, environment)
    local at, now = looked_up("setfenv", where, 3)
    if type(environment) ~= "table" then
      error("bad argument #2 to 'setfenv' (table expected, got " .. type(environment) .. ")", 2)
    elseif hidden[now] then
      error("'setfenv' cannot change environment of given object", 2)
    end
    local changed = setfenv(type(at) == "function" and at or at > 0 and at - 2 or at, environment)
    return changed
  end

  return environments
end
