-- sigevent: from a signal, "usr1", or { notify = "thread_id", signo = "usr1", value = 7, tid = tid }; "none" is no
-- notification.

local ffi = require "ffi"
local whole = require "callgate.whole"

local FIELDS = { signo = true, value = true, notify = true, tid = true }

local function signal_of(value)
  return type(value) == "string" and require("callgate.flags").c.SIG(value) or value
end

return {
  new = function(ctype, value)
    local c = require("callgate.flags").c
    local self = ffi.new(ctype)
    if type(value) == "string" and value:lower():gsub("^sigev_", "") == "none" then
      self.sigev_notify = c.SIGEV.NONE
    elseif type(value) == "string" or type(value) == "number" then
      self.sigev_notify = c.SIGEV.SIGNAL
      self.sigev_signo = whole(signal_of(value), 32, true, "signo")
    elseif type(value) == "table" then
      for name in pairs(value) do
        if not FIELDS[name] then
          error(("unknown field %q; there are notify, signo, value and tid"):format(tostring(name)), 3)
        end
      end
      self.sigev_notify = c.SIGEV(value.notify or (value.tid and "thread_id") or (value.signo and "signal") or "none")
      self.sigev_signo = whole(signal_of(value.signo) or 0, 32, true, "signo")
      if type(value.value) == "cdata" and not tonumber(value.value) then
        self.sigev_value.sival_ptr = value.value
      else
        self.sigev_value.sival_int = whole(value.value or 0, 32, true, "value")
      end
      if value.tid then
        self._sigev_un._tid = whole(value.tid, 32, true, "tid")
      end
    else
      return nil
    end
    return self
  end,
  aliases = { signo = "sigev_signo", notify = "sigev_notify" },
  index = {
    value = function(self) return self.sigev_value.sival_int end,
    tid = function(self) return self._sigev_un._tid end,
  },
}
