-- What a packet socket is to receive besides: { ifindex = "eth0", type = "promisc" },
-- { ifindex = 1, type = "multicast", addr = "01:00:5e:00:00:01" }.

local hardware = require "callgate.kinds.hardware"

return {
  index = { addr = function(self) return hardware.text(self.mr_address, self.mr_alen, 8) end },
  newindex = {
    addr = function(self, text) self.mr_alen = hardware.set(self.mr_address, 8, text) end,
    type = function(self, value)
      self.mr_type = require("callgate.flags").c.PACKET_MR(value)
    end,
  },
}
