-- Where LuaJIT keeps what limiter.c has to put right: found by watching, since the layout of its records
-- differs from version to version and from processor to processor.
--
-- inside(L) -> address of the word that names the running lua_State, or nil; index of a lua_State's word `top`
--
-- lua_State has one after another base, top, maxstack, stack (lj_obj.h), all words of the machine's size where
-- LuaJIT has no 32-bit references on a 64-bit machine; global_State, which has cur_L, follows the first
-- lua_State in one allocation (lj_state.c: GG_State). What is not found beyond doubt is not used.

local ffi = require "ffi"
local M = require "callgate.bound.luajit"

local cast = ffi.cast
local SLOT = 8 -- bytes of a TValue
local WORDS = 20 -- at least that many does a lua_State with what follows it have
local REACH = 256 -- words: GG_State has several thousand bytes

local function words(L)
  return cast("size_t *", cast("void *", L))
end

-- The word that is the stack's top: the one that follows lua_gettop and has base before, maxstack after it.
local function top_of(L)
  local state, found = words(L), nil
  for i = 1, WORDS - 3 do
    local before = state[i]
    M.lua_pushnil(L)
    local follows = state[i] == before + SLOT
    M.lua_settop(L, -2)
    local base, top, most, bottom = state[i - 1], state[i], state[i + 1], state[i + 2]
    if follows and top == before and base + M.lua_gettop(L) * SLOT == top and bottom < base and top < most
      and most - bottom < 65536 * SLOT then
      if found then
        return nil
      end
      found = i
    end
  end
  return found
end

-- The word that names the lua_State which has run last.
local function current_of(L)
  local main, candidates = words(L), nil
  local before = M.lua_gettop(L)
  for _ = 1, 2 do
    local co = M.lua_newthread(L)
    for _, ran in ipairs { co, L } do
      if M.luaL_loadstring(ran, "") ~= 0 or M.lua_pcall(ran, 0, 0, 0) ~= 0 then
        M.lua_settop(L, before)
        return nil
      end
      local address, names = cast("size_t", cast("void *", ran)), {}
      for i = WORDS, REACH do
        if main[i] == address and (candidates == nil or candidates[i]) then
          names[i] = true
        end
      end
      candidates = names
    end
  end
  M.lua_settop(L, before)
  local at = next(candidates)
  return at and next(candidates, at) == nil and at or nil
end

local probe = M.luaL_newstate()
local top, current
if probe ~= nil then
  top, current = top_of(probe), current_of(probe)
  M.lua_close(probe)
end

return function(L)
  if top and current then
    return cast("void *", words(L) + current), top
  end
  return nil, 0
end
