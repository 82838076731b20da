-- What scripts try that are out to break out of their state, crash the process or occupy it.

local t = ...

local ffi = require "ffi"
local shared_env = require "callgate.state.env"
local state = require "callgate.state"

ffi.cdef [[
int callgate_test_trylock(void *) __asm__("pthread_mutex_trylock");
int callgate_test_unlock(void *) __asm__("pthread_mutex_unlock");
]]

t.describe("a script that changes its libraries", function()
  t.it("does not change what the shared table calculates with", function()
    local st = state.create()
    t.equal(st:exec [[
      local evil = setmetatable({}, { __add = function(a) return a end, __mul = function(a) return a end,
        __mod = function() return 1e9 end })
      for _, library in ipairs { string, table, math } do
        for name in pairs(library) do library[name] = function() return evil end end
      end
      tostring, pcall, error = nil, nil, nil
      env.hostile = { 7 }
      return env.hostile[1]
    ]], 7)
    t.equal(state.env.hostile[1], 7)
    state.env.hostile = nil
    st:close()
  end)

  t.it("does not change what patterns are matched with", function()
    local st = state.create(nil, { maxcount = 1e8 })
    t.equal(st:exec([[
      local find, subject = string.find, ...
      for name in pairs(string) do string[name] = function() error "called" end end
      return find(subject, "x-x-x-x-(y)")
    ]], nil, ("x"):rep(300) .. "y"), 1)
    st:close()
  end)

  t.it("finds its changes as methods of strings", function()
    local st = state.create()
    t.equal(st:exec "function string.trim(s) return (s:gsub('^ +', '')) end return ('  x'):trim()", "x")
    st:close()
  end)

  t.it("does not change those of trusted modules", function()
    state.register("granted", [[
      local ffi = require "ffi"
      return function(n) return ffi.sizeof("char[?]", math.min(n, 10)), table.concat { "a", "b" } end
    ]], { trusted = true })
    local st = state.create()
    t.same({ st:exec [[
      math.min, table.concat = function() return 1000 end, function() return "evil" end
      return require "granted" (5)
    ]] }, { 5, "ab" })
    state.register("granted", nil)
    st:close()
  end)
end)

t.describe("a script that puts modules of its own in place of trusted ones", function()
  local EVIL = "function() return { allowed = function() return true end } end"

  t.it("has them for itself: trusted modules get those that are registered", function()
    state.register("hostile.helper", "return { allowed = function() return false end }", { trusted = true })
    state.register("hostile.granted", "return require 'hostile.helper'.allowed()", { trusted = true })
    for _, libs in ipairs { state.LIBS, { "base", "package" } } do
      local set = "package = package or { preload = {} } package.preload['hostile.helper'] = " .. EVIL
      local first = assert(state.create(nil, { libs = libs }))
      t.equal(first:exec(set .. " return require 'hostile.granted'"), false)
      t.equal(first:exec "return require 'hostile.helper'.allowed()", true)
      first:close()
      local second = assert(state.create(nil, { libs = libs }))
      t.same({ second:exec(set .. " return require 'hostile.helper'.allowed(), require 'hostile.granted'") },
        { true, false })
      second:close()
    end
    local st = assert(state.create(nil, { libs = { "base", "package" } }))
    t.equal(st:exec("package.loaded['hostile.helper'] = (" .. EVIL .. ")() return require 'hostile.granted'"), false)
    st:close()
    state.register("hostile.helper", nil)
    state.register("hostile.granted", nil)
  end)
end)

t.describe("a script with the jit library", function()
  t.it("has none where instructions are counted: what is compiled is not", function()
    local st = state.create(nil, { libs = { "base", "jit" }, maxcount = 1e6 })
    t.equal(st:exec "return jit == nil", true)
    t.equal(select(2, st:exec "if jit then jit.on() end for i = 1, 1e9 do end"), "maximum instruction count exceeded")
    st:close()
    local free = state.create(nil, { libs = { "base", "jit" } })
    t.equal(free:exec "return jit ~= nil", true)
    t.equal(select(3, free:limit { maxcount = 1e6 }), require("callgate").EPERM)
    free:close()
  end)
end)

t.describe("a script that nests calls of C functions", function()
  local NESTED = {
    ["string.gsub"] = "local function f() string.gsub('x', 'x', f) end f()",
    ["string.gsub with a table"] = [[
      local t t = setmetatable({}, { __index = function() string.gsub("x", "x", t) end }) local _ = t.x]],
    ["string.format"] = [[
      local t t = setmetatable({}, { __tostring = function() return string.format("%s", t) end }) tostring(t)]],
    ["table.sort"] = "local function f() table.sort({ 1, 2, 3 }, f) end f()",
    ["table.sort of objects"] = [[
      local mt = {} local t = { setmetatable({}, mt), setmetatable({}, mt) }
      function mt.__lt() table.sort(t) end table.sort(t)]],
    print = "local t t = setmetatable({}, { __tostring = function() print(t) end }) print(t)",
    ["os.time"] = "local t t = setmetatable({}, { __index = function() return os.time(t) end }) os.time(t)",
    load = "local function f() return load(f) end f()",
    ["coroutine.resume"] = [[
      local function f() assert(coroutine.resume(coroutine.create(f))) end f()]],
    ["coroutine.wrap"] = "local function f() coroutine.wrap(f)() end f()",
  }
  -- Each coroutine has a Lua stack of its own, and so no end but C's.
  local IN_COROUTINES = [[
    local nested, depth = ...
    nested = nested:gsub("function f%(%)(.*) end f", "function f() coroutine.wrap(function() %1 end)() end f")
    return load(nested)()
  ]]

  for name, chunk in pairs(NESTED) do
    for _, options in ipairs { { jit = false }, { maxcount = 1e8 }, { maxalloc = 2 ^ 26 } } do
      t.it("gets an error: " .. name .. ", with " .. next(options), function()
        local st = state.create(nil, options)
        t.matches(select(2, st:exec(chunk)) or "stack overflow", "stack overflow")
        t.matches(select(2, st:exec(IN_COROUTINES, nil, chunk)) or "stack overflow", "stack overflow")
        t.equal(st:exec "return 1", 1)
        st:close()
      end)
    end
  end

  t.it("gets an error in a thread, too", function()
    local st = state.create(nil, { jit = false })
    st:script "return function() local function f() string.gsub('x', 'x', f) end f() end"
    t.matches(select(2, st:thread():join()), "C stack overflow")
    st:close()
  end)

  t.it("may nest 190 of them, again and again, whatever errors it has caught within", function()
    local st = state.create(nil, { jit = false })
    local chunk = [[
      local deepest = 0
      local function f(n, fails)
        deepest = math.max(deepest, n)
        if n == 190 then return fails and error "caught" end
        if n % 3 == 0 then
          string.gsub("x", "x", function() f(n + 1, fails) end)
        elseif n % 3 == 1 then
          coroutine.wrap(f)(n + 1, fails)
        else
          table.sort({ 2, 1 }, function() f(n + 1, fails) end)
        end
      end
      for i = 1, 100 do
        assert(pcall(f, i, true) == false)
        assert(xpcall(f, function() return "handled" end, i, true) == false)
        assert(coroutine.resume(coroutine.create(f), i, true) == false)
        assert(pcall(coroutine.resume, i) == false)
      end
      f(1)
      return deepest]]
    t.equal(st:exec(chunk), 190)
    t.equal(st:exec(chunk), 190)
    t.equal(select(2, st:exec "string.gsub('x', 'x', function() error 'uncaught' end)"), "exec:1: uncaught")
    t.equal(st:exec(chunk), 190)
    st:close()
  end)

  t.it("gains nothing by coroutines that began where it was less deep", function()
    local st = state.create(nil, { jit = false })
    t.ok(st:exec [[
      local early = {}
      for i = 1, 1000 do
        early[i] = coroutine.wrap(function()
          while true do
            local deeper = coroutine.yield()
            pcall(error)
            pcall(function() coroutine.yield() error() end)
            deeper()
          end
        end)
        early[i]()
      end
      local deepest = 0
      local function go(n)
        deepest = n
        early[n](function() end)
        early[n](function() go(n + 1) end)
      end
      pcall(go, 1)
      return deepest <= 200
    ]])
    st:close()
  end)
end)

t.describe("a script that has C call C", function()
  t.it("is counted: load with a function of C's for its pieces", function()
    for _, options in ipairs { { maxcount = 1e5 }, { maxcount = 1e5, maxalloc = 2 ^ 21 } } do
      local st = state.create(nil, options)
      local _, message = st:exec "return load(collectgarbage)"
      t.equal(message, "maximum instruction count exceeded")
      st:close()
    end
  end)

  t.it("is stopped", function()
    local st = state.create(nil, { jit = false })
    for _ = 1, 20 do -- which is asked for again and again, and shall never be off meanwhile: load catches errors
      st:script "return function() load(collectgarbage) end"
      local job = st:thread()
      t.fails("ETIMEDOUT", job:join(0.001))
      job:stop()
      t.equal(select(2, job:join(60)), "stopped")
    end
    st:close()
  end)

  t.it("is counted: table.sort with a function of C's for its order", function()
    local st = state.create(nil, { maxcount = 1e5 })
    t.equal(select(2, st:exec [[
      local list = {}
      for i = 1, 10000 do list[i] = ("0"):rep(i % 9) .. i % 9 + 1 end
      table.sort(list, string.byte)
    ]]), "maximum instruction count exceeded")
    st:close()
  end)

  t.it("has load as LuaJIT has it", function()
    local st = state.create()
    t.same({ st:exec [[
      local pieces = { "return ", 4, "2", "", "1" }
      local function reader() return table.remove(pieces, 1) end
      local none, message = load(function() return {} end)
      local broken, caught = load(function() error("broken", 0) end)
      return load(reader)(), none, message, broken, caught, select(2, load(function() end, "=name")) == nil,
        (select(2, load(coroutine.wrap(function() coroutine.yield "x" end))))
    ]] }, { 42, nil, "reader function must return a string", nil, "broken", true,
      "(load):1: '=' expected near '<eof>'" })
    t.equal(select(2, st:exec "return load(function() return 0 end)"), "chunk has too many pieces")
    st:close()
  end)
end)

t.describe("a script with patterns that C would match for hours", function()
  local SLOW = {
    ["an anchor, which is none to gmatch"] = "for _ in (('^'):rep(5e5)):gmatch '^.-b' do end",
    ["a long run of characters"] = "return (('a'):rep(1e6)):find(('a'):rep(1e5) .. '[b]')",
    ["a long set"] = "return (('a'):rep(1e6)):find('[' .. ('b'):rep(1e5) .. ']')",
    ["a long set, repeated"] = "return (('a'):rep(1e6)):gsub('[' .. ('b'):rep(1e5) .. ']*', '')",
    ["a long replacement that comes to nothing"] = "return #(('a'):rep(1e6)):gsub('(x*)', ('%1'):rep(1e5))",
  }
  for name, chunk in pairs(SLOW) do
    t.it("is counted: " .. name, function()
      local st = state.create(nil, { maxcount = 4e6 })
      local before = os.clock()
      t.equal(select(2, st:exec(chunk)), "maximum instruction count exceeded")
      t.ok(os.clock() - before < 10)
      st:close()
    end)
  end

  -- Where a text is long, what was found tells what it costs.
  t.it("gets the same results as without a limit in long texts", function()
    local st, text = state.create(nil, { maxcount = 1e8 }), ("key = value, "):rep(200) .. "last"
    t.ok(st:run [[
      text = ("key = value, "):rep(200) .. "last"
      function results(name, ...) return text[name](text, ...) end
    ]])
    local function outside(name, ...)
      return text[name](text, ...)
    end
    for _, pattern in ipairs { "last", "=", "none", "l%a+t", "(%w+) = (%w+)", "()l()ast", "^key", "^value", "[^%w ]",
      "", "last$", "a)", "(a", "[", "%", "%f[%s]", "%f", "(%1", "%b", "l?" } do
      for _, init in ipairs { 1, 2, 2605, -4, -5000, 2606, 99999, "7", 0, false } do
        for _, name in ipairs { "find", "match" } do
          t.same({ st:exec("return pcall(results, ...)", nil, name, pattern, init or nil) },
            { pcall(outside, name, pattern, init or nil) })
        end
      end
    end
    local plain = { text:find("= v", 30, true) }
    t.same({ st:exec "return results('find', '= v', 30, true)" }, plain)
    t.matches(select(2, st:exec "local _ = text:find '['"), "^exec:1: malformed pattern")
    t.matches(select(2, st:exec "local _ = text:match '['"), "^exec:1: malformed pattern")
    st:close()
  end)

  t.it("gets the same results as without a limit", function()
    local st = state.create(nil, { maxcount = 1e8 })
    t.same({ st:exec [[
      local found = {}
      for text in ("^a^b"):gmatch "^." do found[#found + 1] = text end
      local heavy = (("^"):rep(3000) .. "b"):gmatch "^-^-^-b" ()
      return table.concat(found, ","), #heavy, #(("a"):rep(1e5):gsub("a", ("%0"):rep(40))),
        (("x"):rep(70) .. "y"):rep(1000):find(("x"):rep(70) .. "y$")
    ]] }, { "^a,^b", 3001, 4e6, 70930, 71000 })
    st:close()
  end)
end)

t.describe("a script whose work C does", function()
  local ENDED = "maximum instruction count exceeded"
  local PREPARED = "n = 0 text = ('ab'):rep(2 ^ 19) list = {} for i = 1, 1e5 do list[i] = text end " -- 1 MB

  -- One instruction of a limit for some 16 bytes: a million of them are not enough for twenty rounds.
  local MUCH = {
    ["makes long strings"] = "local _ = text:rep(2)",
    ["repeats what is there"] = "local _ = text:rep(1)",
    ["changes letters"] = "local _ = text:upper()",
    ["leaves them"] = "local _ = text:lower()",
    ["turns a string around"] = "local _ = text:reverse()",
    ["joins a list"] = "local _ = table.concat(list, '', 1, n)",
    ["looks for a text"] = "local _ = text:find('ac', 1, true)",
    ["looks for a pattern"] = "local _ = text:find 'c$'",
    ["matches a pattern"] = "local _ = text:match 'c'",
    ["replaces"] = "local _ = text:gsub('c', '')",
    ["iterates"] = "for _ in text:gmatch 'c' do end",
    ["compiles"] = "local _ = load('--' .. text)",
    ["collects"] = "collectgarbage()",
    ["inserts at the front"] = "table.insert(list, 1, 1) table.remove(list)",
    ["unpacks"] = "for _ = 1, 1000 do unpack(list, 1, 5000) end",
  }
  for name, statement in pairs(MUCH) do
    t.it("pays for it where it " .. name, function()
      local st = state.create(nil, { maxcount = 1e6 })
      t.ok(st:run(PREPARED))
      t.equal(select(2, st:exec("while true do n = n + 1 " .. statement .. " end")), ENDED)
      t.ok(st:exec "return n" <= 20)
      st:close()
    end)
  end

  -- None of them may make up for what comes after it.
  for _, wrong in ipairs { "('x'):rep(0/0)", "('x'):rep(-1e15)", "pcall(unpack, {}, 5, -1e9)",
    "pcall(table.concat, {}, '', 0/0, 0)" } do
    t.it("pays for it whatever it had before: " .. wrong, function()
      local st = state.create(nil, { maxcount = 1e6 })
      t.ok(st:run(PREPARED))
      st:run("local _ = " .. wrong) -- to C on some machines these are billions, for which there is no memory
      t.equal(select(2, st:exec "while true do n = n + 1 text:upper() end"), ENDED)
      t.ok(st:exec "return n" <= 20)
      st:close()
    end)
  end

  -- Whatever is quick is called often; of these a call takes long, some of them many seconds. The number is how often
  -- each runs at most.
  local LONG = {
    ["dates"] = { "dates = ('%s'):rep(10000)", "os.date(dates)", 1 },
    ["dates of some conversions"] = { "dates = ('%c'):rep(30)", "os.date(dates)", 7000 }, -- 1e5 if it paid nothing
    ["counts keys that are no elements"] = { "keys = {} for i = 1, 20000 do keys['k' .. i] = i end",
      "table.maxn(keys)", 2000 },
    ["compiles a long chain"] = { "source = 'local a = ' .. ('a or '):rep(1e5) .. 'a'", "load(source)", 1 },
    ["compiles long numbers"] = { "source = 'return {' .. ('1e308,'):rep(100) .. '}'", "load(source)", 200 },
    ["looks for a long text"] = { "long = text .. text shorter = ('ab'):rep(5e4) .. 'a'",
      "long:find(shorter .. 'c', 1, true)", 20 },
  }
  for name, row in pairs(LONG) do
    t.it("pays for its time where it " .. name, function()
      local st = state.create(nil, { maxcount = 1e6 })
      t.ok(st:run(PREPARED))
      t.ok(st:run(row[1]))
      t.equal(select(2, st:exec("while true do n = n + 1 " .. row[2] .. " end")), ENDED)
      t.ok(st:exec "return n" <= row[3])
      st:close()
    end)
  end

  t.it("pays for the time that its own text takes to compile", function()
    local st = state.create(nil, { maxcount = 1e6 })
    t.equal(select(2, st:exec("local a = " .. ("a or "):rep(1e5) .. "a")), ENDED)
    t.equal(select(2, st:script("local a = " .. ("a or "):rep(1e5) .. "a")), ENDED)
    t.equal(st:exec(("x = 1\n"):rep(1500) .. ("--" .. ("x"):rep(98) .. "\n"):rep(300) .. "return 1"), 1)
    t.equal(st:exec("\n\n" .. ("-"):rep(3000) .. "\nreturn 1 +", "=long"), nil)
    t.equal(select(2, st:exec("\n\n" .. ("-"):rep(3000) .. "\nreturn 1 +", "=long")),
      "long:4: unexpected symbol near '<eof>'")
    st:close()
  end)

  -- The time that C's matcher took: 1,000 characters are half a million steps, and so is each way to split a few.
  local STEPS = {
    ["looks"] = "local _ = short:find '.-b'",
    ["looks for what may be split in many ways"] = "local _ = short:sub(1, 110):find '.-.-b'",
    ["matches"] = "local _ = short:match '.-b'",
    ["replaces"] = "local _ = short:gsub('.-b', '')",
    ["calls a function for each match"] = "local _ = (short .. 'c'):gsub('.-b', error)",
    ["iterates"] = "for _ in short:gmatch '.-b' do end",
    ["looks at the beginning of a long text"] = "local _ = text:find '^.*c'",
  }
  for name, statement in pairs(STEPS) do
    t.it("pays for the steps of a pattern where it " .. name, function()
      local st = state.create(nil, { maxcount = 1e6 })
      t.ok(st:run(PREPARED .. "short = ('a'):rep(1020)"))
      t.equal(select(2, st:exec("while true do n = n + 1 " .. statement .. " end")), ENDED)
      t.ok(st:exec "return n" <= 100)
      st:close()
    end)
  end

  t.it("has LuaJIT's errors of patterns, and its own from within", function()
    local st = state.create(nil, { maxcount = 1e6 })
    t.ok(st:run "text = ('a'):rep(1020) .. 'b'")
    t.equal(select(2, st:exec "local _ = text:find '.-%'"), "exec:1: malformed pattern (ends with '%')")
    t.equal(select(2, st:exec "local _ = text:gsub('.-[', '')"), "exec:1: malformed pattern (missing ']')")
    t.equal(select(2, st:exec "local _ = text:gsub('.-b', function() error 'mine' end)"), "exec:1: mine")
    st:close()
  end)

  t.it("may split short lines as often as it likes to", function()
    local st = state.create(nil, { maxcount = 1e6 })
    t.equal(st:exec [[
      local n = 0
      for _ = 1, 500 do
        for _, value in ("width=12 height=7 depth=3"):gmatch "(%w+)=(%w+)" do n = n + value end
      end
      return n
    ]], 11000)
    st:close()
  end)

  t.it("does not say how eagerly memory is collected", function()
    local st = state.create(nil, { maxcount = 5e6, maxalloc = 2 ^ 25 })
    t.ok(st:run "list = {} for i = 1, 1e5 do list[i] = {} end")
    t.same({ st:exec [[
      return collectgarbage("setpause", 0), collectgarbage("setpause", 100), collectgarbage("setpause", "200.5"),
        collectgarbage("setstepmul", 1e9), collectgarbage "setstepmul", (collectgarbage "count") > 0,
        pcall(collectgarbage, "often")
    ]] }, { 200, 0, 100, 200, 1e9, true, false, "bad argument #1 to '?' (invalid option 'often')" })
    local before = os.clock()
    t.ok(st:limit { maxcount = 300 })
    t.equal(select(2, st:exec "collectgarbage('setstepmul', 1e9) while true do local _ = {} end"), ENDED)
    t.ok(os.clock() - before < 1)
    st:close()
  end)

  t.it("gets no gigabytes, whatever memory it may have", function()
    for _, chunk in ipairs { "return #('x'):rep(2 ^ 30)", "local s = 'x' while true do s = s .. s end",
      "local s = 'x' while true do s = s:rep(2) end", "local s = 'x' while true do s = ('%s%s'):format(s, s) end" } do
      local st = state.create(nil, { maxcount = 1e6 })
      t.equal(select(2, st:exec(chunk)), ENDED)
      t.ok(st:info().peak < 2 ^ 28)
      t.equal(st:exec "return 1", 1)
      st:close()
    end
  end)

  t.it("is told what it lacked, in a thread, too", function()
    local st = state.create(nil, { maxcount = 1e6, maxalloc = 2 ^ 20 })
    t.ok(st:script "return function() local s = 'x' while true do s = s .. s end end")
    t.equal(select(2, st:thread():join()), "not enough memory")
    t.ok(st:limit { maxalloc = 0 })
    t.ok(st:script "return function() local s = 'x' while true do s = s .. s end end")
    t.equal(select(2, st:thread():join()), ENDED)
    st:close()
  end)

  t.it("does not pay for what it is given", function()
    local st = state.create(nil, { maxcount = 1000 })
    t.equal(st:exec("return #...", nil, ("x"):rep(2 ^ 24)), 2 ^ 24)
    st:close()
  end)

  t.it("pays for nothing where no instructions are counted", function()
    local st = state.create(nil, { maxalloc = 2 ^ 26 })
    t.equal(st:exec "return #('x'):rep(2 ^ 24):upper():lower()", 2 ^ 24)
    st:close()
  end)
end)

t.describe("a script that catches errors in the midst of the shared table", function()
  -- It would keep all other states, and the program, from the table for as long as its thread runs.
  t.it("does not keep it locked", function()
    local mutex = ffi.cast("void *", ffi.cast("uintptr_t", shared_env.store().address))
    local st = state.create(nil, { jit = false })
    t.ok(st:exec [[
      env.hostile = 1
      local depth
      function go(n) depth = depth + 1 if n == 0 then env.hostile = env.hostile end return 1 + go(n - 1) end
      depth = 0
      pcall(go, 1e9)
      deepest = depth
    ]])
    for left = 0, 60 do -- frames between the shared table and the stack's end
      t.ok(st:exec("pcall(go, deepest - ...)", nil, left))
      t.equal(ffi.C.callgate_test_trylock(mutex), 0)
      ffi.C.callgate_test_unlock(mutex)
    end
    state.env.hostile = nil
    st:close()
  end)
end)
