-- What runs inside a state: one function that the program calls with numbers alone.
--
-- boot(codec, address, length, sandbox[, guard, callbacks, costs]) -> dispatch
-- dispatch(op, n, a, b) -> kind, n, a, b
--
-- n values lie, encoded, in b bytes at address a; with n = -1, a is itself the one value, a number. Ops and
-- kinds are those of protocol.lua. Errors are not caught here: they end in the program's lua_pcall,
-- whose status tells memory errors from others. Nothing here looks a global up once it has booted: the
-- script may change them all. No upvalues: this is loaded as bytecode.

return function(codec, where, length, sandbox, guard, callbacks, costs)
  local ffi = require "ffi"
  local cast, tostring, type, select = ffi.cast, tostring, type, select
  local create, resume, costatus = coroutine.create, coroutine.resume, coroutine.status
  local error, pcall, load, collect, env = error, pcall, load, collectgarbage, _G
  local rawget, next, setfenv, match, tonumber = rawget, next, setfenv, string.match, tonumber
  local sethook = debug.sethook
  local encode, decode = codec.encode, codec.decode
  local config = decode(where, length, 1)

  local RESUME, EXEC, SCRIPT, COLLECT, REQUIRE, DESCRIBE, CLOSING, LIMIT, RUN, STATUS = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
  local DONE, YIELDED = 0, 1
  local MOST = 1000 -- values that cross at once: LuaJIT's unpack, and its stack, has an end
  local SPENT = "maximum instruction count exceeded"

  -- A call begins with all of the state's memory; its script has less, so that one which has filled it can
  -- still be called: in the coroutine of resume by itself (machine.c), in this one from `soft` to `hard`.
  -- `control` is native.lua's record: limit is its second word, soft its eighth.
  local control = cast("size_t *", cast("uintptr_t", config.control))
  local limit, hard, soft, WORD, copy = control + 1, control + 6, control + 7, ffi.sizeof "size_t", ffi.copy

  local own = {} -- what modules of this library see, whenever they load
  for name, value in next, env do
    own[name] = value
  end

  local at_once = { sandbox = sandbox, guard = guard, callbacks = callbacks, costs = costs }

  local function module(name, ...)
    local chunk = at_once[name]
    if chunk then
      return setfenv(chunk, own)(...)
    end
    local at, bytes = match(config.modules, name .. " (%d+) (%d+)")
    local bytecode = ffi.string(cast("const char *", cast("uintptr_t", tonumber(at))), tonumber(bytes))
    return load(bytecode, "=callgate.state", "b", own)(...)
  end

  -- The instruction limit's hook. Raising is not enough, since a pcall would swallow it: from here on every
  -- instruction raises, until the program sets the hook anew.
  local function over()
    sethook(over, "", 1)
    error(SPENT, 0)
  end
  guard = guard and module("guard", SPENT, config.limited, module, config.counter, config.slowness)
  local depth = guard and guard.depth or {}
  local compiled = guard and guard.compile or load
  local require = module("sandbox", config, codec, guard, module)
  at_once = {}

  local script, ended -- the coroutine of resume; whether it is not to be resumed any more

  local function pack(kind, ...)
    local n = select("#", ...)
    if n == 1 then
      local value = ...
      if type(value) == "number" then
        return kind, -1, value, 0
      end
      return kind, 1, encode(value)
    elseif n == 0 then
      return kind, 0, 0, 0
    end
    if n > MOST then
      error("too many results: " .. n .. ", at most " .. MOST .. " cross", 0)
    end
    return kind, n, encode(...)
  end

  local function packed(...)
    copy(limit, hard, WORD) -- results of a script that has filled its memory cross, too
    return pack(DONE, ...)
  end

  -- A coroutine that is over is let go, with all that its stack has.
  local function is_over()
    if ended or script and costatus(script) == "dead" then
      script, ended = nil, true
    end
    return script == nil
  end

  local function resumed(ok, ...)
    if not ok then
      error((...), 0)
    end
    if costatus(script) == "suspended" then
      return pack(YIELDED, ...)
    end
    script, ended = nil, true
    return pack(DONE, ...)
  end

  local function compile(chunk, name, bytecode)
    if bytecode == nil then
      bytecode = config.bytecode
    end
    local fn, message = compiled(chunk, name, bytecode and "bt" or "t", env)
    if not fn then
      error(message, 0)
    end
    return fn
  end

  local function exec(chunk, name, ...)
    local fn = compile(chunk, name, nil)
    copy(limit, soft, WORD)
    return packed(fn(...))
  end

  local function run(chunk, name, bytecode)
    local fn = compile(chunk, name, bytecode)
    copy(limit, soft, WORD)
    fn()
    return DONE, 0, 0, 0
  end

  local function start(chunk, name, ...)
    script, ended = nil, false
    local fn = compile(chunk, name, nil)
    copy(limit, soft, WORD)
    local main = fn(...)
    if type(main) == "function" then
      script = create(main)
    end
    return DONE, -1, script and 1 or 0, 0
  end

  local dispatch
  function dispatch(op, n, a, b)
    depth.now, depth.base, depth.fresh = 0, 0, true
    if op == RESUME then
      if not script or ended or costatus(script) == "dead" then
        is_over()
        error(ended and "cannot resume dead coroutine" or "no script has returned a function", 0)
      elseif n == -1 then
        return resumed(resume(script, a))
      end
      return resumed(resume(script, decode(a, b, n)))
    elseif op == EXEC then
      return exec(decode(a, b, n))
    elseif op == SCRIPT then
      return start(decode(a, b, n))
    elseif op == RUN then
      return run(decode(a, b, n))
    elseif op == COLLECT then
      collect()
      return DONE, 0, 0, 0
    elseif op == REQUIRE then
      return DONE, -1, require(decode(a, b, n)), 0
    elseif op == CLOSING then
      local on_close = rawget(env, "onClose")
      if type(on_close) == "function" then
        on_close()
      end
      return DONE, 0, 0, 0
    elseif op == LIMIT then
      guard.limit(a > 0)
      return DONE, 0, 0, 0
    elseif op == STATUS then -- a > 0: and there is an end to it
      ended = ended or a > 0
      return DONE, -1, is_over() and 0 or 1, 0
    elseif op == DESCRIBE then -- its argument is the error itself, which is no string
      local ok, text = pcall(tostring, n)
      return DONE, 1, encode(ok and type(text) == "string" and text or "(an error without a message)")
    end
  end

  -- The program takes it from here: lua_gethook. Last, since instructions take longer where they are counted.
  sethook(over, "", 1000000000)
  return dispatch
end
