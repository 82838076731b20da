-- Network interfaces by name and number: netdevice(7)'s SIOCGIFINDEX and SIOCGIFNAME, on a socket made for that.

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

-- Asks `request` with `ifr`: true, or the failure's triple.
local function asking(request)
  local socket, ioctl, close = sys.socket, sys.ioctl, sys.close
  local family, number = flags.group("AF").UNIX, constants.get(request)
  local kind = flags.group "SOCK" "dgram, cloexec"
  return function(ifr)
    local fd = socket(family, kind, 0)
    if fd == -1 then
      return errors.fail()
    end
    local result = ioctl(fd, number, ffi.cast("uintptr_t", ffi.cast("void *", ifr)))
    local errno = ffi.errno()
    close(fd)
    if result == -1 then
      return errors.failed(errno)
    end
    return true
  end
end

local interfaces = {}

-- S.if_nametoindex "lo" -> 1
function interfaces.if_nametoindex()
  local ask, ifreq = asking "SIOCGIFINDEX", types.t.ifreq
  return function(name)
    if type(name) ~= "string" then
      return args.expected("a string", name, "if_nametoindex", 1, "name")
    end
    name = args.string(name, "if_nametoindex", 1, "name")
    local ifr = ifreq()
    if #name >= ffi.sizeof(ifr.ifr_ifrn.ifrn_name) then
      return errors.failed(constants.get "ENODEV") -- longer than any
    end
    ifr.name = name
    local ok, message, errno = ask(ifr)
    if not ok then
      return nil, message, errno
    end
    return ifr.index
  end
end

-- S.if_indextoname(1) -> "lo"
function interfaces.if_indextoname()
  local ask, ifreq = asking "SIOCGIFNAME", types.t.ifreq
  return function(index)
    local ifr = ifreq()
    ifr.index = args.int(index, "if_indextoname", 1, "index")
    local ok, message, errno = ask(ifr)
    if not ok then
      return nil, message, errno
    end
    return ifr.name
  end
end

return interfaces
