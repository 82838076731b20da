-- Addresses of the link layer as text: "02:00:00:00:00:01".

local hardware = {}

-- The text of `count` bytes, of which there is `room` for some: of longer addresses (InfiniBand) the first.
function hardware.text(bytes, count, room)
  local parts = {}
  for i = 0, math.min(count, room) - 1 do
    parts[#parts + 1] = ("%02x"):format(bytes[i])
  end
  return table.concat(parts, ":")
end

-- Writes such a text, of at most `room` bytes; returns how many it has.
function hardware.set(bytes, room, text)
  local count = 0
  for part in (type(text) == "string" and text or "?"):gmatch "[^:]+" do
    if not part:find "^%x%x?$" or count == room then
      count = nil
      break
    end
    bytes[count] = tonumber(part, 16)
    count = count + 1
  end
  if not count then
    local got = require("callgate.errors").got(text)
    error(("not a hardware address: %s; write it as \"02:00:00:00:00:01\""):format(got), 0)
  end
  return count
end

return hardware
