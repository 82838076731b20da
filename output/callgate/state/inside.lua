-- Where LuaJIT keeps what machine.c has to put right: found by watching, since the layout of its records
-- differs from version to version and from processor to processor.
--
-- inside.of(L) -> address of the reference to the running lua_State, index of a lua_State's word `top`, the bits of
--   a word that are a reference; nil, 0, 0 where it is not found beyond doubt: then nothing is put right
--   fourth, the address of its allocator and that one's data, if machine.c's `discard` can end such a state, or nil
-- inside.pace(L) -> address of the number that LUA_GCSETSTEPMUL sets, or nil
-- inside.hooks(L) -> address of the byte that is the mask of its hooks, or nil
--
-- A lua_State has base, top, maxstack, stack one after another (lj_obj.h): two pointers and two references, which
-- have 32 bits on some 64-bit machines. global_State, which has cur_L, follows the first lua_State in one
-- allocation of several thousand bytes (lj_state.c: GG_State).

local ffi = require "ffi"
local bit = require "bit"
local M = require "callgate.bound.luajit"
local machine = require "callgate.state.machine"
local native = require "callgate.state.native"

-- The same words are read before and after calls that change them, and of changing width: no compiler shall
-- take one reading for another.
jit.off(true, true)

local cast = ffi.cast
local WORD = ffi.sizeof "size_t"
local REFERENCE = (ffi.abi "32bit" or ffi.abi "gc64") and WORD or 4
local MASK = cast("size_t", REFERENCE == 8 and 0xffffffffffffffffULL or 0xffffffffULL)
local SLOT = 8 -- bytes of a TValue
local LEAST = 14 -- words: about a lua_State
local REACH = 2048 -- bytes
local ARENA = 131072 -- bytes: DEFAULT_GRANULARITY of lj_alloc.c
local MOST = 65536 * SLOT -- no stack is larger: LJ_STACK_MAX, LJ_STACK_EXTRA

local function address(L)
  return cast("size_t", cast("void *", L))
end

-- The reference that lies at an address, as machine.c reads it.
local function reference(where)
  local word = ffi.new "size_t[1]"
  ffi.copy(word, cast("void *", where), WORD)
  return WORD == 4 and word[0] or bit.band(word[0], MASK)
end

-- The word that grows as values are pushed, base before it, maxstack and stack after it.
local function top_of(L)
  local words, found = cast("size_t *", cast("void *", L)), nil
  for i = 1, LEAST do
    local before = words[i]
    M.lua_pushnil(L)
    local follows = words[i] == before + SLOT
    M.lua_settop(L, -2)
    local maxstack = reference(address(L) + (i + 1) * WORD)
    local stack = reference(address(L) + (i + 1) * WORD + REFERENCE)
    if follows and words[i] == before and words[i - 1] + M.lua_gettop(L) * SLOT == before
      and stack < before and before < maxstack and maxstack - stack < MOST then
      if found then
        return nil
      end
      found = i
    end
  end
  return found
end

-- How many bytes after the first lua_State the reference lies to the one that has run last.
local function current_of(L)
  local candidates
  for _ = 1, 2 do
    local co = M.lua_newthread(L)
    for _, ran in ipairs { co, L } do
      if M.luaL_loadstring(ran, "") ~= 0 or M.lua_pcall(ran, 0, 0, 0) ~= 0 then
        return nil
      end
      local names = {}
      for at = LEAST * REFERENCE, REACH, REFERENCE do
        if (candidates == nil or candidates[at]) and reference(address(L) + at) == address(ran) then
          names[at] = true
        end
      end
      candidates = names
    end
  end
  local at = next(candidates)
  return at and next(candidates, at) == nil and at or nil
end

-- How many bytes after the first lua_State lie the allocator and its data; nil where it is not LuaJIT's own, which
-- keeps its record at the beginning of the memory that the state lies in (lj_alloc.c, lj_alloc_create).
local function place_of(L)
  local data = ffi.new "void *[1]"
  local fn = M.lua_getallocf(L, data)
  local arena = data[0]
  if address(L) - cast("size_t", arena) > ARENA then
    return nil
  end
  local candidates
  for _, given in ipairs { cast("void *", fn), arena } do
    M.lua_setallocf(L, fn, given)
    local found = {}
    for at = 0, REACH, WORD do
      local words = cast("void **", address(L) + at)
      if (candidates == nil or candidates[at]) and words[0] == cast("void *", fn) and words[1] == given then
        found[at] = true
      end
    end
    candidates = found
  end
  local at = next(candidates)
  return at and next(candidates, at) == nil and at or nil
end

-- How many bytes after the first lua_State lies the number that is set so.
local function pace_of(L)
  local before = M.lua_gc(L, M.LUA_GCSETSTEPMUL, 200)
  local candidates
  for _, given in ipairs { 54321, 12345 } do
    M.lua_gc(L, M.LUA_GCSETSTEPMUL, given)
    local found = {}
    for at = 0, REACH, 4 do
      if (candidates == nil or candidates[at]) and cast("uint32_t *", address(L) + at)[0] == given then
        found[at] = true
      end
    end
    candidates = found
  end
  M.lua_gc(L, M.LUA_GCSETSTEPMUL, before)
  local at = next(candidates)
  return at and next(candidates, at) == nil and at or nil
end

-- And the mask of its hooks, as which hooks there are changes.
local function hooks_of(L)
  local function bytes(mask)
    M.lua_sethook(L, cast(M.t.lua_Hook, M.luaL_error), mask, 1) -- never called: nothing runs
    return ffi.string(cast("const char *", address(L)), REACH)
  end
  local counting, stepping = bytes(M.LUA_MASKCOUNT), bytes(M.LUA_MASKLINE)
  M.lua_sethook(L, nil, 0, 0)
  local found
  for at in counting:gmatch("()" .. string.char(M.LUA_MASKCOUNT)) do
    if stepping:byte(at) == M.LUA_MASKLINE then
      if found then
        return nil
      end
      found = at - 1
    end
  end
  return found
end

-- Ends the probe as other states will be ended; whether that went as machine.c has it.
local function ended(L, top, place)
  local data = ffi.new "void *[1]"
  local control = ffi.new(native.control)
  control.inner = cast("void *", M.lua_getallocf(L, data))
  control.arena, control.L, control.top = data[0], L, top
  control.place = cast("void *", address(L) + place)
  M.lua_setallocf(L, cast(M.t.lua_Alloc, machine.discard), control)
  M.lua_close(L)
  return control.place == nil
end

local probe = M.luaL_newstate() -- all states of this LuaJIT are alike
local top, current, place, pace, hooks
if probe ~= nil then
  top, current, place, pace, hooks = top_of(probe), current_of(probe), place_of(probe), pace_of(probe), hooks_of(probe)
  if not (top and place and machine.discard and REFERENCE == WORD) then
    M.lua_close(probe)
    place = nil
  elseif not ended(probe, top, place) then
    place = nil
  end
end

local function behind(L, bytes)
  return bytes and cast("void *", address(L) + bytes)
end

return {
  of = function(L)
    if top and current then
      return behind(L, current), top, MASK, behind(L, place)
    end
    return nil, 0, 0
  end,
  pace = function(L)
    return behind(L, pace)
  end,
  hooks = function(L)
    return behind(L, hooks)
  end,
}
