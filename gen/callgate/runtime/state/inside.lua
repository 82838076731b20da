-- Where LuaJIT keeps what machine.c has to put right: found by watching, since the layout of its records
-- differs from version to version and from processor to processor.
--
-- inside.of(L) -> address of the reference to the running lua_State, index of a lua_State's word `top`, the bits of
--   a word that are a reference; nil, 0, 0 where it is not found beyond doubt: then nothing is put right
--   fourth, the address of its allocator and that one's data, if machine.c's `discard` can end such a state, or nil
-- inside.pace(L) -> address of the number that LUA_GCSETSTEPMUL sets, or nil
-- inside.hooks(L) -> address of the byte that is the mask of its hooks, or nil
-- inside.count(L) -> address of the number of instructions that are left until its hook is called, or nil
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

-- The bytes of an array of one or more numbers or pointers.
local function bytes_of(ctype, ...)
  local values = ffi.new(ctype, { ... })
  return ffi.string(cast("const char *", values), ffi.sizeof(values))
end

-- How many bytes after the first lua_State lies what follows each change: a function(value) that makes it, for each of
-- the values, and returns the bytes that are there then. nil where that is not one place.
local function watched(L, values, change)
  local places
  for _, value in ipairs(values) do
    local bytes, kept = change(value), {}
    local memory = ffi.string(cast("const char *", address(L)), REACH)
    local first = memory:find(bytes, 1, true)
    while first do
      kept[first] = (places == nil or places[first]) or nil
      first = memory:find(bytes, first + 1, true)
    end
    places = kept
  end
  local first = next(places)
  return first and next(places, first) == nil and first - 1 or nil
end

-- The reference to the lua_State that has run last.
local function current_of(L)
  return watched(L, { M.lua_newthread(L), L, M.lua_newthread(L), L }, function(ran)
    local _ = M.luaL_loadstring(ran, "") == 0 and M.lua_pcall(ran, 0, 0, 0)
    return bytes_of(REFERENCE == 8 and "uint64_t[1]" or "uint32_t[1]", address(ran))
  end)
end

-- The allocator and its data; nil where it is not LuaJIT's own, which keeps its record at the beginning of the memory
-- that the state lies in (lj_alloc.c, lj_alloc_create).
local function place_of(L)
  local data = ffi.new "void *[1]"
  local fn = M.lua_getallocf(L, data)
  local arena = data[0]
  if address(L) - cast("size_t", arena) > ARENA then
    return nil
  end
  return watched(L, { cast("void *", fn), arena }, function(given)
    M.lua_setallocf(L, fn, given)
    return bytes_of("void *[2]", cast("void *", fn), given)
  end)
end

-- The number that LUA_GCSETSTEPMUL sets.
local function pace_of(L)
  return watched(L, { 54321, 12345, 200 }, function(percent)
    M.lua_gc(L, M.LUA_GCSETSTEPMUL, percent)
    return bytes_of("uint32_t[1]", percent)
  end)
end

-- The mask of its hooks, a byte.
local function hooks_of(L)
  local found = watched(L, { M.LUA_MASKCOUNT, M.LUA_MASKLINE }, function(mask)
    M.lua_sethook(L, cast(M.t.lua_Hook, M.luaL_error), mask, 1) -- never called: nothing runs
    return string.char(mask)
  end)
  M.lua_sethook(L, nil, 0, 0)
  return found
end

-- How many instructions are left; behind it, how many there were.
local function count_of(L)
  local found = watched(L, { 54321, 12345 }, function(count)
    M.lua_sethook(L, cast(M.t.lua_Hook, M.luaL_error), M.LUA_MASKCOUNT, count)
    return bytes_of("int32_t[2]", count, count)
  end)
  M.lua_sethook(L, nil, 0, 0)
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
local top, current, place, pace, hooks, count
if probe ~= nil then
  top, current, place, pace = top_of(probe), current_of(probe), place_of(probe), pace_of(probe)
  hooks, count = hooks_of(probe), count_of(probe)
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
  count = function(L)
    return behind(L, count)
  end,
}
