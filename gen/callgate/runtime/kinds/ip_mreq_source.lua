-- A source of a group of receivers: { multiaddr = "232.1.2.3", interface = "any", sourceaddr = "192.0.2.1" }.

local address = require "callgate.kinds.in_addr"
local ffi = require "ffi"

local index, newindex = {}, {}
for _, name in ipairs { "multiaddr", "interface", "sourceaddr" } do
  local offset = "imr_" .. name
  local function place(self) return ffi.cast("uint8_t *", self) + ffi.offsetof(self, offset) end
  index[name] = function(self) return address.tostring(place(self)) end
  newindex[name] = function(self, text) address.set(place(self), text) end
end

return { index = index, newindex = newindex }
