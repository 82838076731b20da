-- An IPv6 address: S.t.in6_addr("::1"), "any", "loopback"; tostring is the text of RFC 5952.

local ffi = require "ffi"

local NAMES = { any = "::", loopback = "::1" }
local GROUPS = 8

-- The 16-bit groups of a part without "::"; nil where it is malformed.
local function groups_of(text)
  local groups = {}
  if text == "" then
    return groups
  end
  local head, a, b, c, d = text:match "^(.-)(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  if head then -- the last 32 bits in dotted form (RFC 4291 section 2.2)
    a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
    if a > 255 or b > 255 or c > 255 or d > 255 or (head ~= "" and head:sub(-1) ~= ":") then
      return nil
    end
    text = ("%s%x:%x"):format(head, a * 256 + b, c * 256 + d)
  end
  for group in (text .. ":"):gmatch "([^:]*):" do
    if not group:match "^%x%x?%x?%x?$" then
      return nil
    end
    groups[#groups + 1] = tonumber(group, 16)
  end
  return groups
end

local function parse(text)
  text = NAMES[text] or text
  local before, after = text:match "^(.-)::(.*)$"
  if not before then
    local groups = groups_of(text)
    return groups and #groups == GROUPS and groups or nil
  end
  local left, right = groups_of(before), groups_of(after)
  if not left or not right or #left + #right >= GROUPS then
    return nil
  end
  for _ = 1, GROUPS - #left - #right do
    left[#left + 1] = 0
  end
  for _, group in ipairs(right) do
    left[#left + 1] = group
  end
  return left
end

local function set(self, text)
  local groups = parse(text)
  if not groups then
    error(('not an IPv6 address: %q; write it as "::1" or "fe80::1", or "any" or "loopback"'):format(text), 4)
  end
  local bytes = ffi.cast("uint8_t *", self)
  for i, group in ipairs(groups) do
    bytes[2 * i - 2], bytes[2 * i - 1] = math.floor(group / 256), group % 256
  end
end

local function to_text(self)
  local bytes = ffi.cast("const uint8_t *", self)
  local groups = {}
  for i = 0, GROUPS - 1 do
    groups[i + 1] = bytes[2 * i] * 256 + bytes[2 * i + 1]
  end
  if groups[6] == 65535 and groups[1] + groups[2] + groups[3] + groups[4] + groups[5] == 0 then
    return ("::ffff:%d.%d.%d.%d"):format(bytes[12], bytes[13], bytes[14], bytes[15])
  end
  -- the longest run of at least two zero groups, the first of equals (RFC 5952 section 4.2)
  local best, length, i = nil, 1, 1
  while i <= GROUPS do
    local j = i
    while j <= GROUPS and groups[j] == 0 do
      j = j + 1
    end
    if j - i > length then
      best, length = i, j - i
    end
    i = math.max(j, i + 1)
  end
  local function hex(from, to)
    local parts = {}
    for n = from, to do
      parts[#parts + 1] = ("%x"):format(groups[n])
    end
    return table.concat(parts, ":")
  end
  if not best then
    return hex(1, GROUPS)
  end
  return hex(1, best - 1) .. "::" .. hex(best + length, GROUPS)
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
  tostring = to_text,
}
