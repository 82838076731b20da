-- How a child ended: st.exited and st.exitstatus, st.signaled and st.termsig, st.stopped, st.coredump,
-- st.event ("exec", of a traced one).

local bit = require "bit"

local band, rshift = bit.band, bit.rshift

-- The encoding of wait status, the same on every architecture (man wait(2), kernel/exit.c).
local index = {
  exited = function(self) return band(self.status, 127) == 0 end,
  exitstatus = function(self)
    return band(self.status, 127) == 0 and band(rshift(self.status, 8), 255) or nil
  end,
  signaled = function(self)
    local low = band(self.status, 127)
    return low ~= 0 and low ~= 127
  end,
  termsig = function(self)
    local low = band(self.status, 127)
    return low ~= 0 and low ~= 127 and low or nil
  end,
  coredump = function(self) return band(self.status, 128) ~= 0 and band(self.status, 127) ~= 127 end,
  stopped = function(self) return band(self.status, 255) == 127 end,
  stopsig = function(self)
    return band(self.status, 255) == 127 and band(rshift(self.status, 8), 255) or nil
  end,
  continued = function(self) return self.status == 65535 end,
  -- The name of the signal that killed or stopped it.
  signal = function(self)
    local low = band(self.status, 127)
    if low == 127 and self.status ~= 65535 then
      low = band(rshift(self.status, 8), 255)
    end
    return low ~= 0 and require("callgate.kinds.signals").name(low) or nil
  end,
}

-- What a traced process stopped for, by ptrace(2): "exec", "exit", "clone"; nil for a signal.
function index.event(self)
  local number = rshift(self.status, 16)
  if number == 0 or not index.stopped(self) then
    return nil
  end
  for name, value in pairs(require("callgate.constants").group "PTRACE") do
    local event = value == number and name:match "^PTRACE_EVENT_(.*)$"
    if event then
      return event:lower()
    end
  end
end

local function named(self, number)
  local name = self.signal
  return number .. (name and (" (%s)"):format(name) or "")
end

local mt = {
  __index = function(self, name)
    local get = index[name]
    if not get then
      local hint = require("callgate.suggest").hint(name, index)
      error(("a status has no field %q%s"):format(tostring(name), hint), 2)
    end
    return get(self)
  end,
  __tostring = function(self)
    if self.exited then
      return "exited with " .. self.exitstatus
    elseif self.stopped then
      local event = self.event
      return "stopped by signal " .. named(self, self.stopsig) .. (event and " for " .. event or "")
    elseif self.continued then
      return "continued"
    end
    local termsig = self.termsig
    if not termsig then
      return ("status %d"):format(self.status) -- no wait(2) gives it
    end
    return "killed by signal " .. named(self, termsig) .. (self.coredump and ", core dumped" or "")
  end,
}

return {
  type = function(number)
    number = require("callgate.args").int(number, "status", 1, "status")
    return setmetatable({ status = number }, mt)
  end,
}
