-- What a signalfd reads: info.signal ("term"), info.signo, info.pid, info.uid, info.status.

local names

return {
  index = {
    signal = function(self)
      if not names then
        names = {}
        for name, number in pairs(require("callgate.constants").group "SIG") do
          names[number] = names[number] or name:sub(4):lower()
        end
      end
      return names[self.ssi_signo]
    end,
  },
  aliases = { signo = "ssi_signo", pid = "ssi_pid", uid = "ssi_uid", status = "ssi_status", code = "ssi_code" },
}
