-- What poll and epoll report, by name: ev.readable, ev.writable, ev.hup, ev.err, ev.rdhup.

local bit = require "bit"

local BITS = { readable = 1, pri = 2, writable = 4, err = 8, hup = 16, nval = 32, rdhup = 8192 }

-- The same, as POLL* and EPOLL* call them, and how epoll watches (asm-generic/poll.h, linux/eventpoll.h: everywhere
-- the same values).
local NAMES = {
  { 1, "in" }, { 2, "pri" }, { 4, "out" }, { 8, "err" }, { 16, "hup" }, { 32, "nval" }, { 8192, "rdhup" },
  { 0x10000000, "exclusive" }, { 0x20000000, "wakeup" }, { 0x40000000, "oneshot" }, { 0x80000000, "et" },
}

local events = {}

-- Accessors over the field that holds the bits.
function events.accessors(field)
  local index = {}
  for name, mask in pairs(BITS) do
    index[name] = function(self)
      return bit.band(self[field], mask) ~= 0
    end
  end
  return index
end

-- "in, hup", with what has no name here as a number.
function events.text(number)
  local names, rest = {}, bit.tobit(number)
  for _, row in ipairs(NAMES) do
    if bit.band(number, row[1]) ~= 0 then
      names[#names + 1] = row[2]
      rest = bit.band(rest, bit.bnot(row[1]))
    end
  end
  if rest ~= 0 then
    names[#names + 1] = "0x" .. bit.tohex(rest):gsub("^0+", "")
  end
  return table.concat(names, ", ")
end

return events
