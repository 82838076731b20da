-- epoll_event: S.t.epoll_event("in, et", data); ev.events, ev.data, ev.readable...

local ffi = require "ffi"
local bit = require "bit"
local events_as = require "callgate.kinds.events"
local whole = require "callgate.whole"

local function events_of(value)
  local number = type(value) == "number" and value or require("callgate.flags").c.EPOLL(value)
  return bit.tobit(whole(number, 32, false, "events"))
end

return {
  takes = { events = true, data = true },
  values = 2,
  new = function(ctype, events, data)
    if type(events) == "table" and (events.events or events.data or type(events[1]) == "string") then
      events, data = events.events or events[1], events.data or events[2]
    elseif type(events) ~= "string" and type(events) ~= "number" then
      return nil
    end
    local self = ffi.new(ctype)
    self.events = ffi.cast("uint32_t", events_of(events))
    if data then
      self.data = whole(require("callgate.fd").number(data) or data, 64, false, "data")
    end
    return self
  end,
  index = events_as.accessors "events",
  tostring = function(self)
    return ('epoll_event { events = "%s", data = %s }'):format(
      events_as.text(self.events), (tostring(self.data):gsub("ULL$", "")))
  end,
}
