-- timeval: from seconds as a number, from { sec, usec } or fields; tv.time is seconds as a number.

local ffi = require "ffi"

local new = ffi.new

-- Whole seconds and microseconds of a number of seconds.
local function split(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds >= 9.2e18 or seconds <= -9.2e18 then
    error("expected seconds, got " .. require("callgate.errors").got(seconds), 0)
  end
  local whole = math.floor(seconds)
  local usec = math.floor((seconds - whole) * 1e6 + 0.5)
  if usec >= 1000000 then
    return whole + 1, usec - 1000000
  end
  return whole, usec
end

return {
  new = function(ctype, value, usec)
    if type(value) == "number" and usec == nil then
      return new(ctype, split(value))
    end
  end,
  split = split,
  index = {
    time = function(self)
      return tonumber(self.tv_sec) + tonumber(self.tv_usec) / 1e6
    end,
  },
  newindex = {
    time = function(self, seconds)
      self.tv_sec, self.tv_usec = split(seconds)
    end,
  },
  aliases = { sec = "tv_sec", usec = "tv_usec" },
}
