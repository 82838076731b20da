-- A request about a network interface: S.t.ifreq "lo", { name = "eth0", mtu = 1400 }, { name = "lo", flags = "up" }.
-- Which of its fields counts the request says: ifr.flags ("up, loopback, running"), ifr:has "up", ifr.index, ifr.mtu,
-- ifr.addr and its kin as IPv4 text, ifr.hwaddr as "02:00:00:00:00:01". netdevice(7)

local bit = require "bit"
local ffi = require "ffi"
local whole = require "callgate.whole"

local AF_INET, AF_UNSPEC = 2, 0 -- the same everywhere
local ARPHRD_ETHER, ETHER_BYTES, HARDWARE_BYTES = 1, 6, 14 -- linux/if_arp.h, linux/if_ether.h

local function set_text(array, text)
  local room = ffi.sizeof(array)
  if type(text) ~= "string" or #text >= room then
    error(("expected a name of less than %d bytes, got %s"):format(room, require("callgate.errors").got(text)), 0)
  end
  ffi.fill(array, room)
  ffi.copy(array, text, #text)
end

local function get_text(array)
  return ffi.string(array, ffi.sizeof(array)):match "^[^%z]*"
end

local function group()
  return require("callgate.flags").group "IFF"
end

local flags -- rows { name, value } in the order of their values

local function load_flags()
  flags = {}
  for name, value in pairs(require("callgate.constants").group "IFF") do
    if value < 65536 then
      flags[#flags + 1] = { name:sub(5):lower(), value }
    end
  end
  table.sort(flags, function(a, b) return a[2] < b[2] end)
end

-- The IPv4 address in a struct sockaddr; nil where there is none, the family's number of another one.
local function get_address(sa)
  if sa.sa_family == AF_INET then
    return require("callgate.kinds.in_addr").tostring(sa.sa_data + 2)
  end
  return sa.sa_family ~= AF_UNSPEC and sa.sa_family or nil
end

local function set_address(sa, text)
  ffi.fill(sa, ffi.sizeof(sa))
  sa.sa_family = AF_INET
  require("callgate.kinds.in_addr").set(sa.sa_data + 2, tostring(text))
end

local index, newindex = {}, {}

function index.name(self) return get_text(self.ifr_ifrn.ifrn_name) end
function newindex.name(self, text) set_text(self.ifr_ifrn.ifrn_name, text) end

for _, name in ipairs { "newname", "slave" } do
  local field = "ifru_" .. name
  index[name] = function(self) return get_text(self.ifr_ifru[field]) end
  newindex[name] = function(self, text) set_text(self.ifr_ifru[field], text) end
end

for _, name in ipairs { "addr", "dstaddr", "broadaddr", "netmask" } do
  local field = "ifru_" .. name
  index[name] = function(self) return get_address(self.ifr_ifru[field]) end
  newindex[name] = function(self, text) set_address(self.ifr_ifru[field], text) end
end

for _, name in ipairs { "index", "metric", "qlen", "ivalue", "mtu" } do
  index[name] = function(self) return self.ifr_ifru.ifru_ivalue end
  newindex[name] = function(self, number) self.ifr_ifru.ifru_ivalue = whole(number, 32, true) end
end

function index.hwaddr(self)
  local sa = self.ifr_ifru.ifru_hwaddr
  return require("callgate.kinds.hardware").text(ffi.cast("uint8_t *", sa.sa_data), ETHER_BYTES, HARDWARE_BYTES)
end

function newindex.hwaddr(self, text)
  local sa = self.ifr_ifru.ifru_hwaddr
  sa.sa_family = ARPHRD_ETHER
  require("callgate.kinds.hardware").set(ffi.cast("uint8_t *", sa.sa_data), HARDWARE_BYTES, text)
end

function index.hwtype(self) return self.ifr_ifru.ifru_hwaddr.sa_family end
function newindex.hwtype(self, number) self.ifr_ifru.ifru_hwaddr.sa_family = number end

function index.map(self) return self.ifr_ifru.ifru_map end

function index.flags(self)
  if not flags then
    load_flags()
  end
  local names = {}
  for _, row in ipairs(flags) do
    if bit.band(self.ifr_ifru.ifru_flags, row[2]) ~= 0 then
      names[#names + 1] = row[1]
    end
  end
  return table.concat(names, ", ")
end

function newindex.flags(self, value)
  self.ifr_ifru.ifru_flags = ffi.cast("int16_t", group()(value))
end

return {
  new = function(ctype, name)
    if type(name) == "string" then
      local self = ffi.new(ctype)
      newindex.name(self, name)
      return self
    end
  end,
  index = index,
  newindex = newindex,
  methods = {
    -- Whether all those flags are set.
    has = function(self, names)
      local asked = bit.tobit(group()(names))
      return bit.band(self.ifr_ifru.ifru_flags, asked) == asked
    end,
  },
  tostring = function(self) return ("ifreq { name = %q }"):format(index.name(self)) end,
}
