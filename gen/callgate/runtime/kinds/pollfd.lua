-- pollfd: { fd = fd, events = "in" }.

local ffi = require "ffi"
local events = require "callgate.kinds.events"

return {
  values = 2,
  new = function(ctype, row)
    if type(row) ~= "table" then
      return nil
    end
    local self = ffi.new(ctype)
    self.fd = require("callgate.args").fd(row.fd or row[1], "pollfd", 1, "fd")
    self.events = require("callgate.flags").c.POLL(row.events or row[2] or "in")
    return self
  end,
  index = events.accessors "revents",
  tostring = function(self)
    return ('pollfd { fd = %d, events = "%s", revents = "%s" }'):format(
      self.fd, events.text(self.events), events.text(self.revents))
  end,
}
