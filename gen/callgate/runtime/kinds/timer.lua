-- What itimerspec and itimerval have in common: timer(unit, per_second, name) is their kind, with what seconds.lua
-- takes and the type of their members. S.t.itimerval(seconds) fires once, { value = seconds, interval = seconds }
-- repeats; two without names are in C's order: { interval, value }.

local ffi = require "ffi"
local seconds = require "callgate.kinds.seconds"

return function(unit, per_second, name)
  local _, _, set, get = seconds(unit, per_second)

  local function time(value)
    return type(value) == "table" and require("callgate.types").t[name](value) or value
  end

  return {
    takes = { value = true, interval = true },
    values = 2,
    new = function(ctype, first, second)
      local value, interval
      if type(first) == "table" then
        value, interval, first, second = first.value, first.interval, first[1], first[2]
      elseif type(first) ~= "number" and (type(first) ~= "cdata" or ffi.istype(ctype, first)) then
        return nil
      end
      if second ~= nil then
        interval, value = interval or first, value or second
      else
        value = value or first
      end
      if not value and not interval then
        return nil
      end
      local self = ffi.new(ctype)
      set(self.it_value, time(value) or 0)
      set(self.it_interval, time(interval) or 0)
      return self
    end,
    index = {
      value = function(self)
        return get(self.it_value)
      end,
      interval = function(self)
        return get(self.it_interval)
      end,
    },
  }
end
