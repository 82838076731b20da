-- Room for the addresses of all network interfaces: fd:ioctl("SIOCGIFCONF"):list() gives an ifreq for each, with name
-- and addr; S.t.ifconf(1000) makes room for more than the usual 256.

local ffi = require "ffi"

local ROOM = 256
local requests = setmetatable({}, { __mode = "k" }) -- ifconf -> its array

return {
  new = function(ctype, count)
    if count ~= nil and type(count) ~= "number" then
      return nil
    end
    local array = require("callgate.types").t.array("ifreq", count or ROOM)
    local self = ffi.new(ctype)
    self.ifc_len = ffi.sizeof(array)
    self.ifc_ifcu.ifcu_req = array
    requests[self] = array
    return self
  end,
  index = { count = function(self) return self.ifc_len / ffi.sizeof(self.ifc_ifcu.ifcu_req[0]) end },
  methods = {
    list = function(self)
      local ifreq = require("callgate.types").t.ifreq
      local found = {}
      for i = 0, self.ifc_ifcu.ifcu_req ~= nil and self.ifc_len / ffi.sizeof(ifreq) - 1 or -1 do
        found[i + 1] = ffi.new(ifreq, self.ifc_ifcu.ifcu_req[i]) -- which does not need the array
      end
      return found
    end,
  },
}
