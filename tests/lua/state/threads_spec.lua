local t = ...

local ffi = require "ffi"
local S = require "callgate"
local M = require "callgate.bound.luajit"
local handle = require "callgate.state.handle"
local inside = require "callgate.state.inside"
local protocol = require "callgate.state.protocol"
local state = require "callgate.state"

local function fresh(options)
  return t.ok(state.create(nil, options))
end

local function errs(name, pattern, value, message, errno)
  t.equal(value, nil)
  t.matches(message, pattern)
  t.equal(S.errname(errno or 0), name)
end

local FOREVER = "return function() while true do pcall(function() while true do end end) end end"

t.describe("a thread", function()
  t.it("is not supported where no machine code may be made, and says so", function()
    local machine = require "callgate.state.machine"
    local st, code = fresh { jit = false }, machine.thread
    st:script "return function() return 1 end"
    machine.thread = nil
    t.fails("EOPNOTSUPP", st:thread())
    machine.thread = code
    t.equal(st:thread():join(), 1)
    st:close()
  end)

  t.it("runs the script, and join returns what resume would", function()
    local st = fresh()
    st:script "return function(a, b) while true do a, b = coroutine.yield(a + b, { a, b }) end end"
    local sum, both = st:thread(1, 2):join()
    t.equal(sum, 3)
    t.same(both, { 1, 2 })
    t.equal(st:status(), "suspended")
    t.equal(st:resume(3, 4), 7)
    t.equal(st:thread(5, 6):join(10), 11)
    st:close()
  end)

  t.it("returns true, numbers, strings and tables, and gets them", function()
    local st = fresh()
    st:script "return function(...) while true do coroutine.yield(...) end end"
    t.equal(st:thread():join(), true)
    t.equal(st:thread(2.5):join(), true)
    st:script "return function(x) while true do x = coroutine.yield(x) end end"
    t.equal(st:thread(2.5):join(), 2.5)
    t.equal(st:thread(("x"):rep(100000)):join(), ("x"):rep(100000))
    t.same(st:thread({ 1, { "a" } }):join(), { 1, { "a" } })
    st:close()
  end)

  t.it("reports errors as resume does", function()
    local st = fresh()
    st:script "return function() error 'bad' end"
    errs("EINVAL", "^script:1: bad$", st:thread():join())
    t.equal(st:status(), "dead")
    errs("EINVAL", "dead", st:thread():join())
    st:script "return function() error(setmetatable({}, { __tostring = function() return 'object' end })) end"
    errs("EINVAL", "^object$", st:thread():join())
    st:script "return function() return print end"
    errs("EINVAL", "^cannot serialize 'function'$", st:thread():join())
    st:script "return function() return 1 end"
    t.equal(st:thread():join(), 1)
    st:close()
  end)

  t.it("keeps its state busy until it is joined, for everything but stop", function()
    local st = fresh { jit = false }
    st:script(FOREVER)
    local job = t.ok(st:thread())
    t.equal(st:status(), "running")
    t.equal(st:info().status, "running")
    for _, name in ipairs { "close", "resume", "lock", "thread", "collect" } do
      t.fails("EBUSY", st[name](st))
    end
    for _, name in ipairs { "exec", "load", "script", "require" } do
      t.fails("EBUSY", st[name](st, "x"))
    end
    t.fails("EBUSY", st:limit { maxcount = 1 })
    t.equal(st:stop(), true)
    errs("ECANCELED", "^stopped$", job:join())
    t.equal(st:status(), "dead")
    t.equal(st:exec "return 1", 1)
    t.equal(st:close(), true)
  end)

  t.it("is joined once", function()
    local st = fresh()
    st:script "return function() return 1 end"
    local job = st:thread()
    t.equal(job:join(), 1)
    t.fails("ESRCH", job:join())
    t.fails("ESRCH", job:stop())
    t.fails("ESRCH", st:stop())
    st:close()
  end)

  t.it("can be waited for a time", function()
    local st = fresh { jit = false }
    st:script(FOREVER)
    local job = st:thread()
    t.fails("ETIMEDOUT", job:join(0))
    t.fails("ETIMEDOUT", job:join(0.01))
    t.equal(job:stop(), true)
    errs("ECANCELED", "^stopped$", job:join(60))
    st:close()
    t.raises('join: argument 1 (timeout): expected a number of seconds, got "soon" (string)', job.join, job, "soon")
    t.matches(select(2, pcall(job.join, job, 0 / 0)), "expected a number of seconds")
  end)

  t.it("may be stopped at each instruction of its beginning, and its state is usable", function()
    local st = fresh { jit = false }
    local raise = ffi.cast(M.t.lua_Hook, M.luaL_error)
    local function address(memory)
      return tonumber(ffi.cast("uintptr_t", ffi.cast("void *", memory)))
    end
    local stopped = 0
    for count = 1, 400 do
      t.ok(st:script "return function(...) return ... end")
      -- What job.start does, on this thread: the arguments lie in memory that is freed later; none lie nowhere.
      local n, where, size = handle.sent("thread", 0, "one", { 2 }, "three")
      local copy = ffi.new("char[?]", size)
      ffi.copy(copy, ffi.cast("const char *", ffi.cast("uintptr_t", where)), size)
      if count % 2 == 0 then
        handle.prepare(st, protocol.RESUME, n, address(copy), size)
      else
        handle.prepare(st, protocol.RESUME, 0, 0, 0)
      end
      M.lua_sethook(st.L, raise, M.LUA_MASKCOUNT, math.ceil(count / 2))
      stopped = stopped + (M.lua_pcall(st.L, 4, 4, 0) == 0 and 0 or 1)
      M.lua_sethook(st.L, nil, 0, 0)
      M.lua_settop(st.L, 1)
      ffi.fill(copy, size, 255)
      local first, second = st:exec("return ...", nil, "x", count)
      t.ok(first == "x" and second == count, count)
    end
    t.ok(stopped > 40, stopped)
    t.ok(stopped < 400, stopped) -- the last ones came to their end
    st:close()
  end)

  -- The bit stays where this thread changes LuaJIT's hooks just as one ends in the other (lj_obj.h: HOOK_ACTIVE). By
  -- itself that happened once in many thousands of runs.
  t.it("is stopped, and is limited after that, where LuaJIT takes a hook to be running that is not", function()
    local st = fresh { maxcount = 2e9 }
    if not inside.hooks(st.L) then
      t.skip "LuaJIT's mask of hooks is not found here"
    end
    local mask = ffi.cast("uint8_t *", inside.hooks(st.L))
    local ACTIVE = 0x10
    st:script(FOREVER)
    local job = st:thread()
    t.fails("ETIMEDOUT", job:join(0.01))
    mask[0] = mask[0] + ACTIVE
    t.equal(job:stop(), true)
    errs("ECANCELED", "^stopped$", job:join(60))
    st:script(FOREVER)
    job = st:thread()
    t.equal(job:stop(), true)
    mask[0] = ACTIVE
    errs("ECANCELED", "^stopped$", job:join(60))
    t.ok(mask[0] < ACTIVE)
    st:limit { maxcount = 1000 }
    errs("ETIME", "^maximum instruction count exceeded$", st:exec "while true do end")
    st:close()
  end)

  -- What it counts down, as another thread changes that, may be lost.
  t.it("is stopped at new lines and jumps, too", function()
    local st = fresh { maxcount = 2e9 }
    if not inside.hooks(st.L) then
      t.skip "LuaJIT's mask of hooks is not found here"
    end
    local mask = ffi.cast("uint8_t *", inside.hooks(st.L))
    handle.halt(st.control)
    t.equal(mask[0], M.LUA_MASKCOUNT + M.LUA_MASKLINE)
    handle.unhook(st.control)
    t.equal(mask[0], 0)
    st:script(FOREVER)
    local job = st:thread()
    t.fails("ETIMEDOUT", job:join(0.01))
    M.lua_sethook(st.L, ffi.cast(M.t.lua_Hook, M.luaL_error), M.LUA_MASKCOUNT + M.LUA_MASKLINE, 2e9)
    t.equal(job:join(60), nil) -- ended by a line, long before its count
    st:close()
  end)

  t.it("is stopped, though its script has taken LuaJIT's hook for itself", function()
    for _, libs in ipairs { "all", { "base", "debug" } } do
      local st = fresh { libs = libs, jit = false }
      st:script "return function() debug.sethook(function() end, '', 1) while true do end end"
      local job = st:thread()
      t.fails("ETIMEDOUT", job:join(0.01))
      job:stop()
      errs("ECANCELED", "^stopped$", job:join(60))
      st:close()
    end
  end)

  t.it("has an end when it is stopped, had its script begun or not", function()
    for _ = 1, 20 do
      local st = fresh { jit = false }
      st:script(FOREVER)
      local job = st:thread()
      job:stop()
      errs("ECANCELED", "^stopped$", job:join(60))
      t.equal(st:status(), "dead")
      errs("EINVAL", "^cannot resume dead coroutine$", st:resume())
      t.ok(st:script "return function() return 5 end")
      t.equal(st:resume(), 5)
      st:close()
    end
  end)

  t.it("is within the limits, as every call", function()
    local st = fresh { maxcount = 100000, maxalloc = 2 ^ 20 }
    st:script(FOREVER)
    errs("ETIME", "^maximum instruction count exceeded$", st:thread():join())
    st:script "return function() local t = {} for i = 1, 1e7 do t[i] = i end end"
    local _, message = st:thread():join()
    t.matches(message, "^maximum instruction") -- whichever comes first
    st:limit { maxcount = 0 }
    st:script "return function() local t = {} for i = 1, 1e7 do t[i] = i end end"
    errs("ENOMEM", "^not enough memory$", st:thread():join())
    t.ok(st:info().peak <= 2 ^ 20)
    st:script "return function() return 'usable' end"
    t.equal(st:thread():join(), "usable")
    st:close()
  end)

  t.it("begins whatever memory its state has left", function()
    local st = fresh { jit = false }
    st:script "return function() return ('x'):rep(100000) end"
    st:collect()
    st:limit { maxalloc = st:info().used }
    errs("ENOMEM", "^not enough memory$", t.ok(st:thread()):join())
    st:limit { maxalloc = 2 ^ 20 }
    st:script "return function() return 1 end"
    t.equal(st:thread():join(), 1)
    st:close()
  end)

  t.it("is stopped at once in a hundred states, in whatever they do", function()
    local bodies = {
      FOREVER, "return function() while true do local s = tostring(1) end end",
      "return function() while true do pcall(error, 'x') end end",
      "return function() while true do coroutine.wrap(function() coroutine.yield() end)() end end",
      "return function() local t = {} while true do t[#t + 1] = {} if #t > 1000 then t = {} end end end",
    }
    for i = 1, 100 do
      local st = fresh { jit = false }
      st:script(bodies[i % #bodies + 1])
      local job = st:thread()
      t.fails("ETIMEDOUT", job:join(i % 5 / 1000))
      job:stop()
      errs("ECANCELED", "^stopped$", job:join())
      t.equal(st:exec "return 1", 1)
      st:close()
    end
  end)

  t.it("is stopped while it holds env's lock, which the next one gets", function()
    local list, size = ffi.new "void *[1]", ffi.new "size_t[1]"
    local ok, message = S.syscall.get_robust_list(0, list, size)
    if not ok then
      t.skip("a kernel without robust mutexes: " .. message)
    end
    for i = 1, 50 do
      local st = fresh { jit = false }
      st:script "return function() while true do env.x = { 1 } local y = env.x end end"
      local job = st:thread()
      t.fails("ETIMEDOUT", job:join(i % 5 / 1000))
      job:stop()
      errs("ECANCELED", "^stopped$", job:join())
      st:close()
      state.env.x = nil
      t.equal(state.env.x, nil)
    end
  end)

  t.it("that has ended before its stop says what it has returned, or that it was stopped", function()
    local st = fresh { jit = false }
    for _ = 1, 100 do
      st:script "return function() for i = 1, 100 do end return 5 end"
      local job = st:thread()
      job:stop()
      local value, message = job:join()
      t.ok(value == 5 or message == "stopped")
    end
    st:close()
  end)

  t.it("is one of four, each with its own state, that share nothing but env", function()
    local jobs = {}
    for i = 1, 4 do
      local st = fresh()
      st:script [[
        return function(n)
          local sum = 0
          for i = 1, 2000 do
            sum = sum + i % 7
            env["k" .. i % 10] = { n, i }
            local other = env["k" .. (i * 3) % 10]
            assert(other == nil or type(other[2]) == "number")
          end
          return sum
        end]]
      jobs[i] = { st, st:thread(i) }
    end
    for _, pair in ipairs(jobs) do
      t.equal(pair[2]:join(), 6000)
      pair[1]:close()
    end
    for i = 0, 9 do
      t.equal(#state.env["k" .. i], 2)
      state.env["k" .. i] = nil
    end
  end)
end)
