-- What happens on a signal: S.t.sigaction "ignore", S.t.sigaction { handler = "default", flags = "restart",
-- mask = "int" }. A handler is "default", "ignore" or a pointer to a C function; old.action tells which.
-- A Lua function cannot be one: the signal may come while LuaJIT is in the middle of anything.

local ffi = require "ffi"

-- asm-generic/signal-defs.h: SIG_DFL and SIG_IGN, the same everywhere
local NAMES = { default = 0, dfl = 0, ignore = 1, ign = 1 }

local FIELDS = { "handler", "flags", "mask", handler = true, flags = true, mask = true }

-- Functions, pointers to them, and what an action had before, which C declares as void * here: the kernel jumps there.
local function is_code(value)
  local name = tostring(ffi.typeof(value))
  return name:find "%)>$" ~= nil or name == "ctype<void *>"
end

local function handler_of(value)
  if value == nil then
    return nil
  elseif NAMES[value] then
    return ffi.cast("void *", NAMES[value])
  elseif type(value) == "cdata" and not tonumber(value) and is_code(value) then
    return ffi.cast("void *", value)
  elseif type(value) == "function" then
    error("a Lua function cannot be called inside a signal; S.on_signal calls one at a safe point", 4)
  end
  local got = require("callgate.errors").got(value)
  error(('expected "default", "ignore" or a pointer to a C function, got %s'):format(got), 4)
end

return {
  new = function(ctype, value, flags, mask)
    if type(value) == "table" then
      for name in pairs(value) do
        if not FIELDS[name] then
          error(('unknown field "%s"; there are handler, flags and mask'):format(tostring(name)), 3)
        end
      end
      value, flags, mask = value.handler or value[1], value.flags or value[2], value.mask or value[3]
    elseif ffi.istype(ctype, value) then
      return nil -- a copy, which the common constructor makes
    end
    local self = ffi.new(ctype)
    self.handler = handler_of(value)
    self.flags = require("callgate.flags").c.SA(flags)
    if mask ~= nil then
      self.mask = require("callgate.types").t.sigset(mask)
    end
    return self
  end,
  index = {
    action = function(self)
      local address = ffi.cast("uintptr_t", self.handler)
      return address == 0 and "default" or address == 1 and "ignore" or self.handler
    end,
  },
}
