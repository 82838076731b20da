-- gettimeofday, by clock_gettime: the two tell the same time, and only the second has one form everywhere.

local args = require "callgate.args"
local calls = require "callgate.calls"

local clocks = {}

function clocks.gettimeofday()
  local clock = calls.get "clock_gettime"
  local timeval = require("callgate.types").t.timeval
  local REALTIME = require("callgate.flags").group("CLOCK").REALTIME
  local now = require("callgate.types").t.timespec()
  return function(tv)
    tv = args.out(tv, "gettimeofday", 1, "tv", timeval)
    local found, message, errno = clock(REALTIME, now)
    if not found then
      return nil, message, errno
    end
    tv.tv_sec, tv.tv_usec = now.tv_sec, now.tv_nsec / 1000
    return tv
  end
end

return clocks
