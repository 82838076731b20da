-- pollfd: { fd = fd, events = "in" }.

local ffi = require "ffi"

return {
  new = function(ctype, row)
    if type(row) ~= "table" then
      return nil
    end
    local self = ffi.new(ctype)
    self.fd = require("callgate.args").fd(row.fd or row[1], "pollfd", 1, "fd")
    self.events = require("callgate.flags").c.POLL(row.events or row[2] or "in")
    return self
  end,
  index = require "callgate.kinds.events" "revents",
}
