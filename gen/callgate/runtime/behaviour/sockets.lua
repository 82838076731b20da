-- Socket calls with addresses: lengths are known from the address, and come back as its type.

local ffi = require "ffi"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local memory = require "callgate.memory"
local record_of = require "callgate.behaviour.record_of"
local sys = require "callgate.sys"
local types = require "callgate.types"

local sockets = {}

local fail = errors.fail

local families -- number -> name of the type of its addresses (types/index.lua)

local function load_families()
  families = {}
  for name, row in pairs(require("callgate.rows").whole(require "callgate.types.index")) do
    if row.family then
      families[row.family] = name
    end
  end
end

local FAMILY_SIZE = 2 -- sizeof sa_family_t

local length_t = ffi.typeof "unsigned int[1]"

-- --- addresses ---------------------------------------------------------------------------------------

-- An address and how many of its bytes count. A text ("127.0.0.1:80", "@name") is what S.t.sockaddr makes of it.
local function address(value, call, position, length)
  if type(value) == "string" then
    local ok, made = pcall(types.t.sockaddr, value)
    value = ok and made or value
  end
  local writable = memory.is_writable(value)
  local record = writable and record_of(value)
  if not writable or record and not record:find "sockaddr" then
    return args.expected('a socket address such as S.t.sockaddr_in(80, "127.0.0.1")', value, call, position, "addr")
  elseif length ~= nil then
    return value, args.length(length, call, position + 1, "addrlen", value)
  elseif ffi.istype(types.t.sockaddr_un, value) then
    return value, require("callgate.kinds.sockaddr_un").length(value)
  end
  return value, memory.size(value) or args.length(nil, call, position + 1, "addrlen", value)
end
sockets.address = address

-- The address in `storage` as a record of its family, `storage` itself where it has none here; nil where there is
-- no address (an unconnected peer).
local function typed(storage, length)
  if length < FAMILY_SIZE then
    return nil
  end
  if not families then
    load_families()
  end
  local name = families[storage.ss_family]
  local ctype = name and types.t[name]
  if not ctype then
    return storage
  end
  local addr = ffi.new(ctype)
  ffi.copy(addr, storage, math.min(length, ffi.sizeof(ctype)))
  return addr
end
sockets.typed = typed

-- bind and connect: fd:connect(S.t.sockaddr_in(80, "127.0.0.1"))
local function with_address(name)
  return function()
    local raw = sys[name]
    return function(fd, addr, length)
      local fd_number = args.fd(fd, name, 1, "fd")
      addr, length = address(addr, name, 2, length)
      if raw(fd_number, addr, length) == -1 then
        return fail()
      end
      return true
    end
  end
end

sockets.bind = with_address "bind"
sockets.connect = with_address "connect"

-- getsockname and getpeername
local function asking(name)
  return function()
    local raw = sys[name]
    local storage_t = types.t.sockaddr_storage
    return function(fd)
      local storage = storage_t()
      local length = length_t(ffi.sizeof(storage_t))
      if raw(args.fd(fd, name, 1, "fd"), storage, length) == -1 then
        return fail()
      end
      return typed(storage, length[0]) or storage
    end
  end
end

sockets.getsockname = asking "getsockname"
sockets.getpeername = asking "getpeername"

-- --- making sockets ----------------------------------------------------------------------------------

-- Whose names a protocol has, where it is not IPPROTO: by family.
local PROTOCOLS = { NETLINK = "NETLINK", PACKET = "ETH_P" }

local function creating(call)
  local AF, SOCK = flags.group "AF", flags.group "SOCK"
  local cloexec = SOCK.CLOEXEC
  local groups = {}
  for family, name in pairs(PROTOCOLS) do
    groups[AF[family]] = name
  end
  return function(domain, kind, protocol)
    domain = args.choice(domain, call, 1, "domain", AF)
    kind = args.flags_with(kind == nil and "stream" or kind, call, 2, "type", SOCK, cloexec)
    if protocol == nil then
      protocol = 0
    else
      protocol = args.choice(protocol, call, 3, "protocol", flags.group(groups[domain] or "IPPROTO"))
      if groups[domain] == "ETH_P" then
        protocol = require("callgate.kinds.port").to_network(protocol) -- packet(7): in network order
      end
    end
    return domain, kind, protocol
  end
end

function sockets.socket()
  local raw = sys.socket
  local convert = creating "socket"
  return function(domain, kind, protocol)
    local result = raw(convert(domain, kind, protocol))
    if result == -1 then
      return fail()
    end
    return descriptors.type(result)
  end
end

function sockets.socketpair()
  local raw = sys.socketpair
  local convert = creating "socketpair"
  local pair = ffi.typeof "int[2]"
  return function(domain, kind, protocol)
    domain, kind, protocol = convert(domain == nil and "unix" or domain, kind, protocol)
    local fds = pair()
    if raw(domain, kind, protocol, fds) == -1 then
      return fail()
    end
    return descriptors.type(fds[0]), descriptors.type(fds[1])
  end
end

-- fd:accept("nonblock") -> socket, address of the peer
function sockets.accept()
  local raw = sys.accept4
  local SOCK = flags.group "SOCK"
  local cloexec = SOCK.CLOEXEC
  local storage_t = types.t.sockaddr_storage
  return function(fd, options)
    local fd_number = args.fd(fd, "accept", 1, "fd")
    options = args.flags_with(options, "accept", 2, "flags", SOCK, cloexec)
    local storage = storage_t()
    local length = length_t(ffi.sizeof(storage_t))
    local result = raw(fd_number, storage, length, options)
    if result == -1 then
      return fail()
    end
    return descriptors.type(result), typed(storage, length[0])
  end
end

-- --- data --------------------------------------------------------------------------------------------

-- fd:send(data), fd:send(data, "nosignal"), fd:send(buffer, count, "nosignal") -> how many bytes
function sockets.send()
  local raw = sys.sendto
  local MSG = flags.group "MSG"
  local to_fd, to_data, to_length, to_flags = args.fd, args.data, args.length, args.flags
  return function(fd, data, count, options)
    local fd_number = to_fd(fd, "send", 1, "fd")
    data = to_data(data, "send", 2, "data")
    if type(count) == "string" and options == nil then
      count, options = nil, count
    end
    count = to_length(count, "send", 3, "count", data)
    options = to_flags(options, "send", 4, "flags", MSG)
    local result = raw(fd_number, data, count, options, nil, 0)
    if result == -1 then
      return fail()
    end
    return result
  end
end

-- fd:sendto(data, address), fd:sendto(data, count, flags, address)
function sockets.sendto()
  local raw = sys.sendto
  local MSG = flags.group "MSG"
  return function(fd, data, count, options, addr, length)
    local fd_number = args.fd(fd, "sendto", 1, "fd")
    data = args.data(data, "sendto", 2, "data")
    if type(count) == "string" or type(count) == "cdata" and not tonumber(count) then
      count, options, addr, length = nil, nil, count, options
    end
    count = args.length(count, "sendto", 3, "count", data)
    options = args.flags(options, "sendto", 4, "flags", MSG)
    if addr == nil then
      addr, length = nil, 0 -- a null pointer may be of a type that C does not convert
    else
      addr, length = address(addr, "sendto", 5, length)
    end
    local result = raw(fd_number, data, count, options, addr, length)
    if result == -1 then
      return fail()
    end
    return result
  end
end

-- With MSG_TRUNC the kernel tells the datagram's length, which may exceed the buffer's.
local function received(buffer, count, result, as_string)
  if as_string then
    return ffi.string(buffer, result < count and result or tonumber(count))
  end
  return result
end

local DATAGRAM = 65536 -- the most that a UDP datagram holds

-- The buffer and its length that recv and recvfrom use, and whether a string comes back.
local function room(buffer, count, call)
  if buffer == nil then
    count = count == nil and DATAGRAM or args.size(count, call, 3, "count")
    buffer, count = args.scratch(count)
    return buffer, count, true
  end
  args.buffer(buffer, call, 2, "buf")
  return buffer, args.length(count, call, 3, "count", buffer), false
end

-- fd:recv(buf, count, flags) -> count;  fd:recv(nil, count, flags) -> string
function sockets.recv()
  local raw = sys.recvfrom
  local MSG = flags.group "MSG"
  return function(fd, buffer, count, options)
    local fd_number = args.fd(fd, "recv", 1, "fd")
    options = args.flags(options, "recv", 4, "flags", MSG)
    local memory_of, size, as_string = room(buffer, count, "recv")
    local result = raw(fd_number, memory_of, size, options, nil, nil)
    if result == -1 then
      return fail()
    end
    return received(memory_of, size, result, as_string)
  end
end

-- fd:recvfrom(buf, count, flags) -> count, address;  fd:recvfrom() -> string, address
function sockets.recvfrom()
  local raw = sys.recvfrom
  local MSG = flags.group "MSG"
  local storage_t = types.t.sockaddr_storage
  return function(fd, buffer, count, options)
    local fd_number = args.fd(fd, "recvfrom", 1, "fd")
    options = args.flags(options, "recvfrom", 4, "flags", MSG)
    local memory_of, size, as_string = room(buffer, count, "recvfrom")
    local storage = storage_t()
    local length = length_t(ffi.sizeof(storage_t))
    local result = raw(fd_number, memory_of, size, options, storage, length)
    if result == -1 then
      return fail()
    end
    return received(memory_of, size, result, as_string), typed(storage, length[0])
  end
end

return sockets
