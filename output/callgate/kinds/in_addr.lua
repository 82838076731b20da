-- An IPv4 address: S.t.in_addr("127.0.0.1"), "any", "loopback", "broadcast"; tostring is the text.

local ffi = require "ffi"

local NAMES = { any = "0.0.0.0", loopback = "127.0.0.1", broadcast = "255.255.255.255" }

-- The four bytes of dotted text, nil where it is none.
local function parse(text)
  local a, b, c, d = (NAMES[text] or text):match "^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$"
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if a and a < 256 and b < 256 and c < 256 and d < 256 then
    return a, b, c, d
  end
end

local function set(self, text)
  local a, b, c, d = parse(text)
  if not a then
    error(('not an IPv4 address: %q; write it as "127.0.0.1", or "any" or "loopback"'):format(text), 4)
  end
  local bytes = ffi.cast("uint8_t *", self)
  bytes[0], bytes[1], bytes[2], bytes[3] = a, b, c, d
end

return {
  new = function(ctype, text)
    if type(text) == "string" then
      local self = ffi.new(ctype)
      set(self, text)
      return self
    end
  end,
  set = set,
  tostring = function(self)
    local bytes = ffi.cast("const uint8_t *", self)
    return ("%d.%d.%d.%d"):format(bytes[0], bytes[1], bytes[2], bytes[3])
  end,
}
