-- Inside a state: what would show its script this library's own environment, swallow the instruction limit or run
-- over C's stack, made so that it cannot. Loaded as bytecode: no upvalues.
--
-- guard(SPENT, limited, module, address, slowness)
--
-- address, slowness: see costs.lua.
--
-- The hook that enforces the limit needs room on Lua's stack and may need memory. A script that sits where
-- there is neither would get another error in its place, catch that and go on. So under a limit three
-- errors cannot be caught: the limit's, memory's and the stack's. They end the call.

return function(SPENT, limited, module, address, slowness)
  local create, resume, status = coroutine.create, coroutine.resume, coroutine.status
  local find, byte, sub, insert, script = string.find, string.byte, string.sub, table.insert, _G
  local FULL, HANDLING = "not enough memory", "error in error handling" -- lj_errmsg.h: ERRMEM, ERRERR

  -- callbacks.lua says what it is. The dispatcher begins each call with zeros. As many as in Lua 5.1: LUAI_MAXCCALLS.
  local depth = { now = 0, base = 0, most = 200, OVERFLOW = "C stack overflow" }
  local callbacks = module("callbacks", depth)
  local MOST = depth.most

  local function is_limited()
    return limited
  end
  local pay, timed, searched, compiled, elements, price = module("costs", address, is_limited, depth, slowness)

  local guard = { depth = depth }

  -- An error that a script catches may have left the shared table locked: memory or the stack can end anywhere.
  -- guard.release is store.lua's recover, once that is loaded.
  local function released()
    local release = guard.release
    if release then
      release()
    end
  end

  -- From now on there is an instruction limit, or none.
  function guard.limit(on)
    limited = on
  end

  local function final(message)
    return message == SPENT or limited and type(message) == "string" and (message == FULL
      or message == HANDLING or find(message, "^C? ?stack overflow") or find(message, ":%d+: C? ?stack overflow"))
  end

  -- After a pcall that has begun `within` calls of C's deep in its coroutine: an error leaves those that it has ended.
  local function caught(within, ok, ...)
    if not ok then
      depth.now = depth.base + within
      if final((...)) then
        error((...), 0)
      end
      released()
    end
    return ok, ...
  end

  function guard.pcall(...)
    return caught(depth.now - depth.base, pcall(...))
  end

  -- Why it is not resumed. The messages of these are made when they are needed, and LuaJIT crashes if there is no
  -- memory for that.
  local function unfit(co)
    if type(co) ~= "thread" then
      error("bad argument #1 to 'resume' (coroutine expected)", 3)
    end
    local now = status(co)
    return now == "dead" and "cannot resume dead coroutine"
      or now ~= "suspended" and "cannot resume running coroutine"
      or depth.now >= MOST and depth.OVERFLOW
  end

  local function resumed(now, base, ok, ...)
    depth.now, depth.base = now, base
    if not ok then
      if final((...)) then
        error((...), 0)
      end
      released()
    end
    return ok, ...
  end

  function guard.resume(co, ...)
    local message, now, base = unfit(co), depth.now, depth.base
    if message then
      return resumed(now, base, false, message)
    end
    depth.now, depth.base = now + 1, now + 1
    return resumed(now, base, resume(co, ...))
  end

  local function passed(now, base, ok, ...)
    depth.now, depth.base = now, base
    if not ok then
      error((...), 0)
    end
    return ...
  end

  function guard.wrap(fn)
    if type(fn) ~= "function" then
      error("bad argument #1 to 'wrap' (function expected, got " .. type(fn) .. ")", 2)
    end
    local co = create(fn)
    return function(...)
      local message, now, base = unfit(co), depth.now, depth.base
      if message then
        error(message, 2)
      end
      depth.now, depth.base = now + 1, now + 1
      return passed(now, base, resume(co, ...))
    end
  end

  local function handled(handler, within, ok, ...)
    if ok then
      return true, ...
    end
    depth.now = depth.base + within
    if final((...)) then
      error((...), 0)
    end
    released()
    return false, select(2, caught(within, pcall(handler, ...)))
  end

  -- The handler runs after the stack is unwound: while an error is handled, hooks do not run, so that one
  -- that loops could not be stopped.
  function guard.xpcall(fn, handler, ...)
    if type(handler) ~= "function" then
      error("bad argument #2 to 'xpcall' (function expected, got " .. type(handler) .. ")", 2)
    end
    return handled(handler, depth.now - depth.base, pcall(fn, ...))
  end

  local COMPILED = 16 -- a byte of source takes an instruction's time or more
  local PIECE = 1024 -- bytes that are compiled at once
  local drained -- a module

  -- LuaJIT compiles some texts in time that grows as their square (long chains of `or`), and some numbers slowly: so a
  -- long text is handed to it in pieces, between which the time that it takes is paid for.
  function guard.compile(chunk, name, ...)
    if not limited or #chunk <= PIECE or byte(chunk) == 27 then -- bytecode
      return load(chunk, name, ...)
    end
    pay(#chunk * COMPILED)
    local at, size, began = 1, #chunk, nil
    local function piece()
      began = compiled(began, PIECE)
      local from = at
      at = from + PIECE
      return from <= size and sub(chunk, from, at - 1) or nil
    end
    return load(piece, name == nil and chunk or name, ...)
  end

  local function whole(began, size, ...)
    compiled(began, size)
    return ...
  end

  -- load itself would catch the errors of a function that it calls for the pieces, and, where that is C's
  -- (load(collectgarbage)), never come to an instruction.
  function guard.load(chunk, name, ...)
    if type(chunk) == "function" then
      drained = drained or module("drained")
      local ok, text = guard.pcall(drained, chunk)
      if not ok then
        return nil, text
      end
      chunk, name = text, name == nil and "=(load)" or name
    end
    local fn, message
    if type(chunk) == "string" and limited and #chunk <= PIECE then
      pay(#chunk * COMPILED)
      fn, message = whole(compiled(), #chunk, load(chunk, name, ...))
    elseif type(chunk) == "string" then
      fn, message = guard.compile(chunk, name, ...)
    else
      fn, message = load(chunk, name, ...)
    end
    if not fn and final(message) then
      error(message, 0)
    end
    return fn, message
  end

  local function lower(a, b)
    return a < b
  end

  function guard.sort(list, less)
    if limited and less == nil then -- C would compare
      less = lower
    end
    return callbacks.sort(list, less)
  end

  -- From a position before the first C would shift elements down to it: billions of them. As in Lua 5.3 there is none.
  function guard.insert(list, ...)
    if select("#", ...) ~= 2 then
      return insert(list, ...)
    end
    local at = ...
    if not ((tonumber(at) or 1) >= 1 and (tonumber(at) or 1) < 2147483648) then
      error("bad argument #2 to 'insert' (position out of bounds)", 2)
    end
    pay(elements(list, at))
    return insert(list, ...)
  end

  local environments -- a module

  local function of_environments(name)
    environments = environments or module("environments", script)
    return environments[name]
  end

  -- What functions of this library see is none of the script's business: they have all of LuaJIT.
  function guard.hide(environment)
    return of_environments "hide"(environment)
  end

  function guard.getfenv(where)
    return of_environments "getfenv"(where) -- a tail call, as levels of the stack are counted
  end

  function guard.setfenv(where, environment)
    return of_environments "setfenv"(where, environment)
  end

  local native_match, gmatch, gsub = string.match, string.gmatch, string.gsub
  local patterns -- a module

  local function pattern_function(name)
    return function(...)
      patterns = patterns or module("patterns", is_limited, module, callbacks.within, pay, timed, searched, find,
        native_match, gmatch, gsub, byte, sub)
      return patterns[name](...) -- a tail call, as levels of the stack are counted
    end
  end

  -- Puts them in place of LuaJIT's, among the globals and in its libraries.
  function guard.base(env)
    env.pcall, env.xpcall, env.load = guard.pcall, guard.xpcall, guard.load
    env.getfenv, env.setfenv, env.print = guard.getfenv, guard.setfenv, callbacks.print
  end

  function guard.libraries(loaded, env)
    loaded.coroutine.resume, loaded.coroutine.wrap = guard.resume, guard.wrap
    loaded.table.sort, loaded.table.insert = guard.sort, guard.insert
    loaded.string.format = callbacks.format
    local text = loaded.string
    text.find, text.match = pattern_function "find", pattern_function "match"
    text.gmatch, text.gsub = pattern_function "gmatch", pattern_function "gsub"
    text.gfind = text.gfind and pattern_function "gfind"
    price(loaded.string, loaded.table, env, loaded.os)
    if loaded.os then
      loaded.os.time = callbacks.time
    end
  end

  return guard
end
