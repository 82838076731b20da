-- Inside a state: the functions of LuaJIT's libraries that call the script back from C, made so that they can be
-- nested only so deep. C's stack has no end that LuaJIT looks at: beyond it the process crashes. Loaded as bytecode:
-- no upvalues.
--
-- callbacks(depth) -> functions in a table, by their libraries' names for them; within(fn) -> fn, counted
--
-- depth.now is how many calls of C functions that have called back, and of resume, lie on C's stack; depth.base how
-- many did where the running coroutine was resumed. Who catches an error puts `now` right: guard.lua.

return function(depth)
  local sort, format, time = table.sort, string.format, os and os.time
  local getinfo = debug.getinfo
  local MOST = depth.most

  local callbacks = {}

  local function enter()
    local now = depth.now
    if now >= MOST then
      error(depth.OVERFLOW, 0)
    end
    depth.now = now + 1
  end

  local function left(...)
    depth.now = depth.now - 1
    return ...
  end

  -- For C functions that take one value of it.
  function callbacks.within(fn)
    return function(...)
      local now = depth.now
      if now >= MOST then
        error(depth.OVERFLOW, 0)
      end
      depth.now = now + 1
      local value = fn(...)
      depth.now = depth.now - 1
      return value
    end
  end

  -- What C compares with C comes to no instruction, and its quicksort has inputs that take it a time beyond any limit.
  function callbacks.sort(list, less)
    if type(list) ~= "table" or less ~= nil and type(less) ~= "function" then
      return sort(list, less) -- which is an error
    elseif less and getinfo(less, "S").what == "C" then
      local native = less
      less = function(a, b)
        local is_less = native(a, b)
        return is_less
      end
    end
    enter()
    return left(sort(list, less))
  end

  -- A metatable may have __tostring, which C calls.
  local function described(n, ...)
    local values = { ... }
    for i = 1, n do
      if type(values[i]) == "table" and getmetatable(values[i]) ~= nil then
        values[i] = tostring(values[i])
      end
    end
    return format(unpack(values, 1, n))
  end

  function callbacks.format(...)
    local _, a, b, c = ...
    local n = select("#", ...)
    if n > 4 or type(a) == "table" or type(b) == "table" or type(c) == "table" then
      return described(n, ...)
    end
    return format(...)
  end

  function callbacks.print(...)
    enter()
    return left(print(...)) -- the global tostring, which may be the script's
  end

  function callbacks.time(from)
    if type(from) ~= "table" or getmetatable(from) == nil then
      return time(from)
    end
    enter()
    return left(time(from))
  end

  return callbacks
end
