-- sendmsg and recvmsg: data, descriptors and credentials in tables, or a msghdr of the caller's.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local control_messages = require "callgate.behaviour.control"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sockets = require "callgate.behaviour.sockets"
local sys = require "callgate.sys"
local types = require "callgate.types"
local vectors = require "callgate.behaviour.vectors"

local messages = {}

local fail = errors.fail

-- include/linux/socket.h of the kernel: the same everywhere
local SCM_RIGHTS, SCM_CREDENTIALS = 1, 2
local MSG_CTRUNC, MSG_TRUNC = 0x8, 0x20
local int_size = ffi.sizeof "int"

-- Control messages are aligned to a word (CMSG_ALIGN of include/linux/socket.h).
local WORD = ffi.sizeof "size_t"
local function aligned(size)
  return math.ceil(size / WORD) * WORD
end

local function header_size()
  return aligned(ffi.sizeof(types.t.cmsghdr))
end

local function sol_socket()
  return require("callgate.constants").get "SOL_SOCKET"
end

-- A control buffer for these control messages: { level, type, data } rows.
local function control_for(rows)
  local head, size = header_size(), 0
  for _, row in ipairs(rows) do
    size = size + head + aligned(#row[3])
  end
  local buffer = ffi.new("uint8_t[?]", size)
  local pointer, position = types.pointer "cmsghdr", 0
  for _, row in ipairs(rows) do
    local header = ffi.cast(pointer, buffer + position)
    header.cmsg_len = head + #row[3]
    header.cmsg_level, header.cmsg_type = row[1], row[2]
    ffi.copy(buffer + position + head, row[3], #row[3])
    position = position + head + aligned(#row[3])
  end
  return buffer, size
end

-- Refuses what a message says that nothing listens to.
local function check_keys(message, known, call)
  for key in pairs(message) do
    if type(key) ~= "number" and not known[key] then
      args.misuse(call, 2, "msg", require "callgate.behaviour.unknown"(key, known))
    end
  end
end

local SENT = { fds = true, credentials = true, control = true, to = true }
local CREDENTIALS = { pid = true, uid = true, gid = true }
local ASKED = { size = true, control_size = true }

local function rows_of(message, call)
  local rows = {}
  if message.fds then
    if type(message.fds) ~= "table" then
      args.expected("a table of descriptors", message.fds, call, 2, "fds")
    end
    local numbers = ffi.new("int[?]", #message.fds)
    for i, fd in ipairs(message.fds) do
      numbers[i - 1] = args.fd(fd, call, 2, ("fds[%d]"):format(i))
    end
    rows[#rows + 1] = { sol_socket(), SCM_RIGHTS, ffi.string(numbers, #message.fds * int_size) }
  end
  if message.credentials then
    local given = message.credentials == true and {} or message.credentials
    if type(given) ~= "table" and not ffi.istype(types.t.ucred, given) then
      args.expected("true, or pid, uid and gid in a table or a ucred", given, call, 2, "credentials")
    end
    for key in pairs(type(given) == "table" and given or {}) do
      if not CREDENTIALS[key] then
        args.misuse(call, 2, "credentials", require "callgate.behaviour.unknown"(key, CREDENTIALS))
      end
    end
    local S = require "callgate"
    local cred = types.t.ucred(given.pid or S.getpid(), given.uid or S.getuid(), given.gid or S.getgid())
    rows[#rows + 1] = { sol_socket(), SCM_CREDENTIALS, ffi.string(cred, ffi.sizeof(cred)) }
  end
  if message.control then
    control_messages.write(message.control, rows, "sendmsg")
  end
  return rows
end

-- Has a msghdr say what a table does. What it points to is returned, and must live as long as it.
function messages.fill(header, message, call)
  check_keys(message, SENT, call)
  local iov, count, control, size, addr, length
  if #message > 0 then
    iov, count = vectors.for_writing(message, call)
    header.msg_iov, header.msg_iovlen = iov, count
  end
  local rows = rows_of(message, call)
  if #rows > 0 then
    control, size = control_for(rows)
    header.msg_control, header.msg_controllen = control, size
  end
  if message.to then
    addr, length = sockets.address(message.to, call, 2)
    header.msg_name, header.msg_namelen = ffi.cast("void *", addr), length
  end
  return iov, control, addr
end

-- sock:sendmsg { "data", "more", fds = { fd, ... }, credentials = true, to = address }
function messages.sendmsg()
  local raw = sys.sendmsg
  local MSG = flags.group "MSG"
  local msghdr = types.t.msghdr
  return function(fd, message, options)
    local fd_number = args.fd(fd, "sendmsg", 1, "fd")
    options = args.flags(options, "sendmsg", 3, "flags", MSG)
    if type(message) == "string" then
      message = { message }
    end
    local header, iov, control, addr
    if type(message) == "table" then
      header = msghdr()
      iov, control, addr = messages.fill(header, message, "sendmsg")
    else
      header = args.record(message, "sendmsg", 2, "msg", msghdr)
    end
    local result = raw(fd_number, header, options)
    if result == -1 then
      return fail(iov, control, addr) -- still referred to: not collected during the call
    end
    return result
  end
end

-- Reads the control messages of a received msghdr into `out`. Every descriptor becomes an object at
-- once, so none is lost when the caller ignores it.
local function read_control(header, out)
  local head, pointer = header_size(), types.pointer "cmsghdr"
  local position, size = 0, tonumber(header.msg_controllen)
  local base = ffi.cast("uint8_t *", header.msg_control)
  while position + head <= size do
    local row = ffi.cast(pointer, base + position)
    local length = tonumber(row.cmsg_len)
    if length < head or position + length > size then
      break
    end
    local data = base + position + head
    if row.cmsg_level == sol_socket() and row.cmsg_type == SCM_RIGHTS then
      local numbers = ffi.cast("int *", data)
      out.fds = out.fds or {}
      for i = 0, (length - head) / int_size - 1 do
        out.fds[#out.fds + 1] = descriptors.type(numbers[i])
      end
    elseif row.cmsg_level == sol_socket() and row.cmsg_type == SCM_CREDENTIALS then
      out.credentials = types.t.ucred()
      ffi.copy(out.credentials, data, math.min(length - head, ffi.sizeof(out.credentials)))
    else
      out.control = out.control or {}
      control_messages.read(row.cmsg_level, row.cmsg_type, ffi.string(data, length - head), out.control)
    end
    position = position + aligned(length)
  end
end

local DATA, CONTROL = 65536, 4096

-- Gives a msghdr room for what a table asks for; what messages.received needs to read it afterwards.
function messages.room(header, message, call)
  check_keys(message, ASKED, call)
  local room = { items = #message > 0 and message or { args.size(message.size or DATA, call, 2, "size") } }
  local count, size
  room.iov, count, room.buffers, room.any_new = vectors.for_reading(room.items, call)
  room.control, size = args.new_buffer(message.control_size or CONTROL, call, 2, "control_size")
  room.storage = types.t.sockaddr_storage()
  header.msg_iov, header.msg_iovlen = room.iov, count
  header.msg_control, header.msg_controllen = room.control, size
  header.msg_name, header.msg_namelen = room.storage, ffi.sizeof(room.storage)
  return room
end

-- What came into a msghdr with such room, as a table.
function messages.received(header, room, count)
  local out = { count = count, flags = header.msg_flags }
  out.truncated = bit.band(out.flags, MSG_TRUNC) ~= 0
  out.control_truncated = bit.band(out.flags, MSG_CTRUNC) ~= 0
  if room.any_new then
    out.data = table.concat(vectors.strings(room.items, room.buffers, count))
  end
  out.from = sockets.typed(room.storage, header.msg_namelen)
  read_control(header, out)
  return out
end

-- local m = assert(sock:recvmsg { size = 4096 })  ->  m.count, m.data, m.fds, m.credentials, m.from, m.flags
-- sock:recvmsg { buffer, 100 } reads into buffers, m.data being what went where a size stands.
-- sock:recvmsg(msghdr) fills in the caller's and returns the count.
function messages.recvmsg()
  local raw = sys.recvmsg
  local MSG = flags.group "MSG"
  local cloexec = MSG.CMSG_CLOEXEC
  local msghdr = types.t.msghdr
  return function(fd, message, options)
    local fd_number = args.fd(fd, "recvmsg", 1, "fd")
    options = args.flags_with(options, "recvmsg", 3, "flags", MSG, cloexec)
    if type(message) == "cdata" then
      local result = raw(fd_number, args.record(message, "recvmsg", 2, "msg", msghdr), options)
      if result == -1 then
        return fail()
      end
      return result
    elseif message ~= nil and type(message) ~= "table" then
      return args.expected("a table such as { size = 4096 }, a msghdr, or nothing", message, "recvmsg", 2, "msg")
    end
    local header = msghdr()
    local room = messages.room(header, message or {}, "recvmsg")
    local result = raw(fd_number, header, options)
    if result == -1 then
      return fail()
    end
    return messages.received(header, room, result)
  end
end

return messages
