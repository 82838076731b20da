-- A netlink socket address: S.t.sockaddr_nl(pid, groups), both 0 by default.

local ffi = require "ffi"

local AF_NETLINK = 16 -- the same everywhere

return {
  takes = { pid = true, groups = true },
  new = function(ctype, pid, groups)
    if type(pid) == "table" then
      pid, groups = pid.pid, pid.groups
    elseif pid ~= nil and type(pid) ~= "number" then
      return nil
    end
    local self = ffi.new(ctype)
    self.nl_family = AF_NETLINK
    self.nl_pid = pid or 0
    self.nl_groups = groups or 0
    return self
  end,
  index = {
    family = function(self)
      return self.nl_family
    end,
  },
  aliases = { pid = "nl_pid", groups = "nl_groups" },
}
