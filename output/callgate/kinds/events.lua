-- What poll and epoll report, by name: ev.readable, ev.writable, ev.hup, ev.err, ev.rdhup.

local bit = require "bit"

local BITS = { readable = 1, pri = 2, writable = 4, err = 8, hup = 16, nval = 32, rdhup = 8192 }

-- Accessors over the field that holds the bits (asm-generic/poll.h, linux/eventpoll.h: the same values).
return function(field)
  local index = {}
  for name, mask in pairs(BITS) do
    index[name] = function(self)
      return bit.band(self[field], mask) ~= 0
    end
  end
  return index
end
