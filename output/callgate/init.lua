-- Callgate: the Linux system call interface for LuaJIT.
--
--   local S = require "callgate"
--
-- Calls return value(s), or nil, message, errno; misuse is a Lua error. Everything but this table and what finds
-- constants loads when it is first touched: calls by family, constants and types by header.

local has_ffi, ffi = pcall(require, "ffi")
if type(jit) ~= "table" or not has_ffi then
  error("callgate needs LuaJIT with its FFI; this is " .. (type(jit) == "table" and jit.version or _VERSION), 2)
end
require "callgate.place"
local constants = require "callgate.constants" -- nearly every program wants one, if only as a flag of a call
local target = require "callgate.target"

local parts = {
  t = function() return require("callgate.types").t end,
  s = function() return require("callgate.types").s end,
  pt = function() return require("callgate.types").pt end,
  c = function() return require("callgate.flags").c end,
  h = function() return constants.h end,
  syscall = function() return require "callgate.syscall" end,
  sys = function() return require "callgate.sys" end,
  errname = function() return require("callgate.errors").errname end,
  strerror = function() return require("callgate.errors").strerror end,
  preload = function() return require "callgate.preload" end,
  nr = function() return target.numbers end,
  -- S.errno.ENOENT, S.errno.noent
  errno = function() return require("callgate.flags").group "E" end,
  stdin = function() return ffi.gc(require("callgate.fd").type(0), nil) end,
  stdout = function() return ffi.gc(require("callgate.fd").type(1), nil) end,
  stderr = function() return ffi.gc(require("callgate.fd").type(2), nil) end,
}

local S = { _VERSION = target.version }

-- Who may have a name, in the order in which they are asked. No call but a few of ARM's is named in capitals, as
-- constants are: who wants a constant need not load the names of the calls.
local function call(name) return require("callgate.calls").get(name) end
local function written(name) return require("callgate.libc_macros")[name] end

local IN_CAPITALS = { constants.get, written, constants.macro, call }
local OTHERS = { call, constants.get, written, constants.macro }

local function resolve(name)
  local part = parts[name]
  if part then
    return part()
  end
  for _, ask in ipairs(name:find "^_*%u" and IN_CAPITALS or OTHERS) do
    local value = ask(name)
    if value ~= nil then
      return value
    end
  end
end

return setmetatable(S, {
  __index = function(self, name)
    if type(name) ~= "string" then
      return nil
    end
    local value = resolve(name)
    if value ~= nil then
      rawset(self, name, value)
    end
    return value
  end,
})
