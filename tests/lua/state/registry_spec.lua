local t = ...

local ffi = require "ffi"
local state = require "callgate.state"

local function fresh(name, options)
  return t.ok(state.create(name, options))
end

t.describe("states by name", function()
  t.it("are found while they are open", function()
    local st = fresh("found", { desc = "a test" })
    t.equal(state.lookup "found", st)
    t.equal(st.name, "found")
    t.equal(st.desc, "a test")
    t.equal(tostring(st), "state found")
    t.equal(st:close(), true)
    t.fails("ENOENT", state.lookup "found")
    t.equal(tostring(st), "state found (closed)")
  end)

  t.it("have each name once, and again after a close", function()
    local st = fresh "twice"
    t.fails("EEXIST", state.create "twice")
    st:close()
    fresh("twice"):close()
  end)

  t.it("have names of at most 63 bytes", function()
    fresh(("n"):rep(state.NAME_MAX)):close()
    t.fails("ENAMETOOLONG", state.create(("n"):rep(state.NAME_MAX + 1)))
  end)

  t.it("need none", function()
    local st = fresh()
    t.equal(st.name, nil)
    t.equal(tostring(st), "state without a name")
    t.equal(st:exec "return 7", 7)
    st:close()
  end)

  t.it("are listed, the oldest first", function()
    local a, b, c = fresh "z", fresh(), fresh "a"
    local infos = state.list()
    t.same({ infos[1].name, infos[2].name or false, infos[3].name }, { "z", false, "a" })
    t.equal(infos[1].users, 1)
    a:close()
    b:close()
    c:close()
    t.equal(#state.list(), 0)
  end)

  t.it("are at most config.maxstates", function()
    state.config.maxstates = 2
    local a, b = fresh(), fresh()
    local r = { state.create() }
    state.config.maxstates = math.huge
    t.fails("ENFILE", unpack(r, 1, 3))
    a:close()
    b:close()
  end)

  t.it("are closed together, however many users each has", function()
    fresh("one"):get()
    fresh "two"
    t.equal(state.closeall(), 2)
    t.equal(#state.list(), 0)
    t.fails("ENOENT", state.lookup "one")
  end)
end)

t.describe("users", function()
  t.it("keep a state open until the last one has put it", function()
    local st = fresh "shared"
    t.equal(st:get(), st)
    t.equal(st:info().users, 2)
    t.fails("EBUSY", st:close())
    t.equal(st:put(), true)
    t.equal(state.lookup "shared", st)
    t.equal(st:put(), true)
    t.fails("ENOENT", state.lookup "shared")
    t.fails("ENOENT", st:put())
    t.fails("ENOENT", st:get())
  end)

  t.it("of the other side cannot close a state", function()
    local st = fresh("kernel", { user = false })
    t.equal(st.user, false)
    t.fails("EPERM", st:close { user = true })
    t.equal(st:close { user = false }, true)
  end)

  t.it("lock a state, once", function()
    local st = fresh()
    t.fails("EPERM", st:unlock())
    t.equal(st:lock(), true)
    t.fails("EBUSY", st:lock())
    t.fails("EBUSY", st:close())
    t.fails("EBUSY", st:thread())
    t.equal(st:exec "return 1", 1)
    t.equal(st:info().locked, true)
    t.equal(st:unlock(), true)
    t.equal(st:close(), true)
  end)
end)

t.describe("a closed state", function()
  t.it("fails in every call, and a second time in close", function()
    local st = fresh "closed"
    st:close()
    for _, name in ipairs { "close", "resume", "lock", "unlock", "get", "put", "info", "thread", "stop", "collect",
      "status" } do
      t.fails("ENOENT", st[name](st))
    end
    for _, name in ipairs { "exec", "load", "script", "require" } do
      t.fails("ENOENT", st[name](st, "x"))
    end
    t.fails("ENOENT", st:limit { maxcount = 1 })
    t.equal(st.L, nil)
  end)

  t.it("has run its global onClose before", function()
    local st = fresh()
    st:exec "function onClose() env.closing = 'it ran' end"
    st:close()
    t.equal(state.env.closing, "it ran")
    state.env.closing = nil
  end)

  t.it("is closed whatever its onClose does", function()
    for _, body in ipairs { "error 'no'", "error(nil)", "while true do end", "onClose()",
      "local t = {} while true do t[#t + 1] = {} end" } do
      local st = fresh(nil, { maxcount = 100000, maxalloc = 2 ^ 20 })
      t.equal(st:exec("function onClose() " .. body .. " end"), true)
      t.equal(st:close(), true)
    end
  end)

  t.it("has closed itself when nothing held it, once", function()
    local st = fresh()
    st:exec "x = 1"
    st = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    t.equal(#state.list(), 0)
  end)

  t.it("is not what a named one becomes when nothing holds it", function()
    fresh("kept"):exec "x = 5"
    collectgarbage()
    collectgarbage()
    t.equal(state.lookup("kept"):exec "return x", 5)
    state.closeall()
  end)
end)

t.describe("misuse", function()
  t.it("of create names the argument and the value", function()
    t.raises("create: argument 1 (name): expected a string, got 5", state.create, 5)
    t.raises("create: argument 2 (options): expected a table of options, got 5", state.create, "a", 5)
    t.raises('create: unknown option "maxaloc"; did you mean "maxalloc"?', state.create, "a", { maxaloc = 1 })
    t.raises("create: option maxalloc: expected a whole number from 0 to 4503599627370496, got -1", state.create, "a",
      { maxalloc = -1 })
    t.raises("create: option maxcount: expected a whole number from 0 to 2147483000, got 1.5", state.create, "a",
      { maxcount = 1.5 })
    t.raises('create: option libs: expected "all" or a list of names, got one with the key "base"', state.create, "a",
      { libs = { base = true } })
    t.raises('create: unknown library "strings"; did you mean "string"?', state.create, "a", { libs = { "strings" } })
    t.raises('create: option libs: expected "all" or a list of names, got "some" (string)', state.create, "a",
      { libs = "some" })
    t.raises('create: option libs: expected "all" or a list of names, got one with the key 3', state.create, "a",
      { libs = { [3] = "base" } })
    t.raises('create: option jit: expected true or false, got "on" (string)', state.create, "a", { jit = "on" })
    t.raises("create: option jit: compiled code does not count instructions; leave maxcount out or jit off",
      state.create, "a", { jit = true, maxcount = 5 })
    t.equal(#state.list(), 0)
  end)

  t.it("of an allocator, which LuaJIT could not tell", function()
    local null = ffi.cast("void *(*)(void *, void *, size_t, size_t)", nil)
    for _, allocator in ipairs { 5, {}, { print }, { ffi.new "int[1]" }, { null } } do
      local ok, message = pcall(state.create, "a", { allocator = allocator })
      t.equal(ok, false)
      t.matches(message, "create: option allocator: expected a ")
    end
    t.equal(#state.list(), 0)
  end)

  t.it("of methods, too", function()
    local st = fresh()
    t.raises("exec: argument 1 (chunk): expected a string, got nil", st.exec, st)
    t.raises("exec: argument 2 (chunkname): expected a string, got 5", st.exec, st, "", 5)
    t.raises("load: argument 1 (path): expected a string, got nil", st.load, st)
    t.raises("require: argument 1 (modname): expected a string, got nil", st.require, st)
    t.raises("limit: argument 1 (limits): expected a table of limits, got nil", st.limit, st)
    t.raises("lookup: argument 1 (name): expected a string, got nil", state.lookup)
    t.raises("register: argument 1 (modname): expected a module's name, got nil", state.register)
    t.raises("register: argument 2 (source): expected the module's source, got 5", state.register, "m", 5)
    t.raises('register: unknown option "trustd"; did you mean "trusted"?', state.register, "m", "", { trustd = true })
    t.raises("register: option trusted: expected true or false, got 1", state.register, "m", "", { trusted = 1 })
    t.raises("register: argument 3 (options): expected a table of options, got 5", state.register, "m", "", 5)
    t.raises('close: unknown option "usr"; did you mean "user"?', st.close, st, { usr = true })
    t.raises("close: argument 1 (options): expected a table of options, got 5", st.close, st, 5)
    st:close()
  end)

  t.it("is a method without its state", function()
    local st = fresh()
    for _, name in ipairs { "exec", "resume", "close", "info" } do
      t.raises(("%s: argument 0 (state): expected a state: call it with a colon, got \"x\" (string)"):format(name),
        st[name], "x")
    end
    st:close()
  end)
end)
