-- How a thread is scheduled: S.t.sched_attr { policy = "batch", nice = 5 }, { policy = "fifo", priority = 1 },
-- { policy = "deadline", runtime = ns, deadline = ns, period = ns }, flags = "reset_on_fork".

local ffi = require "ffi"
local exact = require "callgate.kinds.exact"
local whole = require "callgate.whole"

-- Short names and the bits of their fields (linux/sched/types.h); nice alone has a sign.
local SHORT = {
  policy = 32, nice = 32, priority = 32, runtime = 64, deadline = 64, period = 64, util_min = 32, util_max = 32,
  flags = 64,
}

local index, newindex = {}, {}

for name, bits in pairs(SHORT) do
  local field = "sched_" .. name
  index[name] = function(self)
    return exact(self[field])
  end
  newindex[name] = function(self, value)
    local c = require("callgate.flags").c
    if name == "policy" then
      value = c.SCHED(value)
    elseif name == "flags" then
      value = c.SCHED_FLAG(value)
    end
    self[field] = whole(value, bits, name == "nice")
  end
end

-- The policy's name.
index.name = function(self)
  for name, number in pairs(require("callgate.constants").group "SCHED") do
    if number == self.sched_policy and not name:find "^SCHED_FLAG" and name ~= "SCHED_RESET_ON_FORK" then
      return name:sub(7):lower()
    end
  end
end

return {
  new = function(ctype, row)
    if type(row) == "string" then
      row = { policy = row }
    elseif type(row) ~= "table" then
      return nil
    end
    local self = ffi.new(ctype)
    self.size = ffi.sizeof(ctype)
    for name, value in pairs(row) do
      self[name] = value
    end
    return self
  end,
  index = index,
  newindex = newindex,
}
