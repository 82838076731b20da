-- The library's own bindings, as `callgate bind` wrote them, on the machine that runs this.

local t = ...

local ffi = require "ffi"
local lua = require "callgate.bound.luajit"
local netbsd = require "callgate.bound.netbsd_lua"

t.describe("LuaJIT's C API", function()
  t.it("makes a state, runs a program and gives its results", function()
    local L = lua.luaL_newstate()
    lua.luaL_openlibs(L)
    t.equal(lua.luaL_dostring(L, "return 6 * 7, ('ab'):rep(2), nil, {}"), false)
    t.equal(lua.lua_gettop(L), 4)
    t.equal(lua.lua_tonumber(L, 1), 42)
    t.equal(ffi.string(lua.lua_tostring(L, 2)), "abab")
    t.equal(tonumber(lua.lua_objlen(L, 2)), 4)
    t.equal(lua.lua_isnil(L, 3), true)
    t.equal(lua.lua_istable(L, 4), true)
    lua.lua_pop(L, 4)
    t.equal(lua.lua_gettop(L), 0)
    lua.lua_close(L)
  end)

  t.it("gives the error that ended a program", function()
    if ffi.arch == "s390x" then
      -- its port loses lua_pcall's result when an error ends the call, by a plain ffi.C.lua_pcall, too
      t.skip "LuaJIT for s390x does not come back whole from an error in another state"
    end
    local L = lua.luaL_newstate()
    lua.luaL_openlibs(L)
    t.equal(lua.luaL_loadstring(L, "error 'no'"), 0)
    t.equal(lua.lua_pcall(L, 0, 0, 0), lua.LUA_ERRRUN)
    t.equal(ffi.string(lua.lua_tostring(L, -1)), "[string \"error 'no'\"]:1: no")
    lua.lua_close(L)
  end)

  t.it("has records with the layout of this machine", function()
    local L = lua.luaL_newstate()
    t.equal(lua.luaL_loadstring(L, "return 1"), 0)
    local info = lua.t.lua_Debug()
    t.equal(lua.lua_getinfo(L, ">Sl", info), 1)
    t.equal(ffi.string(info.what), "main")
    t.equal(ffi.string(info.short_src), '[string "return 1"]')
    t.equal(info.currentline, -1)
    lua.lua_close(L)
  end)

  t.it("passes integers to variadic functions where asked to", function()
    local L = lua.luaL_newstate()
    local said = lua.lua_pushfstring(L, "%d of %s", lua.int(3), "four")
    t.equal(ffi.string(said), "3 of four")
    lua.lua_close(L)
  end)
end)

t.describe("NetBSD's sys/lua.h", function()
  t.it("has the numbers and sizes of this size of pointers", function()
    local wide = ffi.abi "64bit"
    t.equal(netbsd.LUAINFO, wide and 0xC0106C00 or 0xC0086C00)
    t.equal(ffi.sizeof(netbsd.t.lua_info), wide and 16 or 8)
    t.equal(netbsd.LUACREATE, 0xC0506C01)
    t.equal(netbsd.LUADESTROY, 0xC0506C02)
    t.equal(netbsd.LUAREQUIRE, 0xC0306C03)
    t.equal(netbsd.LUALOAD, 0xC4106C04)
    t.equal(ffi.sizeof(netbsd.t.lua_create), 80)
    t.equal(ffi.sizeof(netbsd.t.lua_require), 48)
    t.equal(ffi.sizeof(netbsd.t.lua_load), 1040)
    t.equal(ffi.sizeof(netbsd.t.lua_state_info), 81)
    t.equal(ffi.alignof(netbsd.t.lua_state_info), 1)
    t.equal(ffi.offsetof(netbsd.t.lua_state_info, "user"), 80)
  end)
end)

t.describe("a bound file", function()
  t.it("names the nearest name, and tells why one is left out", function()
    local _, why = pcall(function()
      return lua.lua_pushvaleu
    end)
    t.matches(why, 'did you mean "lua_pushvalue"%?')
    _, why = pcall(function()
      return lua.lua_pushvfstring
    end)
    t.matches(why, "lua_pushvfstring is left out: takes a va_list")
    _, why = pcall(function()
      return lua.t.lua_Sate
    end)
    t.matches(why, 'did you mean "lua_State"%?')
  end)

  t.it("shares its types with another copy of itself", function()
    package.loaded["callgate.bound.luajit"] = nil
    local again = require "callgate.bound.luajit"
    t.ok(again ~= lua)
    t.ok(again.t.lua_Debug == lua.t.lua_Debug)
    local L = again.luaL_newstate()
    t.equal(lua.lua_gettop(L), 0)
    again.lua_close(L)
  end)
end)
