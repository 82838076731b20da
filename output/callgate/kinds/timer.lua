-- What itimerspec and itimerval have in common: timer(unit, per_second), as seconds.lua takes them, is their kind.
-- S.t.itimerval(seconds) fires once, { value = seconds, interval = seconds } repeats.

local ffi = require "ffi"
local seconds = require "callgate.kinds.seconds"

return function(unit, per_second)
  local _, _, set, get = seconds(unit, per_second)

  return {
    takes = { value = true, interval = true },
    new = function(ctype, value, interval)
      if type(value) == "table" and (value.value or value.interval or type(value[1]) == "number") then
        value, interval = value.value or value[1] or 0, value.interval or value[2]
      elseif type(value) ~= "number" then
        return nil
      end
      local self = ffi.new(ctype)
      set(self.it_value, value)
      if interval then
        set(self.it_interval, interval)
      end
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
