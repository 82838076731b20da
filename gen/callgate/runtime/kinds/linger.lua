-- Whether close waits for what was not yet sent: S.t.linger(5) for so many seconds, S.t.linger { on = true,
-- seconds = 5 }; S.t.linger(0, 0) does not.

local ffi = require "ffi"
local whole = require "callgate.whole"

return {
  takes = { on = true, seconds = true },
  new = function(ctype, first, second)
    if type(first) == "table" and (first.on ~= nil or first.seconds) then
      return ffi.new(ctype, first.on == false and 0 or 1, whole(first.seconds or 0, 32, true, "seconds"))
    elseif type(first) == "number" and second == nil then
      return ffi.new(ctype, 1, whole(first, 32, true, "seconds"))
    end
  end,
  index = { on = function(self) return self.l_onoff ~= 0 end },
  newindex = { on = function(self, on) self.l_onoff = on and 1 or 0 end },
  aliases = { seconds = "l_linger" },
}
