-- NetBSD's klua_lock(9) page, from its first line to its last.

local t = ...

local ffi = require "ffi"
local S = require "callgate"
local klua9 = require "callgate.klua9"
local state = require "callgate.state"

-- NULL, with the reason that this library adds.
local function null(name, ...)
  t.fails(name, ...)
  t.equal(select("#", ...), 3)
end

-- The state's script in a thread, where the library has threads of states for this machine.
local function started(st)
  local job, message, errno = st:thread()
  if errno == S.EOPNOTSUPP then
    t.skip("threads: " .. message)
  end
  return t.ok(job, message)
end

local function new(name)
  return t.ok(klua9.kluaL_newstate(name or "spec", "a state of the specs", klua9.IPL_NONE))
end

t.describe("klua_State", function()
  t.it("has a Lua state, a lock, and who made it", function()
    local K = new()
    t.equal(type(K.L), "cdata")
    t.equal(K.L, K.state.L)
    t.equal(K.ks_user, false)
    t.equal(K.ks_lock:owned(), false)
    t.equal(tostring(K), 'klua_State "spec"')
    klua9.klua_close(K)
    t.equal(K.L, nil)
    t.equal(tostring(K), 'klua_State "spec" (closed)')
  end)

  t.it("L is a lua_State for LuaJIT's C API", function()
    local M = require "callgate.bound.luajit"
    local K = new()
    klua9.klua_lock(K)
    local top = M.lua_gettop(K.L)
    local code = "return 6 * 7"
    t.equal(M.luaL_loadbuffer(K.L, code, #code, "=driver"), 0)
    t.equal(M.lua_pcall(K.L, 0, 1, 0), 0)
    t.equal(M.lua_tonumber(K.L, -1), 42)
    M.lua_settop(K.L, top)
    klua9.klua_unlock(K)
    t.equal(K:exec "return 1", 1)
    klua9.klua_close(K)
  end)

  t.it("ks_lock is the lock of klua_lock and klua_unlock", function()
    local K = new()
    K.ks_lock:enter()
    t.equal(K.ks_lock:owned(), true)
    t.raises("klua_lock: " .. S.strerror "EBUSY", klua9.klua_lock, K)
    K.ks_lock:exit()
    klua9.klua_lock(K)
    t.equal(K.ks_lock:owned(), true)
    klua9.klua_unlock(K)
    klua9.klua_close(K)
  end)

  t.it("ks_lock and the state's own calls are methods, and raise for a state that is closed", function()
    local K = new()
    local ks_lock = K.ks_lock
    for _, name in ipairs { "enter", "exit", "owned" } do
      t.raises(name .. ": expected a ks_lock, got nil; call it with a colon", ks_lock[name])
    end
    t.raises('exec: expected a klua_State, got "x = 1" (string); call it with a colon', K.exec, "x = 1")
    t.raises("load: expected a klua_State, got nil; call it with a colon", K.load)
    klua9.klua_close(K)
    t.raises('owned: argument 1 (K): klua_State "spec" (closed)', ks_lock.owned, ks_lock)
    t.raises('klua_lock: argument 1 (K): klua_State "spec" (closed)', ks_lock.enter, ks_lock)
    t.raises('klua_unlock: argument 1 (K): klua_State "spec" (closed)', ks_lock.exit, ks_lock)
  end)

  t.it("has fields that can be read and not be written, and a mistyped one is an error", function()
    local K = new()
    for _, name in ipairs { "L", "ks_lock", "ks_user", "name", "desc", "ipl", "state" } do
      t.ok(K[name] ~= nil, name)
      t.raises(('klua_State: "%s" cannot be set'):format(name), function() K[name] = true end)
    end
    t.equal(K.ks_user, false)
    t.raises('klua_State has no field "ks_loc"; did you mean "ks_lock"?', function() return K.ks_loc end)
    klua9.klua_close(K)
  end)

  t.it("ks_user keeps either side from destroying the other's states", function()
    local K = new()
    local ok, message, errno = K.state:close { user = true } -- what luactl(8) asks for
    t.fails("EPERM", ok, message, errno)
    t.equal(K:exec "return 'there'", "there")
    klua9.klua_close(K)
  end)
end)

t.describe("klua_lock and klua_unlock", function()
  t.it("return nothing", function()
    local K = new()
    t.equal(select("#", klua9.klua_lock(K)), 0)
    t.equal(select("#", klua9.klua_unlock(K)), 0)
    klua9.klua_close(K)
  end)

  t.it("keep threads from the state, and its closing", function()
    local K = new "threads"
    t.ok(K.state:script "return function() while not env.go do end env.go = nil return 7 end")
    klua9.klua_lock(K)
    t.fails("EBUSY", K.state:thread())
    t.raises("klua_close: " .. S.strerror "EBUSY", klua9.klua_close, K)
    klua9.klua_unlock(K)
    local job = started(K.state)
    t.raises("klua_lock: " .. S.strerror "EBUSY", klua9.klua_lock, K)
    t.raises("klua_close: " .. S.strerror "EBUSY", klua9.klua_close, K)
    state.env.go = true
    t.equal(job:join(), 7)
    klua9.klua_lock(K)
    klua9.klua_unlock(K)
    klua9.klua_close(K)
  end)

  t.it("raise for what they cannot do", function()
    local K = new()
    klua9.klua_lock(K)
    t.raises("klua_lock: " .. S.strerror "EBUSY", klua9.klua_lock, K)
    klua9.klua_unlock(K)
    t.raises("klua_unlock: " .. S.strerror "EPERM", klua9.klua_unlock, K)
    klua9.klua_close(K)
    for _, name in ipairs { "klua_lock", "klua_unlock", "klua_close" } do
      t.raises(name .. ': argument 1 (K): klua_State "spec" (closed)', klua9[name], K)
      t.raises(name .. ": argument 1 (K): expected a klua_State, got nil", klua9[name])
    end
    t.raises('exec: argument 1 (K): klua_State "spec" (closed)', K.exec, K, "")
  end)
end)

t.describe("klua_close", function()
  t.it("destroys the state, and returns nothing", function()
    local K = new()
    t.equal(state.lookup "spec", K.state)
    t.equal(select("#", klua9.klua_close(K)), 0)
    t.equal(state.lookup "spec", nil)
    klua9.klua_close(new())
  end)

  t.it("calls the state's onClose first", function()
    local K = new()
    K:exec "function onClose() env.closed = 'yes' end"
    klua9.klua_close(K)
    t.equal(state.env.closed, "yes")
    state.env.closed = nil
  end)
end)

t.describe("klua_newstate and kluaL_newstate", function()
  t.it("create a state and register it under its name", function()
    local a = t.ok(klua9.klua_newstate(nil, nil, "a", "first", klua9.IPL_NONE))
    local b = t.ok(klua9.kluaL_newstate("b", "second", klua9.IPL_VM))
    t.equal(state.lookup "a", a.state)
    local info = b.state:info()
    t.same({ info.name, info.desc, info.user }, { "b", "second", false })
    t.equal(a:exec "x = 1", true)
    t.equal(b:exec "return x == nil", true)
    klua9.klua_close(a)
    klua9.klua_close(b)
  end)

  t.it("kluaL_newstate takes the page's ud, too, and the header's arguments", function()
    local K = t.ok(klua9.kluaL_newstate(nil, "page", "as printed", klua9.IPL_NONE))
    t.equal(K.name, "page")
    t.equal(K.desc, "as printed")
    klua9.klua_close(K)
    K = t.ok(klua9.kluaL_newstate(ffi.cast("void *", 0), "page", "as printed"))
    t.equal(K.name, "page")
    klua9.klua_close(K)
    t.raises("kluaL_newstate: argument 2 (name): expected a string, got nil", klua9.kluaL_newstate)
    t.raises("kluaL_newstate: argument 2 (desc): expected a string, got nil", klua9.kluaL_newstate, "a")
    t.raises("kluaL_newstate: argument 3 (desc): expected a string, got 5", klua9.kluaL_newstate, nil, "a", 5)
  end)

  t.it("klua_newstate's f provides the memory, and gets ud in every call", function()
    -- A lua_Alloc in C is at hand: the one that counts for the core, here over the memory of another state.
    local counting, native = require("callgate.state.machine").limiter, require "callgate.state.native"
    if not counting then
      t.skip "there is no allocator in machine code for this machine"
    end
    local M = require "callgate.bound.luajit"
    local donor, arena = M.luaL_newstate(), ffi.new "void *[1]"
    local ud, most = ffi.new(native.control), ffi.cast("size_t", -1)
    ud.inner, ud.arena = ffi.cast("void *", M.lua_getallocf(donor, arena)), nil
    ud.arena, ud.limit, ud.hard, ud.soft = arena[0], most, most, most
    counting = ffi.cast(M.t.lua_Alloc, counting)
    local K, message, errno = klua9.klua_newstate(counting, ud, "own", "its own memory", klua9.IPL_NONE)
    if ffi.abi "64bit" and not ffi.abi "gc64" then
      null("EOPNOTSUPP", K, message, errno)
    else
      t.ok(K, message)
      local before = tonumber(ud.used)
      t.ok(before > 10000)
      t.equal(K:exec "list = {} for i = 1, 1000 do list[i] = { i } end return #list", 1000)
      t.ok(tonumber(ud.used) > before + 1000)
      klua9.klua_close(K)
      t.equal(tonumber(ud.used), 0)
    end
    M.lua_close(donor)
    t.raises("klua_newstate: argument 1 (f): expected a lua_Alloc, a pointer to a function of C, got true (boolean)",
      klua9.klua_newstate, true, nil, "a", "b")
    local ok, why = pcall(klua9.klua_newstate, ffi.cast("void *", 16), nil, "a", "b") -- it would be called
    t.equal(ok, false)
    t.matches(why, "klua_newstate: argument 1 %(f%): expected a lua_Alloc, ")
    t.raises("klua_newstate: argument 2 (ud): expected a pointer or nil, got 5", klua9.klua_newstate, counting, 5, "a",
      "b")
  end)

  t.it("refuse a name that begins with _", function()
    null("EINVAL", klua9.kluaL_newstate("_hidden", "", klua9.IPL_NONE))
    null("EINVAL", klua9.klua_newstate(nil, nil, "_", "", klua9.IPL_NONE))
    klua9.klua_close(new "not_")
  end)

  t.it("give NULL for a name that is taken", function()
    local K = new "unique"
    null("EEXIST", klua9.kluaL_newstate("unique", "again", klua9.IPL_NONE))
    klua9.klua_close(K)
  end)

  t.it("give NULL where there are too many states", function()
    local before = state.config.maxstates
    state.config.maxstates = 0
    null("ENFILE", klua9.kluaL_newstate("one", "", klua9.IPL_NONE))
    state.config.maxstates = before
  end)

  t.it("cut names to 15 bytes and descriptions to 63, as the header's sizes say", function()
    local K = new "a_name_of_sixteen"
    t.equal(K.name, "a_name_of_sixte")
    null("EEXIST", klua9.kluaL_newstate("a_name_of_sixteen_and_more", "", klua9.IPL_NONE))
    klua9.klua_close(K)
    K = t.ok(klua9.kluaL_newstate("long", ("d"):rep(100), klua9.IPL_NONE))
    t.equal(K.state:info().desc, ("d"):rep(63))
    klua9.klua_close(K)
  end)

  t.it("record the interrupt priority level", function()
    local names = { "IPL_NONE", "IPL_SOFTCLOCK", "IPL_SOFTBIO", "IPL_SOFTNET", "IPL_SOFTSERIAL", "IPL_VM", "IPL_SCHED",
      "IPL_HIGH" }
    for i, name in ipairs(names) do
      local K = t.ok(klua9.kluaL_newstate("level", "", klua9[name]))
      t.equal(K.ipl, i - 1)
      klua9.klua_close(K)
    end
    local K = t.ok(klua9.kluaL_newstate("level", ""))
    t.equal(K.ipl, klua9.IPL_NONE)
    klua9.klua_close(K)
    local wrong = "argument %d (ipl): expected klua9.IPL_NONE or another of its levels, got "
    t.raises("kluaL_newstate: " .. wrong:format(3) .. "true (boolean)", klua9.kluaL_newstate, "a", "", true)
    t.raises('klua9 has no IPL_NON; did you mean "IPL_NONE"?', function()
      klua9.kluaL_newstate("a", "", klua9.IPL_NON)
    end)
    t.raises("kluaL_newstate: " .. wrong:format(4) .. "99", klua9.kluaL_newstate, nil, "a", "", 99)
    t.raises("klua_newstate: " .. wrong:format(5) .. "0.5", klua9.klua_newstate, nil, nil, "a", "", 0.5)
    t.equal(state.lookup "a", nil)
  end)

  t.it("make states with limits where the program asks for them", function()
    klua9.options = { maxcount = 100000 }
    local K = new()
    klua9.options = 5
    t.raises("klua9.options: expected a table of options, got 5", new)
    klua9.options = {}
    local _, _, errno = K:exec "while true do end"
    t.equal(errno, S.ETIME)
    klua9.klua_close(K)
  end)
end)
