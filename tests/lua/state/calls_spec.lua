local t = ...

local S = require "callgate"
local state = require "callgate.state"

local function fresh(options)
  return t.ok(state.create(nil, options))
end

-- nil, a message like `pattern`, the errno of that name.
local function errs(name, pattern, value, message, errno)
  t.equal(value, nil)
  t.matches(message, pattern)
  t.equal(S.errname(errno or 0), name)
end

t.describe("exec", function()
  t.it("returns what the chunk returns, or true", function()
    local st = fresh()
    t.equal(st:exec "return 1 + 1", 2)
    t.equal(st:exec "x = 1", true)
    t.same({ st:exec "return 'a', true, 2" }, { "a", true, 2 })
    t.equal(select("#", st:exec "return nil, nil, nil"), 3)
    t.equal(st:exec "return nil", nil)
    t.equal(st:exec "return false", false)
    st:close()
  end)

  t.it("passes arguments, and keeps globals from call to call", function()
    local st = fresh()
    t.equal(st:exec("a, b = ... return a .. b", nil, "x", 5), "x5")
    t.equal(st:exec "return a", "x")
    t.equal(st:exec("return select('#', ...)", nil, nil, nil), 2)
    st:close()
  end)

  t.it("does not share globals between states, nor with the program", function()
    local a, b = fresh(), fresh()
    a:exec "shared = 1 string.upper = nil"
    t.equal(b:exec "return shared == nil and ('x'):upper()", "X")
    t.equal(rawget(_G, "shared"), nil)
    a:close()
    b:close()
  end)

  t.it("tells errors of syntax and of the run with the chunk's name", function()
    local st = fresh()
    errs("EINVAL", "^exec:1: boom$", st:exec "error 'boom'")
    errs("EINVAL", "^exec:1: unexpected symbol", st:exec "x = = 1")
    errs("EINVAL", "^mine:2: attempt to index", st:exec("\nreturn x.y", "=mine"))
    errs("EINVAL", "^object$", st:exec "error(setmetatable({}, { __tostring = function() return 'object' end }))")
    errs("EINVAL", "^%(an error without a message%)$",
      st:exec "error(setmetatable({}, { __tostring = function() error 'x' end }))")
    errs("EINVAL", "^nil$", st:exec "error()")
    t.equal(st:exec "return 1", 1)
    st:close()
  end)

  t.it("refuses bytecode unless the state may load it", function()
    local code = string.dump(loadstring "return 5")
    local st = fresh()
    errs("EINVAL", "attempt to load", st:exec(code))
    errs("EINVAL", "attempt to load", st:exec("return assert(load(...))", nil, code))
    errs("EINVAL", "attempt to load", st:exec("return assert(loadstring(...))", nil, code))
    errs("EINVAL", "loads no bytecode", st:exec("return assert(load(..., 'x', 'b'))", nil, code))
    t.equal(st:exec "return string.dump == nil", true)
    st:close()
    st = fresh { bytecode = true }
    t.equal(st:exec(code), 5)
    t.equal(st:exec("return load(...)()", nil, code), 5)
    st:close()
    state.config.bytecode = true
    st = fresh()
    state.config.bytecode = false
    t.equal(st:exec(code), 5)
    st:close()
  end)

  t.it("does not yield", function()
    local st = fresh()
    errs("EINVAL", "yield", st:exec "coroutine.yield(1)")
    st:close()
  end)
end)

t.describe("values", function()
  t.it("cross by copy: numbers, strings, booleans, nil, tables of them", function()
    local st = fresh()
    local value = { 1, 2.5, -0.1, "s", true, { a = { b = {} }, [2] = "x" }, ["k\0"] = "v\0w" }
    t.same(st:exec("return ...", nil, value), value)
    for _, number in ipairs { 0, -1, 2 ^ 53, 1e308, -1e-300, 1 / 0, -1 / 0, 0.1 } do
      t.equal(st:exec("return ...", nil, number), number)
      t.equal((st:exec("return {...}", nil, number))[1], number)
    end
    t.ok(st:exec("local x = ... return x ~= x", nil, 0 / 0))
    t.equal(st:exec("return ...", nil, ("x"):rep(300000)), ("x"):rep(300000))
    st:close()
  end)

  t.it("are 64-bit integers of the FFI, too", function()
    local st = fresh()
    t.equal(st:exec("return ...", nil, 9007199254740993LL), 9007199254740993LL)
    t.equal(st:exec("return ...", nil, 0xffffffffffffffffULL), 0xffffffffffffffffULL)
    st:close()
  end)

  t.it("are many at once", function()
    local st = fresh()
    local values = {}
    for i = 1, 200 do
      values[i] = i
    end
    t.equal(select("#", st:exec("return ...", nil, unpack(values))), 200)
    t.equal((select(200, st:exec("return ...", nil, unpack(values)))), 200)
    st:close()
  end)

  t.it("cannot be functions, coroutines or cyclic tables: a misuse here, an error there", function()
    local st = fresh()
    local cyclic = {}
    cyclic.self = cyclic
    t.raises("exec: argument 3 (value): cannot serialize 'function'", st.exec, st, "", nil, print)
    t.raises("resume: argument 2 (value): cannot serialize 'thread'", st.resume, st, 1, coroutine.create(print))
    t.raises("exec: argument 4 (value): too deep to serialize", st.exec, st, "", nil, 1, cyclic)
    errs("EINVAL", "^cannot serialize 'function'$", st:exec "return print")
    errs("EINVAL", "^cannot serialize 'function'$", st:exec "return { 1, { print } }")
    errs("EINVAL", "^too deep to serialize$", st:exec "local t = {} t.t = t return t")
    t.equal(st:exec "return 1", 1)
    st:close()
  end)
end)

t.describe("results", function()
  local MANY = "local function many(n, ...) if n == 0 then return ... end return many(n - 1, n, ...) end "

  local function too_many(count, ...)
    errs("EINVAL", ("^too many results: %d, at most 1000 cross$"):format(count), ...)
  end

  t.it("cross, as many as a program's stack surely holds", function()
    local st = fresh()
    t.equal(select("#", st:exec(MANY .. "return many(1000)")), 1000)
    t.equal(select(1000, st:exec(MANY .. "return many(1000)")), 1000)
    too_many(1001, st:exec(MANY .. "return many(1001)"))
    too_many(5000, st:exec(MANY .. "return many(5000)"))
    t.ok(st:script(MANY .. "return function(n) coroutine.yield(many(n)) return 1 end"))
    too_many(2000, st:resume(2000))
    t.equal(st:status(), "suspended")
    t.equal(st:resume(), 1)
    t.ok(st:script(MANY .. "return function() return many(3000) end"))
    too_many(3000, t.ok(st:thread()):join())
    t.equal(st:exec "return 1", 1)
    st:close()
  end)
end)

t.describe("a state that nobody has any more", function()
  t.it("takes no other's place, and leaves nothing behind", function()
    local before = state.config.maxstates
    collectgarbage()
    collectgarbage()
    state.config.maxstates = #state.list() + 3
    for _ = 1, 10 do
      fresh()
    end
    state.config.maxstates = before
  end)

  -- What the process has, in kB.
  local function resident()
    local file = assert(io.open "/proc/self/status")
    local text = file:read "*a"
    file:close()
    return tonumber(text:match "VmRSS:%s*(%d+) kB")
  end

  t.it("was never made, where an option is wrong", function()
    pcall(state.create, nil, { user = 5 })
    local began = resident()
    for _ = 1, 20 do
      t.equal(pcall(state.create, nil, { user = 5 }), false)
      t.equal(pcall(state.create, nil, { bytecode = 5 }), false)
    end
    t.ok(resident() - began < 2000, resident() - began)
  end)

  t.it("leaves nothing of what its thread was given, if it was never joined", function()
    local text = ("x"):rep(2 ^ 20)
    local function threads(count)
      for _ = 1, count do
        local st = fresh()
        t.ok(st:script "return function() end")
        t.ok(st:thread(text))
        S.nanosleep(0.02)
        fresh():close() -- which sees that it has ended
      end
      collectgarbage()
      collectgarbage()
    end
    threads(3)
    local began = resident()
    threads(10)
    t.ok(resident() - began < 6000, resident() - began)
  end)
end)

t.describe("load", function()
  t.it("runs a file under its path", function()
    local st = fresh()
    local path = t.write("state_load.lua", "loaded = ... return 'from a file', debug == nil")
    t.same({ st:load(path) }, { "from a file", true })
    path = t.write("state_bad.lua", "error 'bad'")
    errs("EINVAL", "state_bad.lua:1: bad$", st:load(path))
    errs("EINVAL", "^short:1: bad$", st:load(path, "=short"))
    st:close()
  end)

  t.it("passes on why a file cannot be opened, and takes ordinary files only", function()
    local st = fresh()
    t.fails("ENOENT", st:load(t.path "no such file"))
    t.fails("EINVAL", st:load "/dev/null")
    t.fails("EINVAL", st:load "/")
    st:close()
  end)
end)

t.describe("script and resume", function()
  t.it("run the top level at once, and its function call by call", function()
    local st = fresh()
    t.equal(st:status(), "none")
    t.equal(st:script [[
      ran = 'at once'
      return function(a, b)
        while a do
          a, b = coroutine.yield(a + (b or 0), 'more')
        end
        return 'the end'
      end
    ]], true)
    t.equal(st:exec "return ran", "at once")
    t.equal(st:status(), "suspended")
    t.same({ st:resume(40, 2) }, { 42, "more" })
    t.same({ st:resume(1) }, { 1, "more" })
    t.equal(st:resume(nil), "the end")
    t.equal(st:status(), "dead")
    errs("EINVAL", "^cannot resume dead coroutine$", st:resume(1))
    st:close()
  end)

  t.it("get arguments and name as exec does", function()
    local st = fresh()
    t.equal(st:script("local a = ... return function() return a end", "=s", "given"), true)
    t.equal(st:resume(), "given")
    errs("EINVAL", "^s:1: bad$", st:script("error 'bad'", "=s"))
    st:close()
  end)

  t.it("read a file given as @path", function()
    local st = fresh()
    local path = t.write("state_script.lua", "return function(x) return x * 2 end")
    t.equal(st:script("@" .. path), true)
    t.equal(st:resume(4), 8)
    t.fails("ENOENT", st:script("@" .. t.path "nowhere"))
    st:close()
  end)

  t.it("say so where no function was returned", function()
    local st = fresh()
    errs("EINVAL", "^no script has returned a function$", st:resume())
    t.equal(st:script "return 5", true)
    t.equal(st:status(), "none")
    errs("EINVAL", "^no script has returned a function$", st:resume())
    st:close()
  end)

  t.it("report an error once, then that the script is dead", function()
    local st = fresh()
    st:script "return function() coroutine.yield() error 'later' end"
    t.equal(st:resume(), true)
    errs("EINVAL", "^script:1: later$", st:resume())
    errs("EINVAL", "dead", st:resume())
    t.equal(st:script "return function() return 1 end", true)
    t.equal(st:resume(), 1)
    st:close()
  end)

  t.it("go on where it was not the script that failed", function()
    local st = state.create(nil, { maxalloc = 2 ^ 20 })
    t.ok(st:script "return function() coroutine.yield(1) coroutine.yield(print) return 3 end")
    t.equal(st:resume(), 1)
    t.same({ st:resume(("x"):rep(2 ^ 21)) }, { nil, "not enough memory", S.errno.ENOMEM })
    t.equal(st:status(), "suspended")
    t.equal(select(2, st:resume()), "cannot serialize 'function'")
    t.equal(st:status(), "suspended")
    t.equal(st:resume(), 3)
    t.equal(st:status(), "dead")
    st:close()
  end)

  t.it("are independent of exec in between", function()
    local st = fresh()
    st:script "return function() while true do coroutine.yield(n) end end"
    st:exec "n = 3"
    t.equal(st:resume(), 3)
    st:exec "n = 4"
    t.equal(st:resume(), 4)
    st:close()
  end)

  t.it("stay quick in a loop that is compiled", function()
    local st = fresh()
    st:script "return function(x) while true do x = coroutine.yield(x + 1) end end"
    local sum = 0
    for i = 1, 1000 do
      sum = sum + st:resume(i)
    end
    t.equal(sum, 501500)
    for i = 1, 300 do
      t.equal(st:resume(i, { i }), i + 1)
    end
    st:close()
  end)
end)

t.describe("states in states", function()
  t.it("are made where a state has all of LuaJIT", function()
    local st = fresh { libs = "all", jit = false }
    st:exec("package.path, package.cpath = ...", nil, package.path, package.cpath)
    t.equal(st:exec [[
      local state = require "callgate.state"
      local inner = assert(state.create("inner", { maxcount = 100000 }))
      local value = inner:exec "return 6 * 7"
      local _, message = inner:exec "while true do end"
      inner:close()
      return message == "maximum instruction count exceeded" and value
    ]], 42)
    t.fails("ENOENT", state.lookup "inner")
    st:close()
  end)
end)

t.describe("a program that its script calls back", function()
  local ffi = require "ffi"
  local CALL = "local ffi = require 'ffi' ffi.cast('void (*)(void)', ffi.cast('intptr_t', %.0f))() return 'survived'"

  -- Runs `body` in a callback of a state's script, by `run(st, chunk)`.
  local function called_back(body, run)
    local made, callback = pcall(ffi.cast, "void (*)(void)", body)
    if not made then
      t.skip "this LuaJIT has no callbacks"
    end
    local chunk = CALL:format(tonumber(ffi.cast("intptr_t", callback)))
    local compiles = jit.status()
    jit.off() -- compiled code must not be called back from
    jit.flush()
    run(chunk)
    if compiles then
      jit.on()
    end
    callback:free()
  end

  t.it("does not call or close the state that is being called, nor lose its users", function()
    local st = fresh { libs = "all", jit = false }
    st:get()
    local found = {}
    local arguments = {
      exec = { "return 1" }, load = { "x" }, script = { "" }, limit = { { maxcount = 0 } }, require = { "x" },
      resume = {}, thread = {}, collect = {}, lock = {}, close = {},
    }
    called_back(function()
      for name, values in pairs(arguments) do
        found[name] = { st[name](st, unpack(values)) }
      end
      found.info = { st:info() }
      state.closeall()
    end, function(chunk)
      t.equal(st:exec(chunk), "survived")
    end)
    t.equal(found.info[1].users, 2)
    found.info = nil
    for name, values in pairs(found) do
      t.equal(name .. S.errname(values[3] or 0), name .. "EBUSY")
    end
    t.equal(st:info().users, 2)
    t.equal(st:exec "return 1", 1)
    t.equal(st:put(), true)
    st:close()
  end)

  t.it("does not close it twice from its onClose", function()
    local st = fresh { libs = "all", jit = false }
    local again
    called_back(function()
      again = { st:close() }
    end, function(chunk)
      st:exec("function onClose() " .. chunk .. " end")
      t.equal(st:close(), true)
    end)
    t.fails("EBUSY", unpack(again, 1, 3))
    t.fails("ENOENT", st:exec "return 1")
  end)

  t.it("calls another state", function()
    local st, other = fresh { libs = "all", jit = false }, fresh()
    local value
    called_back(function()
      value = other:exec("return ...", nil, { 42 })[1]
      other:close()
    end, function(chunk)
      t.equal(st:exec(chunk), "survived")
    end)
    t.equal(value, 42)
    st:close()
  end)
end)
