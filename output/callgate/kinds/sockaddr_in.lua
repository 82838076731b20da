-- An IPv4 socket address: S.t.sockaddr_in(80, "127.0.0.1"); sa.port, sa.addr.

local ffi = require "ffi"
local port = require "callgate.kinds.port"
local address = require "callgate.kinds.in_addr"

local AF_INET = 2 -- the same everywhere
local FORMS = "expected %s, got %s; it is made from port and address: (80, \"127.0.0.1\"), "
  .. "{ port = 80, addr = \"127.0.0.1\" }"

return {
  takes = { port = true, addr = true },
  values = 2,
  family = AF_INET,
  new = function(ctype, number, text)
    if type(number) == "table" then
      number, text = number.port or number[1], number.addr or number[2]
    end
    if type(number) == "string" then
      error(FORMS:format("a port", require("callgate.errors").got(number)), 0)
    elseif type(number) ~= "number" and number ~= nil then
      return nil
    end
    local self = ffi.new(ctype)
    self.sin_family = AF_INET
    self.sin_port = port.to_network(number or 0)
    if type(text) == "string" then
      address.set(self.sin_addr, text)
    elseif text ~= nil then
      if not ffi.istype(self.sin_addr, text) then
        error(FORMS:format("an address as text or in_addr", require("callgate.errors").got(text)), 0)
      end
      self.sin_addr = text
    end
    return self
  end,
  index = {
    family = function(self) return self.sin_family end,
    port = function(self) return port.to_host(self.sin_port) end,
    addr = function(self) return address.tostring(self.sin_addr) end,
  },
  newindex = {
    port = function(self, number) self.sin_port = port.to_network(number) end,
    addr = function(self, text) address.set(self.sin_addr, text) end,
  },
  tostring = function(self)
    return ("%s:%d"):format(address.tostring(self.sin_addr), port.to_host(self.sin_port))
  end,
}
