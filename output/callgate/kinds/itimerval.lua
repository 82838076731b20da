-- itimerval: S.t.itimerval(seconds) fires once, { value = seconds, interval = seconds } repeats.

local ffi = require "ffi"
local split = require("callgate.kinds.timeval").split

local function set(tv, value)
  if type(value) == "number" then
    tv.tv_sec, tv.tv_usec = split(value)
  else
    tv.tv_sec, tv.tv_usec = value.tv_sec, value.tv_usec
  end
end

local function seconds(tv)
  return tonumber(tv.tv_sec) + tonumber(tv.tv_usec) / 1e6
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
      return seconds(self.it_value)
    end,
    interval = function(self)
      return seconds(self.it_interval)
    end,
  },
}
