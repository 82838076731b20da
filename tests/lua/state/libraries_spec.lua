local t = ...

local state = require "callgate.state"

local NAMES = [[
  local names = {}
  for name in pairs(...) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, " ")
]]

t.describe("a state's script", function()
  t.it("sees the harmless libraries, without what reaches files, memory or other programs", function()
    local st = state.create()
    local names = st:exec(("local f = function(...) %s end return f(_G)"):format(NAMES))
    t.equal((names:gsub(" rawlen", "")), -- which LuaJITs with Lua 5.2's additions have
      "_G _VERSION assert bit collectgarbage coroutine env error gcinfo getfenv getmetatable ipairs load loadstring"
      .. " math next os pairs pcall print rawequal rawget rawset require select setfenv setmetatable string table"
      .. " tonumber tostring type unpack xpcall")
    t.equal(st:exec(("local f = function(...) %s end return f(os)"):format(NAMES)), "clock date difftime time")
    for _, name in ipairs { "ffi", "debug", "jit", "io", "package", "jit.util", "string.buffer" } do
      t.matches(select(2, st:exec(("return require %q"):format(name))), "not found")
    end
    st:close()
  end)

  t.it("sees those that are listed", function()
    local st = state.create(nil, { libs = { "base", "io", "debug", "package", "string.buffer", "ffi" } })
    t.equal(st:exec "return string == nil and table == nil and math == nil and os == nil", true)
    t.equal(st:exec "return io.write ~= nil and io.popen == nil and debug.sethook ~= nil", true)
    t.equal(st:exec "return package.loaded.io == io and package.loadlib == nil", true)
    t.equal(st:exec "return type(require('string.buffer').new)", "function")
    t.equal(st:exec "return require('ffi').sizeof 'int'", 4)
    t.equal(st:exec "package.preload.x = function() return 5 end return require 'x'", 5)
    st:close()
  end)

  t.it("sees nothing but env and require with none of them", function()
    local st = state.create(nil, { libs = {} })
    st:exec "function all() return env ~= nil and require ~= nil and print == nil and _G == nil and string == nil end"
    t.equal(st:exec "return all()", true)
    t.matches(select(2, st:exec "return ('x'):upper()"), "attempt to index")
    st:close()
    st = state.create(nil, { libs = {}, env = false })
    t.equal(st:exec "return env == nil and pcall == nil", true)
    st:close()
  end)

  t.it("sees all of LuaJIT when told so", function()
    local st = state.create(nil, { libs = "all" })
    t.equal(st:exec "return io.open ~= nil and require('ffi').sizeof('int') == 4 and debug.getinfo ~= nil", true)
    t.equal(st:exec "return string.dump ~= nil and newproxy ~= nil and jit ~= nil and os.execute ~= nil", true)
    st:close()
  end)

  t.it("cannot set a finalizer, which no limit could end", function()
    local st = state.create(nil, { libs = { "base", "io", "string" } })
    t.equal(st:exec "return newproxy", nil)
    t.same({ st:exec "return getmetatable(io.stdout), getmetatable('')" }, { "file", "string" })
    t.equal(st:exec "return pcall(setmetatable, io.stdout, {})", false)
    st:close()
  end)

  t.it("cannot reach what the library itself uses", function()
    local st = state.create()
    st:exec [[
      for _, library in ipairs { string, table, math, coroutine, bit, os } do
        for name in pairs(library) do library[name] = nil end
      end
      setfenv(0, {})
      for name in pairs(_G) do if name ~= "pairs" then _G[name] = nil end end
    ]]
    t.equal(st:exec "return 1", 1)
    t.equal(st:exec("return ...", nil, "a"), "a")
    t.equal(st:script "return function(x) return x end", true)
    t.equal(st:resume(5), 5)
    t.equal(st:collect(), true)
    t.equal(st:close(), true)
  end)

  t.it("cannot reach the caller's environment through its level", function()
    local st = state.create()
    st:exec "for level = 0, 5 do pcall(setfenv, level, setmetatable({}, { __index = function() error 'x' end })) end"
    t.equal(st:exec("return ...", nil, { 1 })[1], 1)
    st:close()
  end)
end)
