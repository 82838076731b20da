-- siginfo as waitid and sigtimedwait fill it in: info.signal ("chld"), info.signo, info.code, info.reason
-- ("exited", "queue"), info.pid, info.uid, info.status... One to send is made from
-- { signal = "usr1", code = "queue", pid = n, uid = n, value = 5 }.

local ffi = require "ffi"
local signals = require "callgate.kinds.signals"
local whole = require "callgate.whole"

-- Where a signal's own facts lie; pid and uid are at the same place for every sender.
local function field(part, name)
  return function(self)
    return self._sifields[part][name]
  end
end

local function reason(self)
  return signals.reason(self.si_signo, self.si_code)
end

local OPTIONS = { signal = true, code = true, pid = true, uid = true, value = true }

return {
  new = function(ctype, row)
    if type(row) ~= "table" then
      return nil
    end
    for name in pairs(row) do
      if not OPTIONS[name] then -- si_signo...: a table of C's fields, as any record takes it
        return nil
      end
    end
    local group = require("callgate.flags").c
    local self = ffi.new(ctype)
    self.si_signo = group.SIG(row.signal)
    self.si_code = group.SI(row.code or "queue")
    local sender = self._sifields._rt
    sender._pid, sender._uid = whole(row.pid or 0, 32, true, "pid"), whole(row.uid or 0, 32, false, "uid")
    sender._sigval.sival_int = whole(row.value or 0, 32, true, "value")
    return self
  end,
  index = {
    reason = reason,
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
  tostring = function(self)
    return signals.text("siginfo", self, reason(self), self.si_code)
  end,
  aliases = { signo = "si_signo", code = "si_code", errno = "si_errno" },
}
