-- Inside a state, once a trusted module is required: what such modules see, which is all that LuaJIT has opened there,
-- whatever its script sees. Loaded as bytecode, with that as its environment: no upvalues.
--
-- trusted(guard, original, provided) -> environment
--
-- provided(name) is a module of the program's or nil; original is LuaJIT's require.

return function(guard, original, provided)
  local select, tostring, concat = select, tostring, table.concat
  local env = {}
  for name, value in next, getfenv(1) do
    env[name] = value
  end
  env._G = env
  env.pcall, env.xpcall, env.load = guard.pcall, guard.xpcall, guard.load

  function env.require(name)
    local value = provided(name)
    if value == nil then
      return original(name)
    end
    return value
  end

  -- LuaJIT's own calls the tostring of the script's globals, which may have none.
  function env.print(...)
    local ffi, parts = original "ffi", {}
    for i = 1, select("#", ...) do
      parts[i] = tostring((select(i, ...)))
    end
    ffi.cdef 'int callgate_state_puts(const char *) __asm__("puts");'
    ffi.C.callgate_state_puts(concat(parts, "\t"))
  end

  return env
end
