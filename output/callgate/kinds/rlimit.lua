-- A resource's limits: { cur = n, max = n }; "infinity" is none.

local ffi = require "ffi"
local exact = require "callgate.kinds.exact"

local INFINITY = -1ULL -- linux/resource.h: RLIM64_INFINITY

local function set(value)
  return value == "infinity" and INFINITY or type(value) ~= "string" and require "callgate.whole"(value, 64) or value
end

local function get(value)
  return value == INFINITY and "infinity" or exact(value)
end

return {
  takes = { cur = true, max = true },
  values = 2,
  new = function(ctype, cur, max)
    if type(cur) == "table" then
      cur, max = cur.cur or cur[1], cur.max or cur[2]
      if (cur == nil) ~= (max == nil) then -- a limit that is lowered unasked may not be raised again
        error("rlimit: expected cur and max, or one number for both", 3)
      end
    elseif type(cur) == "cdata" or cur == nil then
      return nil
    end
    if cur == nil then
      cur, max = 0, max or 0
    end
    return ffi.new(ctype, set(cur), set(max or cur))
  end,
  index = {
    cur = function(self) return get(self.rlim_cur) end,
    max = function(self) return get(self.rlim_max) end,
  },
}
