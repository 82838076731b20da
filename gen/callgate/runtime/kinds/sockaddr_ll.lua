-- An address of the link layer: S.t.sockaddr_ll { protocol = "ip", ifindex = "eth0", addr = "02:00:00:00:00:01" };
-- sa.pkttype is "host", "broadcast", "multicast", "otherhost", "outgoing"... "packet:1:2048:02:00:00:00:00:01".

local family = require "callgate.kinds.address_family"
local constants = require "callgate.constants"
local hardware = require "callgate.kinds.hardware"

-- Both at once: how many bytes count, and which.
family.FORMS.hardware = {
  get = function(self) return hardware.text(self.sll_addr, self.sll_halen, 8) end,
  set = function(self, _, text) self.sll_halen = hardware.set(self.sll_addr, 8, text) end,
}

local TYPES = { "HOST", "BROADCAST", "MULTICAST", "OTHERHOST", "OUTGOING", "LOOPBACK", "USER", "KERNEL" }

local kind = family.kind {
  family = 17,
  family_field = "sll_family",
  prefix = "packet",
  like = "packet:1:2048:02:00:00:00:00:01",
  parts = {
    { name = "ifindex", field = "sll_ifindex", default = 0, form = "interface" },
    { name = "protocol", field = "sll_protocol", default = 0, form = "network", group = "ETH_P" },
    { name = "addr", field = "sll_addr", form = "hardware" },
  },
  aliases = { hatype = "sll_hatype", halen = "sll_halen" },
}

function kind.index.pkttype(self)
  for _, name in ipairs(TYPES) do
    if constants.get("PACKET_" .. name) == self.sll_pkttype then
      return name:lower()
    end
  end
  return self.sll_pkttype
end

return kind
