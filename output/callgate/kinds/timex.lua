-- How the kernel keeps a clock: S.t.timex { freq = 65536, status = "pll, unsync" } sets what it names, S.t.timex() only
-- reads. modes are the names of ADJ_*, by default those of the fields that are given.

local ffi = require "ffi"
local whole = require "callgate.whole"

-- The mode that has the kernel look at a field (linux/timex.h).
local MODES = {
  offset = "offset", freq = "frequency", maxerror = "maxerror", esterror = "esterror", status = "status",
  constant = "timeconst", tick = "tick",
}

-- Loaded when a name is first asked for: who has the clock read needs none.
local flags = setmetatable({}, {
  __index = function(self, name)
    local found = require("callgate.flags")[name]
    rawset(self, name, found)
    return found
  end,
})

local function names_of(group, number)
  local names = {}
  for _, name in ipairs(flags.names(group)) do
    local value = group[name]
    if math.floor(number / value) % 2 == 1 then -- every name is one bit
      names[#names + 1] = name
    end
  end
  return table.concat(names, ", ")
end

return {
  new = function(ctype, row)
    if type(row) ~= "table" or #row > 0 then
      return nil
    end
    local c = flags.c
    local self = ffi.new(ctype)
    local modes = 0
    for name, value in pairs(row) do
      if name == "modes" then
        self.modes = c.ADJ(value)
      elseif name == "time" then
        local sec, fraction = require("callgate.kinds.timespec").split(value)
        self.time.tv_sec = sec
        self.time.tv_usec = fraction / 1000
        modes = flags.either(modes, c.ADJ.SETOFFSET)
      elseif MODES[name] then
        self[name] = whole(name == "status" and c.STA(value) or value, name == "status" and 32 or 64, true, name)
        modes = flags.either(modes, c.ADJ[MODES[name]])
      else
        error(("unknown field %q; there are constant, esterror, freq, maxerror, modes, offset, status, tick and time")
          :format(tostring(name)), 3)
      end
    end
    self.modes = row.modes ~= nil and self.modes or modes
    return self
  end,
  index = {
    -- The clock's time in seconds.
    seconds = function(self)
      local nano = math.floor(self.status / flags.c.STA.NANO) % 2 == 1
      return tonumber(self.time.tv_sec) + tonumber(self.time.tv_usec) / (nano and 1e9 or 1e6)
    end,
    -- What the status says, by name: "pll, unsync".
    flags = function(self)
      return names_of(flags.c.STA, self.status)
    end,
    synchronized = function(self)
      return math.floor(self.status / flags.c.STA.UNSYNC) % 2 == 0
    end,
  },
}
