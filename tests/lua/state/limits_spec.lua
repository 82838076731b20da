local t = ...

local S = require "callgate"
local state = require "callgate.state"
local inside = require "callgate.state.inside"
local M = require "callgate.bound.luajit"
local ffi = require "ffi"

local function fresh(options)
  return t.ok(state.create(nil, options))
end

local function errs(name, pattern, value, message, errno)
  t.equal(value, nil)
  t.matches(message, pattern)
  t.equal(S.errname(errno or 0), name)
end

local function spent(value, message, errno)
  errs("ETIME", "^maximum instruction count exceeded$", value, message, errno)
end

local function full(value, message, errno)
  errs("ENOMEM", "^not enough memory$", value, message, errno)
end

t.describe("the memory limit", function()
  t.it("ends what allocates without end, never a byte above it, and the state stays usable", function()
    local st = fresh { maxalloc = 2 ^ 20 }
    for _, chunk in ipairs {
      "local t = {} for i = 1, 1e7 do t[i] = {} end",
      "local t = {} while true do t[#t + 1] = 'x' .. #t end",
      "kept = {} while true do kept[#kept + 1] = {} end",
      "local s = 'x' while true do s = s .. s end",
      "return ('x'):rep(2 ^ 30)",
      "local t = {} for i = 1, 1e6 do t[i] = coroutine.create(print) end",
      "local function f(...) return f(1, ...) end f()",
      "local t = {} for i = 1, 1e5 do t[i] = 0 end return t, t, t, t",
    } do
      local value, message = st:exec(chunk)
      t.equal(value, nil)
      t.matches(message, chunk:find "function f" and "." or "^not enough memory$")
      t.ok(st:info().peak <= 2 ^ 20)
      t.equal(st:exec "kept = nil return 'usable'", "usable")
    end
    t.ok(st:info().refused > 0)
    st:close()
  end)

  t.it("may be met where a metamethod of C's needs more stack, at any place of the stack", function()
    for slots = 1, 100 do
      local st = fresh { maxalloc = 2 ^ 18 }
      local value, message = st:exec(([[
        local t = setmetatable({}, { __index = rawequal })
        local function index() local %s return t.x end
        local all = {}
        for _ = 1, 3 do
          collectgarbage()
          pcall(function() while true do all = { all } end end)
        end
        local ok, what = pcall(index)
        return ok or what
      ]]):format("a" .. (", a"):rep(slots - 1)))
      t.ok(value == true or (value or message) == "not enough memory", slots)
      st:close()
    end
  end)

  t.it("counts what is sent to a state, too", function()
    local st = fresh { maxalloc = 2 ^ 20 }
    full(st:exec("return #...", nil, ("x"):rep(2e6)))
    full(st:exec("local s = '" .. ("x"):rep(2e6) .. "' return #s"))
    t.equal(st:exec("return #...", nil, ("x"):rep(2e5)), 2e5)
    t.ok(st:info().peak <= 2 ^ 20)
    st:close()
  end)

  t.it("leaves room for garbage that comes all the time", function()
    local st = fresh { maxalloc = 2 ^ 20 }
    t.equal(st:exec "local t for i = 1, 1e6 do t = { i } end return 'ok'", "ok")
    t.equal(st:exec "local s for i = 1, 1e5 do s = 'x' .. i end return s", "x100000")
    st:close()
  end)

  t.it("is not reached by the garbage of a state that has little more than it needs", function()
    local st = fresh()
    t.equal(st:exec "x = {} for i = 1, 1000 do x[i] = {} end x = nil return 1", 1)
    st:collect()
    st:limit { maxalloc = st:info().used + 32768 }
    t.equal(st:exec "for i = 1, 20000 do local t = { i, {} } end return 1", 1)
    st:close()
  end)

  t.it("makes LuaJIT collect in haste where a quarter of it is used, and only there", function()
    local st = fresh { maxalloc = 2 ^ 21 }
    if not inside.pace(st.L) then
      t.skip "LuaJIT's pace of collection is not found here"
    end
    local function pace() -- which LuaJIT tells only as it is set
      local found = M.lua_gc(st.L, M.LUA_GCSETSTEPMUL, 500)
      M.lua_gc(st.L, M.LUA_GCSETSTEPMUL, found)
      return found
    end
    t.equal(st:exec "kept = {} return 1", 1)
    t.equal(pace(), 200)
    t.equal(st:exec "for i = 1, 10000 do kept[i] = { i } end return #kept", 10000)
    t.equal(pace(), 1000)
    t.equal(st:exec "kept = nil return 1", 1)
    st:collect()
    t.equal(pace(), 200)
    st:limit { maxalloc = 0 }
    t.equal(st:exec "kept = {} for i = 1, 100000 do kept[i] = { i } end return #kept", 100000)
    t.equal(pace(), 200)
    st:close()
  end)

  t.it("turns the JIT compiler off, unless it was asked for", function()
    local libs, compiler = { "base", "jit" }, "return (jit.status())"
    local limited, free = fresh { maxalloc = 2 ^ 20, libs = libs }, fresh { libs = libs }
    local asked = fresh { maxalloc = 2 ^ 20, libs = libs, jit = true }
    t.equal(limited:exec(compiler), false)
    t.equal(free:exec(compiler), asked:exec(compiler)) -- true, where LuaJIT has a compiler
    free:limit { maxalloc = 2 ^ 20 }
    asked:limit { maxalloc = 2 ^ 21 }
    t.equal(free:exec(compiler), false)
    t.ok(limited:close() and free:close() and asked:close())
  end)

  t.it("may be caught by the script, which then has what it had", function()
    local st = fresh { maxalloc = 2 ^ 20 }
    t.same({ st:exec "local ok, e = pcall(string.rep, 'x', 2 ^ 24) return ok, e" }, { false, "not enough memory" })
    st:close()
  end)

  t.it("can be raised for a state that is full of what its script holds", function()
    local st = fresh { maxalloc = 2 ^ 20 }
    full(st:exec "kept = {} while true do kept[#kept + 1] = 'x' .. #kept end")
    t.equal(st:limit { maxalloc = 2 ^ 22 }, true)
    t.equal(st:exec "local n = #kept kept = nil return n > 1000", true)
    t.equal(st:collect(), true)
    t.equal(st:limit { maxalloc = 2 ^ 20 }, true)
    t.equal(st:exec "return 'usable'", "usable")
    st:close()
  end)

  t.it("holds in a script that fills it to the last byte and catches every error", function()
    local st = fresh { maxalloc = 2 ^ 18, maxcount = 5000000 }
    local greedy = [[
      kept = {}
      for size = 12, 0, -1 do
        pcall(function()
          while true do kept = { kept, ('x'):rep(2 ^ size) } end
        end)
      end]]
    st:exec(greedy)
    t.ok(st:info().peak <= 2 ^ 18)
    st = fresh { maxalloc = 2 ^ 18 }
    st:exec(greedy)
    t.ok(st:info().peak <= 2 ^ 18)
    st:exec "kept = nil"
    t.ok(st:info().peak <= 2 ^ 18)
    t.equal(st:close(), true)
  end)

  for name, body in pairs {
    ["of tostring"] = "return tostring(x)",
    ["of string.sub"] = "return sub('a text of which there is no part yet', 3, 9)",
    ["of string.upper"] = "return upper 'a text of small letters'",
    ["of string.char"] = "return char(65, 200, 66, 201)",
    ["of a concatenation"] = "return x .. 'a'",
    ["of a table"] = "return {}",
    ["of a table's growth"] = "list[1] = 1",
    ["of a function"] = "return function() return x end",
  } do
    t.it("refuses the string, table or function " .. name .. " deep within calls", function()
      local st = fresh { maxalloc = 2 ^ 20, libs = "all" }
      if not inside.of(st.L) then
        t.skip "LuaJIT's record of what runs is not found here"
      end
      -- The limit falls to nothing by a plain store; then Lua calls Lua, and its stack's top is out of date.
      local value, message, errno = st:exec([[
        local words = require "ffi".cast("size_t *", ...)
        local sub, upper, char, pcall, tostring = string.sub, string.upper, string.char, pcall, tostring
        local x, list, limit = 0.1, {}, words[1]
        local function last() ]] .. body .. [[ end
        local function none() end
        local go = none
        local function down(n, ...)
          if n == 0 then
            return pcall(go)
          end
          local ok, why = down(n - 1, n, n, n)
          return ok, why
        end
        for depth = 1, 60, 3 do
          go = none
          down(depth)
          x, go = x + depth, last
          words[1] = 0
          local ok, why = down(depth)
          words[1] = limit
          if ok or why ~= "not enough memory" then
            return depth, ok, why
          end
        end
        return "refused"]], "=deep", tonumber(ffi.cast("uintptr_t", ffi.cast("void *", st.control))))
      t.equal(value, "refused", ("%s %s"):format(message, errno))
      st:collect()
      t.equal(st:exec "return 1", 1)
      st:close()
    end)
  end

  t.it("is refused where the state alone needs more", function()
    t.fails("ENOMEM", state.create("small", { maxalloc = 4096 }))
    t.fails("ENOENT", state.lookup "small")
  end)

  t.it("can be set and taken away later", function()
    local st = fresh()
    t.equal(st:info().maxalloc, 0)
    t.equal(st:limit { maxalloc = st:info().used + 65536 }, true)
    full(st:exec "return ('x'):rep(2 ^ 20)")
    t.fails("ENOMEM", st:limit { maxalloc = 1000 })
    t.equal(st:limit { maxalloc = 0 }, true)
    t.equal(st:exec "return #('x'):rep(2 ^ 20)", 2 ^ 20)
    st:close()
  end)

  t.it("shows who uses what", function()
    local st = fresh { maxalloc = 2 ^ 22 }
    local before = st:info()
    t.equal(before.maxalloc, 2 ^ 22)
    st:exec "held = ('x'):rep(1e6)"
    local after = st:info()
    t.ok(after.used >= before.used + 1e6 - 65536 and after.peak >= after.used)
    st:exec "held = nil"
    t.equal(st:collect(), true)
    t.ok(st:info().used < after.used - 9e5)
    st:close()
  end)
end)

t.describe("a script that is over", function()
  -- The coroutine of resume keeps its whole stack, which nobody sees any more.
  for name, options in pairs { ["for want of memory"] = { maxalloc = 2 ^ 20 },
    ["for want of instructions"] = { maxalloc = 2 ^ 20, maxcount = 1e5 }, ["with an error"] = { maxalloc = 2 ^ 20 } } do
    t.it("leaves its memory to the next: " .. name, function()
      local st = fresh(options)
      t.ok(st:script [[return function(how)
        local kept = {}
        for i = 1, 20000 do kept[i] = i end
        while how ~= "with an error" do kept[#kept + 1] = {} end
        error "over"
      end]])
      t.equal(st:resume(name), nil)
      t.equal(st:status(), "dead")
      errs("EINVAL", "^cannot resume dead coroutine$", st:resume())
      st:collect()
      t.ok(st:info().used < 2e5, st:info().used)
      t.equal(st:exec "local list = {} for i = 1, 20000 do list[i] = i end return #list", 20000)
      st:close()
    end)
  end

  t.it("by its end, does so, too", function()
    local st = fresh { maxalloc = 2 ^ 20 }
    t.ok(st:script [[return function()
      local kept = {}
      for i = 1, 20000 do kept[i] = i end
      coroutine.yield(1)
      return #kept
    end]])
    t.equal(st:resume(), 1)
    t.equal(st:status(), "suspended")
    t.equal(st:resume(), 20000)
    t.equal(st:status(), "dead")
    st:collect()
    t.ok(st:info().used < 2e5, st:info().used)
    errs("EINVAL", "^cannot resume dead coroutine$", st:resume())
    st:close()
  end)
end)

t.describe("the instruction limit", function()
  t.it("lets a script catch what only speaks of a stack's overflow", function()
    local st = fresh { maxcount = 1e6 }
    t.equal(select(2, st:exec "return pcall(error, 'page about stack overflow', 0)"), "page about stack overflow")
    errs("EINVAL", "stack overflow", st:exec "local function f() return 1 + f() end return pcall(f)")
    st:close()
  end)

  local LOOPS = {
    plain = "while true do end",
    ["pcall"] = "while true do pcall(function() while true do end end) end",
    ["pcall without a loop"] = "local function f() pcall(f) return f() end f()",
    ["xpcall"] = "while true do xpcall(function() while true do end end, function() return 1 end) end",
    ["a handler that loops"] = "xpcall(function() while true do end end, function() while true do end end)",
    ["a handler of an error"] = "xpcall(error, function() while true do end end)",
    coroutine = [[
      local co = coroutine.wrap(function()
        while true do pcall(function() while true do end end) end
      end)
      while true do pcall(co) end]],
    ["coroutine.resume"] = [[
      while true do
        coroutine.resume(coroutine.create(function() while true do end end))
      end]],
    ["load"] = "while true do load(function() while true do end end) end",
    metamethod = [[
      local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end })
      while true do pcall(function() return t[1] end) end]],
    recursion = "local function f() return 1 + f() end while true do pcall(f) end",
    ["recursion at its end"] = [[
      local function spin() while true do end end
      local function f() pcall(f) while true do pcall(spin) end end
      f()]],
    memory = "local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end",
    sort = "table.sort({ 3, 2, 1 }, function() while true do end end)",
    gsub = "('x'):gsub('x', function() while true do end end)",
    tostring = "tostring(setmetatable({}, { __tostring = function() while true do end end }))",
    ["error object"] = "error(setmetatable({}, { __tostring = function() while true do end end }))",
    ["setfenv"] = "setfenv(0, {}) while true do end",
    ["collectgarbage"] = "collectgarbage 'stop' while true do pcall(function() local t = {} end) end",
  }
  for name, chunk in pairs(LOOPS) do
    t.it("ends a loop: " .. name, function()
      local st = fresh { maxcount = 200000, maxalloc = 2 ^ 22 }
      local value, message, errno = st:exec(chunk)
      t.equal(value, nil)
      if message ~= "not enough memory" and not message:find "stack overflow" then
        spent(value, message, errno)
      end
      t.equal(st:exec "return 'usable'", "usable")
      t.equal(st:script("return function() " .. chunk .. " end"), true)
      value, message, errno = st:resume()
      if message ~= "not enough memory" and not message:find "stack overflow" then
        spent(value, message, errno)
      end
      t.equal(st:status(), "dead")
      t.equal(st:close(), true)
    end)
  end

  t.it("is of each call, not of all together", function()
    local st = fresh { maxcount = 100000 }
    for _ = 1, 20 do
      t.equal(st:exec "local n = 0 for i = 1, 20000 do n = n + 1 end return n", 20000)
    end
    st:script "return function() while true do for i = 1, 20000 do end coroutine.yield(1) end end"
    for _ = 1, 20 do
      t.equal(st:resume(), 1)
    end
    st:close()
  end)

  t.it("is where it is set: a loop below it ends, one above does not", function()
    local st = fresh { maxcount = 100000 }
    t.equal(st:exec "for i = 1, 99000 do end return 1", 1)
    spent(st:exec "for i = 1, 101000 do end return 1")
    st:close()
    st = fresh { maxcount = 1 }
    t.equal(st:exec "return 1", 1)
    spent(st:exec "for i = 1, 1000 do end")
    st:close()
  end)

  t.it("comes from config.maxcount, too", function()
    state.config.maxcount = 1000
    local st = fresh()
    state.config.maxcount = 0
    t.equal(st:info().maxcount, 1000)
    spent(st:exec "while true do end")
    st:close()
  end)

  t.it("is a setting, checked as it is written; nil brings back what it was", function()
    t.raises('state.config: unknown setting "maxcont"; did you mean "maxcount"?', function()
      state.config.maxcont = 5
    end)
    t.raises('state.config: unknown setting "reqire"; did you mean "require"?', function()
      return state.config.reqire
    end)
    local wrong = { maxcount = "5", maxstates = -1, require = 1, path = false, maxenv = 0.5, verbose = 0 / 0 }
    for name, value in pairs(wrong) do
      local _, why = pcall(function()
        state.config[name] = value
      end)
      t.matches(why, "state.config." .. name .. ": expected .*, got ")
    end
    state.config.maxcount, state.config.maxstates = 2147483647, 7
    local st = fresh()
    t.equal(st:info().maxcount, 2147483000) -- as much as can be counted
    t.equal(st:exec "return 1", 1)
    st:close()
    state.config.maxcount, state.config.maxstates = nil, nil
    t.equal(state.config.maxcount, 0)
    t.equal(state.config.maxstates, math.huge)
  end)

  t.it("is not set where a limit's name or another limit is wrong", function()
    local st = fresh()
    t.raises('limit: unknown limit "maxaloc"; did you mean "maxalloc"?', st.limit, st, { maxaloc = 2 ^ 20 })
    t.raises("limit: option maxcount: expected a whole number from 0 to 2147483000, got -1", function()
      st:limit { maxalloc = 2 ^ 20, maxcount = -1 }
    end)
    t.equal(st:info().maxalloc, 0)
    st:close()
    st = fresh { libs = "all" }
    t.fails("EPERM", st:limit { maxalloc = 2 ^ 20, maxcount = 5 })
    t.equal(st:info().maxalloc, 0)
    st:close()
  end)

  t.it("can be set and taken away later, in a state whose script is restricted", function()
    local st = fresh()
    t.equal(st:exec "local n = 0 for i = 1, 1e6 do n = n + i end return 1", 1)
    t.equal(st:limit { maxcount = 10000 }, true)
    spent(st:exec "while true do pcall(function() while true do end end) end")
    spent(st:exec "for i = 1, 1e6 do end")
    t.equal(st:limit { maxcount = 0 }, true)
    t.equal(st:exec "for i = 1, 1e6 do end return 2", 2)
    st:close()
    st = fresh { libs = "all" }
    t.fails("EPERM", st:limit { maxcount = 1 })
    st:close()
  end)

  t.it("counts patterns that C would match for years", function()
    local st = fresh { maxcount = 300000 }
    local subject = ("a"):rep(40)
    spent(st:exec("return (...):find(('a-'):rep(20) .. 'b')", nil, subject))
    spent(st:exec("return (...):match(('.*'):rep(20) .. 'b')", nil, subject))
    spent(st:exec("return (...):gsub(('a?'):rep(40) .. 'b', '')", nil, subject))
    spent(st:exec("for x in (...):gmatch(('a+'):rep(20) .. 'b') do end", nil, subject))
    spent(st:exec("return (...):find('(.-)%1b')", nil, ("a"):rep(20000)))
    spent(st:exec("return (...):find('%b()b')", nil, ("("):rep(20000)))
    spent(st:exec("return (...):find('.-b')", nil, ("a"):rep(20000)))
    t.equal(st:exec("return (...):find(('a'):rep(1000) .. 'b', 1, true)", nil, ("a"):rep(100000)), nil)
    st:close()
  end)

  t.it("counts a sort whose order C would compare", function()
    local st = fresh { maxcount = 100000 }
    spent(st:exec "local t = {} for i = 1, 20000 do t[i] = i * 7919 % 20011 end table.sort(t)")
    st:close()
  end)

  t.it("refuses an insertion that C would take minutes for", function()
    for _, maxcount in ipairs { 0, 100000 } do
      local st = fresh { maxcount = maxcount }
      for _, at in ipairs { "-2^31", "1e308", "0", "'-1e9'", "0/0" } do
        errs("EINVAL", "bad argument #2 to 'insert'", st:exec(("return table.insert({}, %s, 1)"):format(at)))
      end
      t.equal(st:exec "local t = { 1, 2 } table.insert(t, 1, 0) table.insert(t, 3) return table.concat(t)", "0123")
      st:close()
    end
  end)

  t.it("is not crossed by a dead coroutine when there is no memory for saying so", function()
    local st = fresh { maxcount = 100000 }
    st:script "co = coroutine.wrap(function() end) co() return function() error 'x' end"
    st:resume()
    st:collect()
    for room = 0, 3000, 24 do
      st:limit { maxalloc = 0 }
      st:collect()
      st:limit { maxalloc = st:info().used + room }
      t.equal((st:resume(1)), nil)
      t.equal((st:exec "co()"), nil)
    end
    st:close()
  end)

  t.it("withholds what could undo it", function()
    local st = fresh { maxcount = 1000, libs = "all" }
    t.equal(st:exec "return debug == nil and jit == nil and newproxy == nil and package.loaded.debug == nil", true)
    spent(st:exec "while true do pcall(function() while true do end end) end")
    st:close()
  end)
end)
