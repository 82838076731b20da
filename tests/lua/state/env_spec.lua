local t = ...

local S = require "callgate"
local state = require "callgate.state"
local env = state.env

t.describe("state.env", function()
  t.it("holds strings, numbers, booleans and copies of tables", function()
    for _, value in ipairs { "s", "", ("x"):rep(100000), 1.5, true, false, 5LL } do
      env.value = value
      t.equal(env.value, value)
    end
    local list = { 1, { 2 } }
    env.value = list
    t.same(env.value, list)
    t.ok(env.value ~= list)
    env.value = nil
    t.equal(env.value, nil)
  end)

  t.it("has strings and numbers for keys, and tells them apart", function()
    env["1"], env[1], env[1.5], env[""] = "string", "number", "float", "empty"
    t.same({ env["1"], env[1], env[1.5], env[""] }, { "string", "number", "float", "empty" })
    env["1"], env[1], env[1.5], env[""] = nil, nil, nil, nil
    t.equal(env[1], nil)
    t.raises("env: a key is a string or a number, got boolean", function()
      env[true] = 1
    end)
    t.raises("env: a key is a string or a number, got table", function()
      return env[{}]
    end)
  end)

  t.it("tells numbers apart that are nearly the same", function()
    env[1732300000000001], env[1732300000000002], env[0.1 + 0.2], env[-0] = "first", "second", "sum", "zero"
    local st = state.create()
    t.same({ env[1732300000000001], st:exec "return env[1732300000000002], env[0.3], env[0]" },
      { "first", "second", nil, "zero" })
    t.raises("env: a key is a string or a number, got NaN", function()
      env[0 / 0] = 1
    end)
    t.equal(select(2, st:exec "env[{}] = 1"), "exec:1: env: a key is a string or a number, got table")
    for _, key in ipairs { 1732300000000001, 1732300000000002, 0.1 + 0.2, 0 } do
      env[key] = nil
    end
    st:close()
  end)

  t.it("is the same for all states", function()
    local a, b = state.create(), state.create()
    a:exec "env.n = { 41 }"
    t.equal(b:exec "env.n = env.n[1] + 1 return env.n", 42)
    t.equal(env.n, 42)
    env.n = nil
    t.equal(a:exec "return env.n == nil", true)
    a:close()
    b:close()
  end)

  t.it("outlives the state that has written it", function()
    local st = state.create()
    st:exec "env.left = 'behind'"
    st:close()
    t.equal(env.left, "behind")
    env.left = nil
  end)

  t.it("holds many, in any order", function()
    local st = state.create()
    t.equal(st:exec [[
      for i = 1, 3000 do env["many" .. i] = i end
      for i = 1, 3000, 2 do env["many" .. i] = nil end
      local sum = 0
      for i = 1, 3000 do sum = sum + (env["many" .. i] or 0) end
      for i = 1, 3000 do env["many" .. i] = nil end
      return sum
    ]], 2251500)
    st:close()
  end)

  t.it("has the global's name that a state asks for, or none", function()
    local st = state.create(nil, { env = "shared" })
    t.equal(st:exec "shared.x = 1 return env == nil", true)
    t.equal(env.x, 1)
    st:close()
    st = state.create(nil, { env = false })
    t.equal(st:exec "return env == nil", true)
    st:close()
    env.x = nil
  end)

  t.it("cannot hold functions, nor more than config.maxenv bytes", function()
    t.raises("cannot serialize 'function'", function()
      env.f = print
    end)
    local st = state.create()
    local value, message = st:exec "env.f = print"
    t.equal(value, nil)
    t.matches(message, "cannot serialize 'function'")
    value, message = st:exec "for i = 1, 1000 do env['big' .. i] = ('x'):rep(2 ^ 20) end"
    t.equal(value, nil)
    t.matches(message, "env: no room left$")
    t.equal(st:exec "for i = 1, 1000 do env['big' .. i] = nil end env.small = 1 return env.small", 1)
    env.small = nil
    st:close()
  end)

  t.it("stays usable when a script is ended while it reads or writes", function()
    local st = state.create(nil, { maxcount = 1000 })
    for i = 1, 300 do
      st:limit { maxcount = 20 + i }
      local value, _, errno = st:exec "while true do env.x = 1 local y = env.x env.x = nil end"
      t.equal(value, nil)
      t.equal(S.errname(errno), "ETIME")
      env.after = i
      t.equal(env.after, i)
    end
    env.after, env.x = nil, nil
    st:close()
  end)

  t.it("stays usable when memory runs out in the middle", function()
    local st = state.create(nil, { maxalloc = 2 ^ 18 })
    env.big = ("x"):rep(2 ^ 18)
    local value, _, errno = st:exec "return env.big"
    t.equal(value, nil)
    t.equal(S.errname(errno), "ENOMEM")
    t.equal(st:exec "local ok = pcall(function() return env.big end) env.small = 1 return ok", false)
    t.equal(env.small, 1)
    env.big, env.small = nil, nil
    st:close()
  end)
end)

t.describe("modules", function()
  t.it("that are registered are found by every state's require, and loaded once in each", function()
    t.equal(state.register("greeting", [[
      count = (count or 0) + 1
      return { say = function(n) return "hello, " .. n end }
    ]]), true)
    local a, b = state.create(), state.create()
    t.equal(a:exec "return require('greeting').say 'a'", "hello, a")
    t.equal(a:exec "return require('greeting') == require('greeting') and count", 1)
    t.equal(b:exec "return require('greeting').say 'b'", "hello, b")
    a:close()
    b:close()
    t.equal(state.register("greeting", nil), true)
  end)

  t.it("are required from outside, too: once", function()
    state.register("outside", "required = ...")
    local st = state.create()
    t.equal(st:require "outside", true)
    t.equal(st:exec "return required", "outside")
    t.fails("EEXIST", st:require "outside")
    local value, message, errno = st:require "no.such.module"
    t.equal(value, nil)
    t.matches(message, "module 'no.such.module' not found")
    t.equal(S.errname(errno), "ENOENT")
    st:close()
    state.register("outside", nil)
  end)

  t.it("with errors say so", function()
    state.register("broken", "x = = 1")
    state.register("failing", "error 'no'")
    local st = state.create()
    local _, message, errno = st:require "broken"
    t.matches(message, "broken:1: unexpected symbol")
    t.equal(S.errname(errno), "EINVAL")
    _, message = st:require "failing"
    t.matches(message, "failing:1: no")
    _, message = st:exec "require 'failing'"
    t.matches(message, "failing:1: no")
    _, message = st:exec "require(5)"
    t.matches(message, "string expected, got number")
    st:close()
    state.register("broken", nil)
    state.register("failing", nil)
  end)

  t.it("are files of config.path where config.autoload is on", function()
    local path = t.write("state_module.lua", "return 'a file'")
    local saved = state.config.path
    state.config.path = path:gsub("state_module", "?")
    local st = state.create()
    t.equal(st:exec "return require 'state_module'", "a file")
    t.matches(select(2, st:exec "require '../state_module'"), "not found")
    st:close()
    state.config.autoload = false
    st = state.create()
    state.config.autoload, state.config.path = true, saved
    t.matches(select(2, st:exec "require 'state_module'"), "not found")
    st:close()
  end)

  t.it("are not required by scripts where config.require is off", function()
    state.register("outside", "required = ...")
    state.config.require = false
    local st = state.create()
    state.config.require = true
    t.equal(st:exec "return require == nil", true)
    t.equal(st:require "outside", true)
    t.equal(st:exec "return required", "outside")
    st:close()
    state.register("outside", nil)
  end)
end)
