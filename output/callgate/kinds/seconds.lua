-- Times as C has them, whole seconds and a part of one, from and as seconds.
--
-- seconds(unit, per_second) -> split, kind, set, get: for members tv_sec and tv_UNIT, of which so many are a second.
-- split(number) -> whole, part; set(record, number or record); get(record) -> number. kind is timespec's or timeval's.

local ffi = require "ffi"

local new = ffi.new

return function(unit, per_second)
  local member = "tv_" .. unit

  local function split(seconds)
    if type(seconds) ~= "number" or seconds ~= seconds or seconds >= 9.2e18 or seconds <= -9.2e18 then
      error("expected seconds, got " .. require("callgate.errors").got(seconds), 0)
    end
    local whole = math.floor(seconds)
    local part = math.floor((seconds - whole) * per_second + 0.5)
    if part >= per_second then
      return whole + 1, part - per_second
    end
    return whole, part
  end

  local function set(self, value)
    if type(value) == "cdata" then
      self.tv_sec, self[member] = value.tv_sec, value[member]
    else
      self.tv_sec, self[member] = split(value)
    end
  end

  local function get(self)
    return tonumber(self.tv_sec) + tonumber(self[member]) / per_second
  end

  local kind = {
    new = function(ctype, value, part)
      if type(value) == "table" and type(value[1]) == "number" and next(value, 1) == nil then
        value = value[1] -- { 0.5 } is a time, too: there is nothing else in it
      end
      if type(value) == "number" and part == nil then
        return new(ctype, split(value))
      end
    end,
    split = split,
    index = { time = get },
    newindex = {
      time = function(self, value)
        self.tv_sec, self[member] = split(value)
      end,
    },
    aliases = { sec = "tv_sec", [unit] = member },
  }
  return split, kind, set, get
end
