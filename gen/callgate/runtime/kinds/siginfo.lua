-- siginfo as waitid and sigtimedwait fill it in: info.signal ("chld"), info.signo, info.code, info.pid,
-- info.uid, info.status...

local signals = require "callgate.kinds.signals"

-- Where a signal's own facts lie; pid and uid are at the same place for every sender.
local function field(part, name)
  return function(self)
    return self._sifields[part][name]
  end
end

return {
  index = {
    signal = function(self)
      return signals.name(self.si_signo)
    end,
    pid = field("_sigchld", "_pid"),
    uid = field("_sigchld", "_uid"),
    status = field("_sigchld", "_status"),
    utime = field("_sigchld", "_utime"),
    stime = field("_sigchld", "_stime"),
    timerid = field("_timer", "_tid"),
    overrun = field("_timer", "_overrun"),
    addr = field("_sigfault", "_addr"),
    band = field("_sigpoll", "_band"),
    fd = field("_sigpoll", "_fd"),
    int = function(self)
      return self._sifields._rt._sigval.sival_int
    end,
    ptr = function(self)
      return self._sifields._rt._sigval.sival_ptr
    end,
  },
  aliases = { signo = "si_signo", code = "si_code", errno = "si_errno" },
}
