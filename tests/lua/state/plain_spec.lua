local t = ...

-- A LuaJIT without string.buffer, played by this one: the library is loaded again where it has none.

local S = require "callgate"

local function without_buffers(body)
  local saved = {}
  for name, module in pairs(package.loaded) do
    if name == "string.buffer" or name:find "^callgate%.state" then
      saved[name], package.loaded[name] = module, nil
    end
  end
  local preload = package.preload["string.buffer"]
  package.preload["string.buffer"] = function()
    error "there is none"
  end
  local state = require "callgate.state"
  t.equal(require("callgate.state.boot").codec, require "callgate.state.plain")
  local ok, message = pcall(body, state)
  for name in pairs(package.loaded) do
    if name:find "^callgate%.state" then
      package.loaded[name] = nil
    end
  end
  for name, module in pairs(saved) do
    package.loaded[name] = module
  end
  package.preload["string.buffer"] = preload
  if not ok then
    error(message, 0)
  end
end

t.describe("values without string.buffer", function()
  t.it("cross as with it", function()
    without_buffers(function(state)
      local st = t.ok(state.create(nil, { maxcount = 10000000 }))
      local value = { 1, 2.5, -0.1, "s", true, false, { a = { b = {} }, [2] = "x" }, ["k\0"] = "v\0w", [1.5] = 1 / 0 }
      t.same(st:exec("return ...", nil, value), value)
      t.same({ st:exec("return ...", nil, "a", nil, false, 5) }, { "a", nil, false, 5 })
      t.equal(select("#", st:exec("return ...", nil, "a", nil, nil)), 3)
      t.equal(st:exec("return ...", nil, 9007199254740993LL), 9007199254740993LL)
      t.equal(st:exec("return ...", nil, 0xffffffffffffffffULL), 0xffffffffffffffffULL)
      t.equal(st:exec("return ...", nil, ("x"):rep(300000)), ("x"):rep(300000))
      st:script "return function(a, b) while true do a, b = coroutine.yield(b, a) end end"
      t.same({ st:resume({ 1 }, "b") }, { "b", { 1 } })
      state.env.x = { 1, { "two" } }
      t.same(state.env.x, { 1, { "two" } })
      t.equal(st:exec "return env.x[2][1]", "two")
      st:close()
    end)
  end)

  t.it("are read from bytes that are not collected meanwhile", function()
    without_buffers(function(state)
      local value = {}
      for i = 1, 300 do
        value[i] = { i, "text " .. i, { a = i } }
      end
      local pause, speed = collectgarbage("setpause", 100), collectgarbage("setstepmul", 10000)
      for _ = 1, 20 do
        state.env.x = value
        t.same(state.env.x, value)
      end
      state.env.x = nil
      collectgarbage("setpause", pause)
      collectgarbage("setstepmul", speed)
    end)
  end)

  t.it("are refused as with it", function()
    without_buffers(function(state)
      local st = t.ok(state.create())
      local cyclic = {}
      cyclic.self = cyclic
      t.raises("exec: argument 3 (value): cannot serialize 'function'", st.exec, st, "", nil, print)
      t.raises("exec: argument 3 (value): too deep to serialize", st.exec, st, "", nil, cyclic)
      local value, message, errno = st:exec "return { 1, { print } }"
      t.equal(value, nil)
      t.equal(message, "cannot serialize 'function'")
      t.equal(errno, S.EINVAL)
      value, message = st:exec "local t = {} t.t = t return t"
      t.equal(value, nil)
      t.equal(message, "too deep to serialize")
      st:close()
    end)
  end)

  t.it("are within the memory limit", function()
    without_buffers(function(state)
      local st = t.ok(state.create(nil, { maxalloc = 2 ^ 20 }))
      local _, message = st:exec("return #...", nil, ("x"):rep(2e6))
      t.equal(message, "not enough memory")
      _, message = st:exec "local t = {} for i = 1, 3e4 do t[i] = i end return t, t, t, t"
      t.equal(message, "not enough memory")
      t.ok(st:info().peak <= 2 ^ 20)
      t.equal(st:exec "return 1", 1)
      st:close()
    end)
  end)
end)
