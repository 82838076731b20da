-- Port numbers in network byte order, whatever the machine's.

local ffi = require "ffi"
local bit = require "bit"

local little = ffi.abi "le"

local function swap(value)
  if not little then
    return value
  end
  return bit.bor(bit.lshift(bit.band(value, 255), 8), bit.rshift(value, 8))
end

local port = { to_host = swap }

function port.to_network(value)
  if type(value) ~= "number" or value % 1 ~= 0 or value < 0 or value > 65535 then
    error("a port is a number from 0 to 65535, not " .. require("callgate.errors").got(value), 4)
  end
  return swap(value)
end

return port
