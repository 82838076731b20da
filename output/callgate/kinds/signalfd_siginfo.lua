-- What a signalfd reads: info.signal ("term"), info.signo, info.reason ("user"), info.pid, info.uid, info.status...

local exact = require "callgate.kinds.exact"
local signals = require "callgate.kinds.signals"

local index = {
  signal = function(self)
    return signals.name(self.ssi_signo)
  end,
  addr = function(self)
    return exact(self.ssi_addr)
  end,
  utime = function(self)
    return exact(self.ssi_utime)
  end,
  stime = function(self)
    return exact(self.ssi_stime)
  end,
}

local aliases = {}
for _, name in ipairs {
  "signo", "errno", "code", "pid", "uid", "fd", "tid", "band", "overrun", "trapno", "status", "int",
} do
  aliases[name] = "ssi_" .. name
end

function index.reason(self)
  return signals.reason(self.ssi_signo, self.ssi_code)
end

return {
  index = index,
  aliases = aliases,
  tostring = function(self)
    return signals.text("signalfd_siginfo", self, index.reason(self), self.ssi_code)
  end,
}
