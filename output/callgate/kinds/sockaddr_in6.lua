-- An IPv6 socket address: S.t.sockaddr_in6(80, "::1"), S.t.sockaddr_in6(80, "fe80::1%eth0");
-- sa.port, sa.addr, sa.scope_id, sa.flowinfo.

local ffi = require "ffi"
local interface = require "callgate.kinds.interface"
local port = require "callgate.kinds.port"
local whole = require "callgate.whole"
local address = require "callgate.kinds.in6_addr"

local AF_INET6 = 10 -- the same everywhere
local FORMS = "expected %s, got %s; it is made from port and address: (80, \"::1\"), { port = 80, addr = \"::1\" }"

return {
  takes = { port = true, addr = true, scope_id = true },
  values = 3,
  family = AF_INET6,
  new = function(ctype, number, text, scope)
    if type(number) == "table" then
      number, text, scope = number.port or number[1], number.addr or number[2], number.scope_id or number[3]
    end
    if type(number) == "string" then
      error(FORMS:format("a port", require("callgate.errors").got(number)), 0)
    elseif type(number) ~= "number" and number ~= nil then
      return nil
    end
    local self = ffi.new(ctype)
    self.sin6_family = AF_INET6
    self.sin6_port = port.to_network(number or 0)
    if type(text) == "string" then
      local plain, zone = text:match "^(.-)%%(.+)$"
      address.set(self.sin6_addr, plain or text)
      scope = scope or zone
    elseif text ~= nil then
      if not ffi.istype(self.sin6_addr, text) then
        error(FORMS:format("an address as text or in6_addr", require("callgate.errors").got(text)), 0)
      end
      self.sin6_addr = text
    end
    self.sin6_scope_id = whole(interface(scope) or 0, 32, false, "scope_id")
    return self
  end,
  index = {
    family = function(self) return self.sin6_family end,
    port = function(self) return port.to_host(self.sin6_port) end,
    addr = function(self) return address.tostring(self.sin6_addr) end,
  },
  newindex = {
    port = function(self, number) self.sin6_port = port.to_network(number) end,
    addr = function(self, text) address.set(self.sin6_addr, text) end,
  },
  aliases = { scope_id = "sin6_scope_id", flowinfo = "sin6_flowinfo" },
  tostring = function(self)
    local text, scope = address.tostring(self.sin6_addr), ""
    if self.sin6_scope_id ~= 0 and text:find "^fe[89ab]" then -- RFC 4007: what is link-local needs its link
      scope = "%" .. self.sin6_scope_id
    end
    return ("[%s%s]:%d"):format(text, scope, port.to_host(self.sin6_port))
  end,
}
