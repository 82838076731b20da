-- Callgate: the Linux system call interface for LuaJIT.
--
--   local S = require "callgate"
--
-- Calls return value(s), or nil, message, errno; misuse is a Lua error. Everything but this table
-- loads when it is first touched: calls by family, constants and types by header.

local has_ffi, ffi = pcall(require, "ffi")
if type(jit) ~= "table" or not has_ffi then
  error("callgate needs LuaJIT with its FFI; this is " .. (type(jit) == "table" and jit.version or _VERSION), 2)
end
require "callgate.place"
local target = require "callgate.target"

local parts = {
  t = function() return require("callgate.types").t end,
  s = function() return require("callgate.types").s end,
  pt = function() return require("callgate.types").pt end,
  c = function() return require("callgate.flags").c end,
  h = function() return require("callgate.constants").h end,
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

local function resolve(name)
  local part = parts[name]
  if part then
    return part()
  end
  local fn = require("callgate.calls").get(name)
  if fn then
    return fn
  end
  local constants = require "callgate.constants"
  local value = constants.get(name)
  if value == nil then
    value = require("callgate.libc_macros")[name]
  end
  if value == nil then
    value = constants.macro(name)
  end
  return value
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
