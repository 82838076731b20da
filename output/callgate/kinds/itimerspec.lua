-- itimerspec: S.t.itimerspec(seconds) fires once, { value = seconds, interval = seconds } repeats.

local ffi = require "ffi"
local split = require("callgate.kinds.timespec").split

local function set(ts, value)
  if type(value) == "number" then
    ts.tv_sec, ts.tv_nsec = split(value)
  else
    ts.tv_sec, ts.tv_nsec = value.tv_sec, value.tv_nsec
  end
end

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
      return tonumber(self.it_value.tv_sec) + tonumber(self.it_value.tv_nsec) / 1e9
    end,
    interval = function(self)
      return tonumber(self.it_interval.tv_sec) + tonumber(self.it_interval.tv_nsec) / 1e9
    end,
  },
}
