-- KLua's API document, from its first line to its last.

local t = ...

local ffi = require "ffi"
local S = require "callgate"
local klua = require "callgate.klua"
local state = require "callgate.state"

local KiB = 1024

-- Between states_init and states_exit.
local function it(name, body)
  t.it(name, function()
    klua.klua_states_init()
    local ok, message = xpcall(body, debug.traceback)
    klua.klua_states_exit()
    if not ok then
      error(message, 0) -- of a skipped test, a table
    end
  end)
end

-- NULL, with the reason that this library adds.
local function null(name, ...)
  t.fails(name, ...)
  t.equal(select("#", ...), 3)
end

local function minus_one(name, result, message, errno)
  t.equal(result, -1)
  t.fails(name, nil, message, errno)
end

-- The state's script in a thread, where the library has threads of states for this machine.
local function started(st)
  local job, message, errno = st:thread()
  if errno == S.EOPNOTSUPP then
    t.skip("threads: " .. message)
  end
  return t.ok(job, message)
end

local function listed()
  local lines = {}
  klua.klua_state_list(function(line) lines[#lines + 1] = line end)
  return lines
end

t.describe("KLua's operations", function()
  it("create, delete, look up and run code in states", function()
    local s = t.ok(klua.klua_state_create(64 * KiB, "counter"))
    t.equal(klua.klua_state_lookup "counter", s)
    t.equal(klua.klua_execute("counter", "n = (n or 0) + 1 return n"), 1)
    t.equal(klua.klua_execute("counter", "n = (n or 0) + 1 return n"), 2)
    t.equal(klua.klua_state_destroy "counter", 0)
    null("ENOENT", klua.klua_state_lookup "counter")
  end)

  it("take what a size_t holds for a size", function()
    t.equal(t.ok(klua.klua_state_create(65536ULL, "counter")).maxalloc, 65536)
    local ok, message = pcall(klua.klua_state_create, -1LL, "other")
    t.equal(ok, false)
    t.matches(message, "state_create: argument 1 %(maxalloc%): expected a whole number from 0 to %d+, got %-1$")
  end)

  it("list states by a function, or on standard error", function()
    for shown, write in pairs { ['"x" (string)'] = "x", ["5"] = 5, ["a table"] = {}, ["false (boolean)"] = false } do
      t.raises("state_list: argument 1 (write): expected a function, got " .. shown, klua.klua_state_list, write)
    end
  end)

  t.it("have names with and without the prefix", function()
    local names = { "states_init", "states_exit", "state_lookup", "state_create", "state_destroy", "state_list",
      "state_destroy_all", "execute", "state_get", "state_put" }
    for _, name in ipairs(names) do
      t.equal(type(klua[name]), "function")
      t.equal(klua["klua_" .. name], klua[name])
    end
  end)
end)

t.describe("struct klua_state", function()
  it("node: what the table of states has of it", function()
    local s = klua.klua_state_create(64 * KiB, "a")
    t.equal(s.node, state.lookup "a")
  end)

  it("L: its Lua state", function()
    local s = klua.klua_state_create(64 * KiB, "a")
    t.equal(type(s.L), "cdata")
    t.ok(s.L ~= ffi.cast("void *", 0))
    klua.klua_state_destroy "a"
    t.equal(s.L, nil)
  end)

  it("lock: keeps others from it", function()
    local s = klua.klua_state_create(64 * KiB, "a")
    t.equal(s.lock:lock(), true)
    minus_one("EBUSY", klua.klua_state_destroy "a")
    t.equal(s.lock:unlock(), true)
    t.equal(klua.klua_state_destroy "a", 0)
  end)

  it("users: how many refer to it", function()
    local s = klua.klua_state_create(64 * KiB, "a")
    t.equal(s.users, 1)
    t.equal(klua.klua_state_get(s), true)
    t.equal(s.users, 2)
    klua.klua_state_lookup "a"
    t.equal(s.users, 2)
    minus_one("EBUSY", klua.klua_state_destroy "a")
    t.equal(select("#", klua.klua_state_put(s)), 0)
    t.equal(s.users, 1)
    t.equal(klua.klua_state_destroy "a", 0)
    t.equal(s.users, 0)
    t.equal(klua.klua_state_get(s), false)
  end)

  it("maxalloc: the most memory that its code can use", function()
    local s = klua.klua_state_create(32 * KiB, "a")
    t.equal(s.maxalloc, 32 * KiB)
    t.equal(klua.klua_execute("a", "return #('x'):rep(8 * 1024)"), 8 * KiB)
    local value, message, errno = klua.klua_execute("a", "local list = {} while true do list[#list + 1] = {} end")
    t.equal(value, nil)
    t.equal(message, "not enough memory")
    t.equal(errno, S.ENOMEM)
    t.ok(s.state:info().peak <= s.base + 32 * KiB)
    t.equal(klua.klua_execute("a", "return 'usable'"), "usable")
  end)

  it("curralloc: the memory that its code uses", function()
    local s = klua.klua_state_create(256 * KiB, "a")
    local before = s.curralloc
    t.ok(before < 4 * KiB, before)
    klua.klua_execute("a", "text = ('x'):rep(100 * 1024)")
    t.ok(s.curralloc >= before + 100 * KiB and s.curralloc <= s.maxalloc, s.curralloc)
    klua.klua_execute("a", "text = nil")
    s.state:collect()
    t.ok(s.curralloc < before + 100 * KiB, s.curralloc)
    klua.klua_state_destroy "a"
    t.equal(s.curralloc, 0)
  end)

  it("fields can be read and not be written, and a mistyped one is an error", function()
    local s = klua.klua_state_create(64 * KiB, "a")
    local names = { "node", "L", "lock", "users", "maxalloc", "curralloc", "name", "state" }
    for _, name in ipairs(names) do
      t.ok(s[name] ~= nil, name)
      t.raises(('klua_state: "%s" cannot be set'):format(name), function() s[name] = 5 end)
    end
    t.equal(s.maxalloc, 64 * KiB)
    t.raises('klua_state has no field "curaloc"; did you mean "curralloc"?', function() return s.curaloc end)
    t.raises('klua_state has no field "maxaloc"; did you mean "maxalloc"?', function() s.maxaloc = 5 end)
    t.raises('klua_state has no field "1"', function() return s[1] end)
  end)

  it("name: what it is found by, shorter than KLUA_NAME_MAXSIZE", function()
    t.equal(klua.KLUA_NAME_MAXSIZE, 64)
    local longest = ("n"):rep(63)
    t.equal(t.ok(klua.klua_state_create(64 * KiB, longest)).name, longest)
    t.ok(klua.klua_state_lookup(longest))
    null("ENAMETOOLONG", klua.klua_state_create(64 * KiB, longest .. "n"))
    t.equal(tostring(klua.klua_state_lookup(longest)), ("klua_state %q"):format(longest))
  end)
end)

t.describe("klua_states_init", function()
  t.it("comes before everything, klua_states_exit after it", function()
    local calls = {
      states_exit = {}, state_lookup = { "a" }, state_create = { 65536, "a" }, state_destroy = { "a" }, state_list = {},
      state_destroy_all = {}, execute = { "a", "" },
    }
    for name, arguments in pairs(calls) do
      t.raises(name .. ": call states_init() first", klua["klua_" .. name], unpack(arguments))
    end
    t.equal(select("#", klua.klua_states_init()), 0)
    t.ok(klua.klua_state_create(64 * KiB, "a"))
    klua.klua_states_init()
    t.ok(klua.klua_state_lookup "a")
    t.equal(select("#", klua.klua_states_exit()), 0)
    t.equal(state.lookup "a", nil)
    t.raises("state_lookup: call states_init() first", klua.klua_state_lookup, "a")
    klua.klua_states_init()
    null("ENOENT", klua.klua_state_lookup "a")
    klua.klua_states_exit()
  end)
end)

t.describe("klua_state_lookup", function()
  it("gives the state, or NULL", function()
    local s = klua.klua_state_create(64 * KiB, "a")
    t.equal(klua.klua_state_lookup "a", s)
    null("ENOENT", klua.klua_state_lookup "b")
    null("ENOENT", klua.klua_state_lookup "")
    t.raises("state_lookup: argument 1 (name): expected a string, got nil", klua.klua_state_lookup)
  end)

  it("knows this API's states alone, and forgets one that was closed without it", function()
    local other = state.create "other"
    null("ENOENT", klua.klua_state_lookup "other")
    other:close()
    klua.klua_state_create(64 * KiB, "a").state:close()
    null("ENOENT", klua.klua_state_lookup "a")
    t.same(listed(), {})
    t.ok(klua.klua_state_create(64 * KiB, "a"))
  end)
end)

t.describe("klua_state_create", function()
  it("gives NULL for a name that is taken, by whomever", function()
    t.ok(klua.klua_state_create(64 * KiB, "a"))
    null("EEXIST", klua.klua_state_create(64 * KiB, "a"))
    local other = state.create "other"
    null("EEXIST", klua.klua_state_create(64 * KiB, "other"))
    other:close()
  end)

  it("gives NULL for less than 32 KiB", function()
    t.equal(klua.KLUA_MIN_ALLOC_BYTES, 32768)
    null("EINVAL", klua.klua_state_create(32 * KiB - 1, "a"))
    null("EINVAL", klua.klua_state_create(0, "a"))
    t.ok(klua.klua_state_create(32 * KiB, "a"))
  end)

  it("gives NULL where there are too many states", function()
    local before = state.config.maxstates
    state.config.maxstates = #state.list()
    null("ENFILE", klua.klua_state_create(64 * KiB, "a"))
    state.config.maxstates = before
    t.ok(klua.klua_state_create(64 * KiB, "a"))
  end)

  it("takes further options of the core's", function()
    klua.options = { libs = { "base" }, maxcount = 10000 }
    t.ok(klua.klua_state_create(64 * KiB, "a"))
    klua.options = {}
    t.equal(klua.klua_execute("a", "return string == nil"), true)
    local _, _, errno = klua.klua_execute("a", "while true do end")
    t.equal(errno, S.ETIME)
    klua.options = nil
    t.raises("klua.options: expected a table of options, got nil", klua.klua_state_create, 64 * KiB, "b")
    klua.options = {}
  end)

  it("takes whole numbers of bytes alone, and leaves nothing behind where it fails", function()
    local most = ffi.abi "64bit" and 2 ^ 51 or 2 ^ 31
    local expected = ("state_create: argument 1 (maxalloc): expected a whole number from 0 to %.0f, got "):format(most)
    for _, wrong in ipairs { 40000.5, -1, 0 / 0, math.huge, most * 2, "65536" } do
      local ok, message = pcall(klua.klua_state_create, wrong, "frac")
      t.equal(ok, false)
      t.ok(message:find(expected, 1, true), message)
      null("ENOENT", klua.klua_state_lookup "frac")
      t.equal(state.lookup "frac", nil)
    end
    t.raises(expected .. "nil", klua.klua_state_create)
    t.raises("state_create: argument 2 (name): expected a string, got nil", klua.klua_state_create, 65536)
    klua.options = { maxalloc = 1 }
    null("ENOMEM", klua.klua_state_create(64 * KiB, "frac"))
    klua.options = {}
    t.equal(state.lookup "frac", nil)
    t.equal(t.ok(klua.klua_state_create(most, "frac")).maxalloc, most)
  end)
end)

t.describe("klua_state_destroy", function()
  it("returns 0 for a state that was there, -1 otherwise", function()
    klua.klua_state_create(64 * KiB, "a")
    t.equal(klua.klua_state_destroy "a", 0)
    minus_one("ENOENT", klua.klua_state_destroy "a")
    t.equal(state.lookup "a", nil)
    t.raises("state_destroy: argument 1 (name): expected a string, got 1", klua.klua_state_destroy, 1)
  end)

  it("leaves a state that runs in a thread", function()
    local s = klua.klua_state_create(64 * KiB, "a")
    t.ok(s.state:script "return function() while not env.go do end env.go = nil return 7 end")
    local job = started(s.state)
    minus_one("EBUSY", klua.klua_state_destroy "a")
    state.env.go = true
    t.equal(job:join(), 7)
    t.equal(klua.klua_state_destroy "a", 0)
  end)
end)

t.describe("klua_state_list", function()
  it("lists every state with its properties", function()
    t.same(listed(), {})
    klua.klua_state_create(64 * KiB, "b")
    local a = klua.klua_state_create(32 * KiB, "a")
    klua.klua_state_get(a)
    local lines = listed()
    t.equal(#lines, 2)
    t.matches(lines[1], "^State a, curralloc %d+, maxalloc 32768, users 2\n$")
    t.matches(lines[2], "^State b, curralloc %d+, maxalloc 65536, users 1\n$")
  end)

  it("writes to standard error, where there is no dmesg", function()
    klua.klua_state_create(64 * KiB, "a")
    local r, w = t.ok(S.pipe())
    local before = t.ok(S.dup(2))
    t.ok(S.dup2(w, 2))
    klua.klua_state_list()
    io.stderr:flush()
    t.ok(S.dup2(before, 2))
    w:close()
    t.matches(r:read(), "^State a, curralloc")
  end)
end)

t.describe("klua_state_destroy_all", function()
  it("destroys every state, and nobody else's", function()
    local other = state.create "other"
    local a = klua.klua_state_create(64 * KiB, "a")
    klua.klua_state_create(64 * KiB, "b")
    klua.klua_state_get(a)
    t.equal(select("#", klua.klua_state_destroy_all()), 0)
    null("ENOENT", klua.klua_state_lookup "a")
    null("ENOENT", klua.klua_state_lookup "b")
    t.equal(a.L, nil)
    t.equal(state.lookup "other", other)
    other:close()
  end)

  it("destroys locked states, and leaves one that runs in a thread, as klua_states_exit does", function()
    local a, b = klua.klua_state_create(64 * KiB, "a"), klua.klua_state_create(64 * KiB, "b")
    a.lock:lock()
    t.ok(b.state:script "return function() while not env.go do end env.go = nil return 7 end")
    local job = started(b.state)
    klua.klua_state_destroy_all()
    t.equal(a.L, nil)
    t.equal(klua.klua_state_lookup "b", b)
    t.raises('states_exit: state "b" runs in a thread', klua.klua_states_exit)
    state.env.go = true
    t.equal(job:join(), 7)
    klua.klua_states_exit()
    t.equal(b.L, nil)
    klua.klua_states_init()
  end)
end)

t.describe("klua_state_destroy_all from a state's own code", function()
  it("leaves that state, its users and its lock as they were, and destroys the others", function()
    local a, b, raised
    local made, callback = pcall(ffi.cast, "void (*)(void)", function()
      klua.klua_state_destroy_all()
      raised = select(2, pcall(klua.klua_states_exit))
    end)
    if not made then
      t.skip "this LuaJIT has no callbacks"
    end
    klua.options = { libs = "all" }
    a = klua.klua_state_create(256 * KiB, "a")
    klua.options = {}
    b = klua.klua_state_create(64 * KiB, "b")
    klua.klua_state_get(a)
    a.lock:lock()
    local compiles = jit.status()
    jit.off() -- compiled code must not be called back from
    jit.flush()
    local code = "local ffi = require 'ffi' ffi.cast('void (*)(void)', ffi.cast('intptr_t', %.0f))() return 'survived'"
    local result = klua.klua_execute("a", code:format(tonumber(ffi.cast("intptr_t", callback))))
    if compiles then
      jit.on()
    end
    callback:free()
    t.equal(result, "survived")
    t.equal(klua.klua_state_lookup "a", a)
    t.equal(a.users, 2)
    t.equal(a.state:info().locked, true)
    t.equal(b.L, nil)
    t.matches(raised, 'states_exit: state "a" runs now$')
    klua.klua_state_destroy_all()
    t.equal(a.L, nil)
    null("ENOENT", klua.klua_state_lookup "a")
  end)
end)

t.describe("klua_execute", function()
  it("runs the code in the state of that name", function()
    klua.klua_state_create(64 * KiB, "a")
    klua.klua_state_create(64 * KiB, "b")
    t.equal(klua.klua_execute("a", "x = 1"), true)
    t.same({ klua.klua_execute("a", "return x, 'two'") }, { 1, "two" })
    t.equal(klua.klua_execute("b", "return x == nil"), true)
  end)

  it("tells what went wrong, which the document leaves open", function()
    null("ENOENT", klua.klua_execute("a", ""))
    klua.klua_state_create(64 * KiB, "a")
    local value, message, errno = klua.klua_execute("a", "error 'boom'")
    t.equal(value, nil)
    t.equal(message, "a:1: boom")
    t.equal(errno, S.EINVAL)
    value, message = klua.klua_execute("a", "x = = 1")
    t.equal(value, nil)
    t.matches(message, "^a:1: ")
    t.equal(klua.klua_execute("a", string.dump(function() end)), nil)
    t.raises("execute: argument 2 (code): expected a string, got nil", klua.klua_execute, "a")
  end)
end)

t.describe("klua_state_get and klua_state_put", function()
  it("are for this API's states", function()
    t.raises("state_get: argument 1 (s): expected a klua_state, got nil", klua.klua_state_get)
    t.raises("state_put: argument 1 (s): expected a klua_state, got 5", klua.klua_state_put, 5)
  end)

  it("end the state with its last user", function()
    local s = klua.klua_state_create(64 * KiB, "a")
    klua.klua_state_put(s)
    t.equal(s.L, nil)
    null("ENOENT", klua.klua_state_lookup "a")
  end)
end)
