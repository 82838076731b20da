-- timespec: from seconds as a number, from { sec, nsec } or fields; ts.time is seconds as a number.

local ffi = require "ffi"

local new = ffi.new

-- Whole seconds and nanoseconds of a number of seconds.
local function split(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds >= 9.2e18 or seconds <= -9.2e18 then
    error("expected seconds, got " .. require("callgate.errors").got(seconds), 0)
  end
  local whole = math.floor(seconds)
  local nsec = math.floor((seconds - whole) * 1e9 + 0.5)
  if nsec >= 1000000000 then
    return whole + 1, nsec - 1000000000
  end
  return whole, nsec
end

return {
  new = function(ctype, value, nsec)
    if type(value) == "number" and nsec == nil then
      return new(ctype, split(value))
    end
  end,
  split = split,
  index = {
    time = function(self)
      return tonumber(self.tv_sec) + tonumber(self.tv_nsec) / 1e9
    end,
    nanoseconds = function(self)
      return self.tv_sec * 1000000000LL + self.tv_nsec
    end,
  },
  newindex = {
    time = function(self, seconds)
      self.tv_sec, self.tv_nsec = split(seconds)
    end,
  },
  aliases = { sec = "tv_sec", nsec = "tv_nsec" },
}
