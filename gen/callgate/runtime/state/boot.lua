-- Making a lua_State that is ready to be called, and ending it: no error leaves a function of the C API
-- that is called here.

local ffi = require "ffi"
local constants = require "callgate.constants"
local native = require "callgate.state.native"
local sys = require "callgate.sys"
local M = require "callgate.bound.luajit"
local machine = require "callgate.state.machine"
local inside = require "callgate.state.inside"

local C, cast = native.C, ffi.cast
local allocator = machine.limiter and cast(M.t.lua_Alloc, machine.limiter)
local discarder = machine.discard and cast(M.t.lua_Alloc, machine.discard)
local boundless = cast("size_t", -1)
local state_pointer = ffi.typeof("$ *", M.t.lua_State)

local boot = {}

boot.limits_memory = allocator and true or false

-- The codec, the same one on both sides; LuaJITs of before 2021 have no string.buffer.
local has_buffers = pcall(require, "string.buffer")
boot.codec = require(has_buffers and "callgate.state.codec" or "callgate.state.plain")
local codec = boot.codec()

-- The functions that run inside, as bytecode: kept here, since states read them where they lie. Stripped
-- of names and lines, which no script's message should show.
local AT_ONCE = { "sandbox", "guard", "callbacks", "costs" } -- after the first: where a script is guarded
-- When they are first wanted.
local LATER = { "imports", "store", "trusted", "environments", "drained", "patterns", "measure", "match" }
local dumps = { codec = string.dump(boot.codec, true) }
for _, names in ipairs { { "child" }, AT_ONCE, LATER } do
  for _, name in ipairs(names) do
    dumps[name] = string.dump(require("callgate.state." .. name), true)
  end
end

-- How many times as long this machine takes for the same as those that costs.lua has its prices from: at least once. It
-- is asked by compiling a text, which took them 75 microseconds; the best of three, as one may meet a busy moment.
local TEXT, USUAL = ("x = y + 1\n"):rep(400), 75e-6

local function slowness()
  local best = math.huge
  for _ = 1, 3 do
    local began = os.clock()
    assert(loadstring(TEXT))
    best = math.min(best, os.clock() - began)
  end
  return math.max(1, best / USUAL)
end

local slow = slowness()

local function address(memory)
  return tonumber(cast("uintptr_t", cast("const void *", memory)))
end

-- Lines "imports 140737488347136 1499": where they lie, and how many bytes. A table would take each state longer.
boot.modules = ""
for _, name in ipairs(LATER) do
  boot.modules = boot.modules .. ("%s %d %d\n"):format(name, address(dumps[name]), #dumps[name])
end

-- luaopen_* are called protected, one by one: luaL_openlibs raises where memory is short.
local openers = setmetatable({}, {
  __index = function(self, name)
    local fn = cast(M.t.lua_CFunction, M["luaopen_" .. name])
    self[name] = fn
    return fn
  end,
})

local PAGE, BOOTED = 4096, 106496 -- bytes; about as much as a state has when it is ready
local POPULATE_WRITE = constants.get "MADV_POPULATE_WRITE"

-- The pages that are about to be filled, had at once instead of fault by fault: a tenth of what a state costs. They
-- follow L in the first 128 KB of LuaJIT's allocator (lj_alloc.c); what refuses this (before Linux 5.14) loses nothing.
local function populate(L)
  local at = address(L)
  sys.madvise(at - at % PAGE, BOOTED, POPULATE_WRITE)
end

local FULL = "not enough memory" -- lj_errmsg.h: ERRMEM
local NEEDED = { "base", "package", "table", "string", "math", "bit", "debug", "ffi" }

local function load(L, name)
  local dump = dumps[name]
  return M.luaL_loadbufferx(L, dump, #dump, "=callgate.state", "b") == 0
end

local function open(L, names)
  for i = 1, #names do
    if M.lua_cpcall(L, openers[names[i]], nil) ~= 0 then
      return false
    end
  end
  return true
end

-- A state made as `config` says (sandbox.lua), with C libraries `extra`, and with the JIT compiler on if it
-- `compiles`: its control record and the hook of its instruction limit; or nil and, where it is not for want of
-- memory, a message. `own`: a lua_Alloc and its opaque pointer that provide the memory, where not LuaJIT's.
function boot.make(config, extra, compiles, own)
  local control = C.callgate_state_calloc(1, ffi.sizeof(native.control))
  local L = own and M.lua_newstate(cast(M.t.lua_Alloc, own[1]), own[2]) or M.luaL_newstate()
  if control == nil or L == nil then
    C.callgate_state_free(control)
    if L ~= nil then
      M.lua_close(L)
    end
    return nil
  end
  if not own then
    populate(L)
  end
  M.lua_gc(L, M.LUA_GCSTOP, 0) -- nearly all of this stays
  control = cast(native.control_pointer, control)
  local arena = ffi.new "void *[1]"
  control.inner = cast("void *", M.lua_getallocf(L, arena))
  control.arena, control.L, control.pcall = arena[0], L, cast("void *", M.lua_pcall)
  control.limit, control.hard, control.soft = boundless, boundless, boundless
  control.used = M.lua_gc(L, M.LUA_GCCOUNT, 0) * 1024 + M.lua_gc(L, M.LUA_GCCOUNTB, 0)
  if allocator then
    M.lua_setallocf(L, allocator, control)
  end
  local ready = open(L, NEEDED) and open(L, extra)
  M.luaJIT_setmode(L, 0, M.LUAJIT_MODE_ENGINE + M.LUAJIT_MODE_OFF) -- nothing here is worth compiling
  ready = ready and load(L, "child") and load(L, "codec") and M.lua_pcall(L, 0, 1, 0) == 0
  if ready then
    local counter = inside.count(L)
    config.control, config.counter, config.slowness = address(control), counter and address(counter), slow
    local where, length = codec.encode(config)
    M.lua_pushnumber(L, where)
    M.lua_pushnumber(L, length)
    local guarded = not config.all or config.limited
    for i = 1, guarded and #AT_ONCE or 1 do
      ready = ready and load(L, AT_ONCE[i])
    end
    ready = ready and M.lua_pcall(L, guarded and 3 + #AT_ONCE or 4, 1, 0) == 0
  end
  if not ready then
    local message = M.lua_type(L, -1) == M.LUA_TSTRING and ffi.string(M.lua_tolstring(L, -1, nil)) or nil
    boot.close(control)
    return nil, message ~= FULL and message or nil
  end
  M.lua_gc(L, M.LUA_GCRESTART, 0)
  if compiles then
    M.luaJIT_setmode(L, 0, M.LUAJIT_MODE_ENGINE + M.LUAJIT_MODE_ON)
  end
  local place
  control.current, control.top, control.mask, place = inside.of(L)
  control.place, control.hooks = not own and place or nil, inside.hooks(L)
  local hook = M.lua_gethook(L)
  M.lua_sethook(L, nil, 0, 0)
  return control, hook
end

-- Ends it. LuaJIT frees its memory as a whole only through its own allocator.
function boot.close(control)
  local L = cast(state_pointer, control.L)
  M.lua_sethook(L, nil, 0, 0)
  if control.place ~= nil then
    M.lua_setallocf(L, discarder, control)
  elseif allocator then
    M.lua_setallocf(L, cast(M.t.lua_Alloc, control.inner), control.arena)
  end
  M.lua_close(L)
  C.callgate_state_free(control)
end

return boot
