-- Lunatik's module document, from its first line to its last.

local t = ...

local lunatik = require "callgate.lunatik"
local state = require "callgate.state"

lunatik.path = t.path "."

local made = 0

-- A script of the root path with this text: its name.
local function script(text)
  made = made + 1
  local name = "script" .. made
  t.write(name .. ".lua", text)
  return name
end

-- The error that `fn` raises, as a text.
local function raised(fn, ...)
  local ok, message = pcall(fn, ...)
  t.equal(ok, false)
  t.equal(type(message), "string")
  return message
end

local function count()
  collectgarbage()
  collectgarbage()
  return #state.list()
end

t.describe("module lunatik", function()
  t.it("makes isolated states", function()
    local a = lunatik.runtime(script "x = 1 return function() while true do x = x + 1 coroutine.yield(x) end end")
    local b = lunatik.runtime(script "return function() return x end")
    t.equal(a:resume(), 2)
    t.equal(a:resume(), 3)
    t.equal(b:resume(), nil)
    t.equal(_G.x, nil)
    a:stop()
    b:stop()
  end)

  t.it("gives its scripts the table lunatik, by which they make runtimes of their own", function()
    local inner = script "return function(n) return n * 2, lunatik._ENV.from end"
    local rt = lunatik.runtime(script(([[
      assert(require "lunatik" == lunatik)
      return function(n)
        lunatik._ENV.from = "outer"
        local rt = lunatik.runtime(%q)
        local twice, from = rt:resume(n)
        rt:stop()
        return twice, from
      end]]):format(inner)))
    t.same({ rt:resume(21) }, { 42, "outer" })
    t.equal(lunatik._ENV.from, "outer")
    lunatik._ENV.from = nil
    rt:stop()
  end)
end)

t.describe("_ENV", function()
  t.it("is shared by the program and all runtimes", function()
    t.equal(lunatik._ENV, state.env)
    lunatik._ENV.threshold = { 1, high = 2 }
    local a = lunatik.runtime(script "return function() lunatik._ENV.seen = lunatik._ENV.threshold.high end")
    local b = lunatik.runtime(script "return function() return lunatik._ENV.seen end")
    t.equal(select("#", a:resume()), 0)
    t.equal(b:resume(), 2)
    t.equal(lunatik._ENV.seen, 2)
    a:stop()
    b:stop()
    t.equal(lunatik._ENV.seen, 2)
    lunatik._ENV.seen, lunatik._ENV.threshold = nil, nil
    t.equal(lunatik._ENV.threshold, nil)
  end)
end)

t.describe("runtime (script[, sleep])", function()
  t.it("loads and executes the script at once", function()
    lunatik._ENV.ran = nil
    local rt = lunatik.runtime(script "lunatik._ENV.ran = 'now'")
    t.equal(lunatik._ENV.ran, "now")
    lunatik._ENV.ran = nil
    rt:stop()
  end)

  t.it("looks for script.lua in the Lua root path, in folders and by templates", function()
    local path = lunatik.path
    local name = script "return function() return 'found' end"
    lunatik.path = t.path "nowhere" .. ";" .. path
    t.equal(lunatik.runtime(name):resume(), "found")
    lunatik.path = t.path "?.lua"
    t.equal(lunatik.runtime(name):resume(), "found")
    lunatik.path = nil
    local before = state.config.path
    state.config.path = path .. "/?.lua"
    local rt = lunatik.runtime(name)
    state.config.path, lunatik.path = before, path
    t.equal(rt:resume(), "found")
    t.matches(tostring(rt), "^runtime " .. name .. "$")
    rt:stop()
    t.equal(tostring(rt), "runtime " .. name .. " (stopped)")
  end)

  t.it("takes whether it may sleep, true by default, or the context of newer Lunatiks", function()
    local name = script "local more = lunatik.runtime return function() return more ~= nil end"
    local cases = {
      { nil, true, "process" }, { true, true, "process" }, { false, false, "softirq" },
      { "process", true, "process" }, { "softirq", false, "softirq" }, { "hardirq", false, "hardirq" },
    }
    for i = 1, #cases do
      local sleep, sleeps, context = unpack(cases[i], 1, 3)
      local rt = lunatik.runtime(name, sleep)
      t.equal(rt.sleep, sleeps)
      t.equal(rt.context, context)
      t.equal(rt:resume(), sleeps) -- one that may not sleep makes no runtimes, as in the kernel
      rt:stop()
    end
    t.raises('runtime: argument 2 (sleep): expected a boolean, "process", "softirq" or "hardirq", got 1',
      lunatik.runtime, name, 1)
    t.raises("runtime: argument 1 (script): expected a string, got nil", lunatik.runtime)
  end)

  t.it("raises an error when the script fails to load or execute, or the state cannot be made", function()
    t.matches(raised(lunatik.runtime, "no-such-script"), "^cannot open no%-such%-script%.lua %(looked for .+%)$")
    t.matches(raised(lunatik.runtime, script "x = = 1"), "script%d+%.lua:1: unexpected symbol near '='$")
    t.matches(raised(lunatik.runtime, script "\nerror 'boom'"), "script%d+%.lua:2: boom$")
    t.matches(raised(lunatik.runtime, script "error { }"), "table")
    t.matches(raised(lunatik.runtime, script "coroutine.yield()"), "yield")
    local options = lunatik.options
    lunatik.options = { maxalloc = 1 }
    t.equal(raised(lunatik.runtime, script ""), require("callgate").strerror "ENOMEM")
    lunatik.options = { maxcount = 100000 }
    t.equal(raised(lunatik.runtime, script "while true do end"), "maximum instruction count exceeded")
    lunatik.options = options
  end)

  t.it("gives a limited runtime no way to make others without limits", function()
    local options = lunatik.options
    lunatik.options = { libs = "all", maxcount = 100000 }
    local all = lunatik.runtime(script "return function() return lunatik.runtime == nil, lunatik._ENV ~= nil end")
    lunatik.options = { maxalloc = 2 ^ 20 }
    local few = lunatik.runtime(script "return function() return lunatik.runtime == nil, lunatik._ENV ~= nil end")
    lunatik.options = options
    t.same({ all:resume() }, { true, true })
    t.same({ few:resume() }, { true, true })
    all:stop()
    few:stop()
  end)

  t.it("gives a runtime that lacks libraries _ENV alone, as a global and by require", function()
    local options = lunatik.options
    local name = script [[
      local ok, found = pcall(require, "lunatik")
      local as_it_was = package == nil or package.preload.lunatik == nil
      return function() return ok and found == lunatik, lunatik._ENV ~= nil, lunatik.runtime == nil, as_it_was end]]
    local cases = {
      { "base", "coroutine" }, { "base", "coroutine", "package", "debug" },
      { "base", "coroutine", "package", "debug", "ffi" },
      { "base", "coroutine", "table", "string", "math", "bit", "os", "io", "package", "debug", "ffi", "jit" },
    }
    for _, libs in ipairs(cases) do
      lunatik.options = { libs = libs }
      local rt = lunatik.runtime(name)
      t.same({ rt:resume() }, { true, true, true, true })
      rt:stop()
    end
    lunatik.options = { libs = {} }
    local bare = lunatik.runtime(script "local found = require 'lunatik' return function() return found == lunatik end")
    lunatik.options = { libs = "all" }
    local all = lunatik.runtime(name)
    lunatik.options = options
    t.equal(bare:resume(), true)
    t.same({ all:resume() }, { true, true, false, true })
    bare:stop()
    all:stop()
  end)

  t.it("works, without runtimes of its own, where state.config gives no require", function()
    state.config.require = false
    local rt = lunatik.runtime(script "return function() return lunatik._ENV ~= nil, lunatik.runtime == nil end")
    state.config.require = true
    t.same({ rt:resume() }, { true, true })
    rt:stop()
  end)

  t.it("says which of the module's settings is wrong", function()
    local path, options = lunatik.path, lunatik.options
    lunatik.path = 5
    t.raises("lunatik.path: expected a string, or nil for state.config.path, got 5", lunatik.runtime, "x")
    lunatik.path, lunatik.options = path, nil
    t.raises("lunatik.options: expected a table of options, got nil", lunatik.runtime, "x")
    lunatik.options = options
  end)

  t.it("leaves nothing behind of a runtime that could not be made", function()
    local before = count()
    for _ = 1, 10 do
      raised(lunatik.runtime, script "error 'boom'")
    end
    t.equal(count(), before)
  end)
end)

t.describe("runtime:resume (...)", function()
  t.it("continues where the script yielded, passing values in and out", function()
    local rt = lunatik.runtime(script [[
      local yield = coroutine.yield
      return function(a, b)
        local c, d = yield(a + b, "sum")
        local list = yield { c, key = d }
        return #list, nil, list[3]
      end]])
    t.same({ rt:resume(40, 2) }, { 42, "sum" })
    t.same({ rt:resume("c", true) }, { { "c", key = true } })
    local results = { n = select("#", rt:resume { 1, 2, 3 }) }
    t.equal(results.n, 3)
    rt:stop()
  end)

  t.it("returns what the script returns when it completes, and raises from then on", function()
    local rt = lunatik.runtime(script "return function(...) return ... end")
    t.same({ rt:resume("a", "b") }, { "a", "b" })
    t.equal(raised(rt.resume, rt), "cannot resume dead coroutine")
    rt:stop()
  end)

  t.it("tells values from failures: nil, true and nothing are themselves", function()
    local rt = lunatik.runtime(script [[
      return function()
        coroutine.yield(nil, "text", 22)
        coroutine.yield()
        coroutine.yield(true)
        coroutine.yield(nil)
        return nil, "text", 22
      end]])
    t.equal(select("#", rt:resume()), 3)
    t.equal(select("#", rt:resume()), 0)
    t.equal(rt:resume(), true)
    t.equal(select("#", rt:resume()), 1)
    t.same({ select(2, rt:resume()) }, { "text", 22 })
    rt:stop()
  end)

  t.it("raises the error of the script", function()
    local rt = lunatik.runtime(script "return function() coroutine.yield() error 'inside' end")
    rt:resume()
    t.matches(raised(rt.resume, rt), "script%d+%.lua:1: inside$")
    t.equal(raised(rt.resume, rt), "cannot resume dead coroutine")
    rt:stop()
  end)

  t.it("raises for a script that returned no function", function()
    local rt = lunatik.runtime(script "return 5")
    t.equal(raised(rt.resume, rt), "no script has returned a function")
    rt:stop()
  end)

  t.it("passes tables without their metatables, and 64-bit integers", function()
    local rt = lunatik.runtime(script "return function(t, n) return getmetatable(t) == nil, t, n end")
    local bare, list, n = rt:resume(setmetatable({ 1 }, {}), 2LL ^ 62)
    t.equal(bare, true)
    t.same(list, { 1 })
    t.equal(tostring(n), "4611686018427387904LL")
    rt:stop()
  end)

  t.it("refuses values that cannot cross", function()
    local rt = lunatik.runtime(script "return function() coroutine.yield(print) end")
    t.matches(raised(rt.resume, rt, print), "resume: argument 1 %(value%): ")
    t.matches(raised(rt.resume, rt, { rt }), "resume: argument 1 %(value%): ")
    t.ok(raised(rt.resume, rt))
    rt:stop()
  end)

  t.it("works as the document's example shows", function()
    local rt = lunatik.runtime(script "return function() local arg = coroutine.yield() return 'got ' .. arg end")
    rt:resume()
    local success, res_or_err = pcall(function() return rt:resume("arg_to_script") end)
    t.equal(success, true)
    t.equal(res_or_err, "got arg_to_script")
    success, res_or_err = pcall(function() return rt:resume("arg_to_script") end)
    t.equal(success, false)
    t.matches(res_or_err, "dead")
    rt:stop()
  end)

  t.it("is a method", function()
    local rt = lunatik.runtime(script "")
    t.raises("resume: expected a runtime, got 1; call it with a colon", rt.resume, 1)
    t.raises("stop: expected a runtime, got nil; call it with a colon", rt.stop)
    rt:stop()
  end)
end)

t.describe("runtime:stop ()", function()
  t.it("closes the state, returns nothing, and the runtime cannot be used any more", function()
    local before = count()
    local rt = lunatik.runtime(script "return function() coroutine.yield() end")
    t.equal(count(), before + 1)
    rt:resume()
    t.equal(select("#", rt:stop()), 0)
    t.equal(count(), before)
    t.equal(raised(rt.resume, rt), "the runtime is stopped")
    t.equal(select("#", rt:stop()), 0)
  end)

  t.it("raises what goes wrong, and leaves the runtime as it was", function()
    local rt = lunatik.runtime(script "return function() return 1 end")
    rt.state:lock()
    t.equal(raised(rt.stop, rt), require("callgate").strerror "EBUSY")
    rt.state:unlock()
    t.equal(rt:resume(), 1)
    rt:stop()
  end)

  t.it("happens by itself to a runtime that nobody holds", function()
    local before = count()
    for _ = 1, 50 do
      lunatik.runtime(script "return function() end"):resume()
    end
    t.equal(count(), before)
  end)
end)
