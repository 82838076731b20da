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

  -- Everything that a script can get hold of, whatever calls it: what it finds of what is withheld.
  local CRAWL = [[
    local WITHHELD = {
      "ffi", "debug", "jit", "io", "package", "newproxy", "loadfile", "dofile", "module", "loadlib", "execute", "sethook",
    }
    local found, seen = {}, {}
    local function visit(value, path)
      if type(value) ~= "table" and type(value) ~= "function" and type(value) ~= "thread" or seen[value] then return end
      seen[value] = true
      if type(value) == "table" then
        for _, name in ipairs(WITHHELD) do
          if rawget(value, name) ~= nil then found[#found + 1] = path .. "." .. name end
        end
        for key, item in pairs(value) do
          if key ~= "WITHHELD" then visit(item, path .. "." .. tostring(key)) end
        end
      elseif type(value) == "function" then
        visit(getfenv(value), "getfenv(" .. path .. ")")
      end
      visit(getmetatable(value), "metatable(" .. path .. ")")
    end
    local function look(path)
      return function(...)
        for level = 0, 20 do
          local ok, environment = pcall(getfenv, level)
          if ok then visit(environment, path .. ": pcall(getfenv, " .. level .. ")") end
        end
        for level = 0, 20 do
          local ok, environment = pcall(function() local e = getfenv(level) return e end)
          if ok then visit(environment, path .. ": getfenv(" .. level .. ")") end
        end
        return ...
      end
    end
    visit(_G, "_G")
    visit(getmetatable(""), "metatable of strings")
    look "script" ()
    pcall(look "pcall")
    xpcall(look "xpcall", look "a handler")
    xpcall(error, look "a handler")
    xpcall(getfenv, visit, 1)
    xpcall(getfenv, visit, "2")
    coroutine.wrap(look "a coroutine") ()
    coroutine.resume(coroutine.create(look "a coroutine"))
    visit(coroutine.wrap(look "a coroutine"), "coroutine.wrap")
    visit(({ coroutine.resume(coroutine.create(getfenv), 1) })[2], "a coroutine of getfenv")
    pcall(coroutine.wrap(getfenv), 1)
    table.sort({ 3, 2, 1 }, function(a, b) look "an order" () return a < b end)
    for _, level in ipairs { 0, 1, 2, 3, 4, 5 } do
      visit(({ pcall(getfenv, level) })[2], "pcall(getfenv)")
      visit(({ pcall(getfenv, level + 0.5) })[2], "pcall(getfenv)")
      visit(({ pcall(getfenv, tostring(level)) })[2], "pcall(getfenv)")
      pcall(table.sort, { level, level, level }, function(...) visit(({ pcall(getfenv, ...) })[2], "sort") end)
      pcall(table.sort, { level, level + 1 }, getfenv)
      local heavy = ("x"):rep(60) .. level
      heavy:gsub("x-x-x-x-(%d)", look "gsub")
      heavy:gsub("x-x-x-x-(%d)", function(digit) visit(({ pcall(getfenv, digit) })[2], "gsub") end)
    end
    visit((("x"):rep(60) .. "1"):gmatch("x-x-x-x-(%d)"), "gmatch")
    load(look "load")
    load(function() visit(getfenv(2), "load") end)
    setmetatable({}, { __index = look "__index" }).x = nil
    local _ = setmetatable({}, { __index = look "__index" }).x
    tostring(setmetatable({}, { __tostring = function() look "__tostring" () return "" end }))
    if pcall(require, "granted") then
      visit(require "granted", "granted")
      require "granted" (look "called by a trusted module")
      require "granted" (getfenv, 1)
      visit(select(2, pcall(require "granted", getfenv, 1)), "granted")
      visit(select(2, pcall(require "granted", getfenv, 2)), "granted")
    end
    table.sort(found)
    return table.concat(found, "\n")
  ]]

  for _, options in ipairs { {}, { maxcount = 1e8 }, { maxalloc = 2 ^ 24 } } do
    t.it("reaches nothing that is withheld, with " .. (next(options) or "no limit"), function()
      local st = state.create(nil, options)
      t.equal(st:exec(CRAWL, "=crawl"), "")
      state.register("granted", "return function(fn, ...) local result = fn(...) return result end", { trusted = true })
      t.equal(st:exec(CRAWL, "=crawl"), "")
      state.register("granted", nil)
      st:close()
    end)
  end

  t.it("finds what would be reached: the search above is one", function()
    local st = state.create(nil, { libs = { "base", "table", "string", "coroutine", "io" } })
    t.equal(st:exec(CRAWL, "=crawl"), "_G.io")
    st:close()
  end)

  t.it("has getfenv and setfenv for its own functions", function()
    local st = state.create()
    t.same({ st:exec [[
      local function level() local environment = getfenv(1) return environment end
      local changed = setfenv(level, { getfenv = getfenv })
      local own = changed == level and getfenv(level) == level() and level() ~= _G
      local function outer() local function inner() setfenv(2, { x = 5 }) end inner() return x end
      return own, outer(), getfenv() == _G, getfenv(0) == _G, getfenv(print) == _G, getfenv(pcall) == _G
    ]] }, { true, 5, true, true, true, true })
    for _, where in ipairs { "pcall", "1", "string.gsub", "require" } do -- 1: pcall, which calls it
      local ok, message = st:exec("local ok, message = pcall(setfenv, " .. where .. ", {}) return ok, message")
      t.equal(ok, false)
      t.matches(message, "cannot change environment of given object")
    end
    t.matches(select(2, st:exec "getfenv(-1)"), "invalid level")
    t.matches(select(2, st:exec "getfenv(100)"), "invalid level")
    t.matches(select(2, st:exec "getfenv {}"), "number expected, got table")
    t.matches(select(2, st:exec "setfenv(1)"), "table expected, got nil")
    st:close()
  end)
end)
