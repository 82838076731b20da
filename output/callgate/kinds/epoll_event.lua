-- epoll_event: S.t.epoll_event("in, et", data); ev.events, ev.data, ev.readable...

local ffi = require "ffi"
local bit = require "bit"
local events_as = require "callgate.kinds.events"
local signed = require "callgate.signed"

local function events_of(value)
  local number = type(value) == "number" and value or require("callgate.flags").c.EPOLL(value)
  return bit.tobit(number)
end

return {
  takes = { events = true, data = true },
  new = function(ctype, events, data)
    if type(events) == "table" and (events.events or events.data) then
      events, data = events.events, events.data
    elseif type(events) ~= "string" and type(events) ~= "number" then
      return nil
    end
    local self = ffi.new(ctype)
    self.events = ffi.cast("uint32_t", events_of(events))
    if data then
      self.data = type(data) == "cdata" and require("callgate.fd").number(data) or signed(data)
    end
    return self
  end,
  index = events_as.accessors "events",
  tostring = function(self)
    return ('epoll_event { events = "%s", data = %s }'):format(
      events_as.text(self.events), (tostring(self.data):gsub("ULL$", "")))
  end,
}
