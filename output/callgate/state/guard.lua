-- Inside a state with an instruction limit: what would swallow the limit, made so that it cannot. Loaded
-- as bytecode: no upvalues.
--
-- The hook that enforces the limit needs room on Lua's stack and may need memory. A script that sits where
-- there is neither would get another error in its place, catch that and go on. So under a limit three
-- errors cannot be caught: the limit's, memory's and the stack's. They end the call.

return function(SPENT, limited, module)
  local pcall, error, type, load = pcall, error, type, load
  local create, resume, status = coroutine.create, coroutine.resume, coroutine.status
  local find, sort, insert, select, tonumber = string.find, table.sort, table.insert, select, tonumber
  local FULL, HANDLING = "not enough memory", "error in error handling" -- lj_errmsg.h: ERRMEM, ERRERR

  local guard = {}

  -- From now on there is an instruction limit, or none.
  function guard.limit(on)
    limited = on
  end

  local function final(message)
    return limited and type(message) == "string" and (message == SPENT or message == FULL
      or message == HANDLING or find(message, "stack overflow", 1, true))
  end

  local function caught(ok, ...)
    if not ok and final((...)) then
      error((...), 0)
    end
    return ok, ...
  end

  function guard.pcall(...)
    return caught(pcall(...))
  end

  -- The messages of these are made when they are needed, and LuaJIT crashes if there is no memory for that.
  local function unfit(co)
    if type(co) == "thread" then
      local now = status(co)
      return now == "dead" and "cannot resume dead coroutine"
        or now ~= "suspended" and "cannot resume running coroutine"
    end
  end

  function guard.resume(co, ...)
    local message = unfit(co)
    if message then
      return false, message
    end
    return caught(resume(co, ...))
  end

  local function passed(ok, ...)
    if not ok then
      error((...), 0)
    end
    return ...
  end

  function guard.wrap(fn)
    local co = create(fn)
    return function(...)
      local message = unfit(co)
      if message then
        error(message, 2)
      end
      return passed(resume(co, ...))
    end
  end

  local function handled(handler, ok, ...)
    if ok then
      return true, ...
    elseif final((...)) then
      error((...), 0)
    end
    return false, select(2, caught(pcall(handler, ...)))
  end

  -- The handler runs after the stack is unwound: while an error is handled, hooks do not run, so that one
  -- that loops could not be stopped.
  function guard.xpcall(fn, handler, ...)
    return handled(handler, pcall(fn, ...))
  end

  -- load calls a function for the pieces, and catches its errors.
  function guard.load(chunk, name, mode, ...)
    local fn, message = load(chunk, name, mode, ...)
    if not fn and final(message) then
      error(message, 0)
    end
    return fn, message
  end

  -- Without a function C compares, and its quicksort has inputs that take it a time beyond any limit.
  function guard.sort(list, less)
    if limited and less == nil then
      return sort(list, function(a, b)
        return a < b
      end)
    end
    return sort(list, less)
  end

  -- From a position before the first C would shift elements down to it: billions of them.
  function guard.insert(list, at, ...)
    if select("#", ...) == 0 then
      return insert(list, at)
    elseif limited and not ((tonumber(at) or 1) >= 1 and (tonumber(at) or 1) < 2147483648) then
      error("bad argument #2 to 'insert' (position out of bounds)", 2)
    end
    return insert(list, at, ...)
  end

  guard.patterns = module("patterns", function()
    return limited
  end, module)

  return guard
end
