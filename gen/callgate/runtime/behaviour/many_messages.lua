-- sendmmsg and recvmmsg: several messages by one call, each as the table that sendmsg and recvmsg know.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local messages = require "callgate.behaviour.messages"
local sys = require "callgate.sys"
local types = require "callgate.types"

local many = {}

local MOST = 1024 -- linux/uio.h: UIO_MAXIOV, beyond which the kernel does not look (net/socket.c)

local function headers(count, call)
  if count < 1 or count > MOST then
    return args.misuse(call, 2, "messages", ("expected 1 to %d messages, got %s"):format(MOST, tostring(count)))
  end
  return ffi.new(ffi.typeof("$[?]", types.t.mmsghdr), count)
end

-- sock:sendmmsg { "one", { "two", to = address }, { "three", fds = { fd } } } -> how many went
function many.sendmmsg()
  local raw = sys.sendmmsg
  local MSG = flags.group "MSG"
  return function(fd, list, options)
    local fd_number = args.fd(fd, "sendmmsg", 1, "fd")
    if type(list) ~= "table" then
      return args.expected("a table of messages", list, "sendmmsg", 2, "messages")
    end
    options = args.flags(options, "sendmmsg", 3, "flags", MSG)
    local array, kept = headers(#list, "sendmmsg"), {}
    for i = 1, #list do
      local message = type(list[i]) == "string" and { list[i] } or list[i]
      if type(message) ~= "table" then
        return args.expected("a string or a table", message, "sendmmsg", 2, ("messages[%d]"):format(i))
      end
      kept[i] = { message, messages.fill(array[i - 1].msg_hdr, message, "sendmmsg") }
    end
    local result = raw(fd_number, array, #list, options)
    if result == -1 then
      return errors.fail(kept)
    end
    return result
  end
end

-- for _, message in ipairs(assert(sock:recvmmsg(8, "waitforone"))) do print(message.data) end
-- sock:recvmmsg { { size = 100 }, { buffer } } says what each is received into, as for recvmsg.
function many.recvmmsg()
  local raw = sys.recvmmsg
  local MSG = flags.group "MSG"
  local cloexec = MSG.CMSG_CLOEXEC
  local timespec = types.t.timespec
  return function(fd, list, options, timeout)
    local fd_number = args.fd(fd, "recvmmsg", 1, "fd")
    local count = type(list) == "table" and #list or list
    if type(count) ~= "number" or count % 1 ~= 0 then
      return args.expected("a number of messages, or a table such as { { size = 100 } }", list, "recvmmsg", 2,
        "messages")
    end
    options = args.flags_with(options, "recvmmsg", 3, "flags", MSG, cloexec)
    if timeout ~= nil then -- a copy: the kernel writes what remains of it
      timeout = timespec(args.record(timeout, "recvmmsg", 4, "timeout", timespec))
    end
    local array, rooms = headers(count, "recvmmsg"), {}
    for i = 1, count do
      local message = type(list) == "table" and list[i] or {}
      if type(message) ~= "table" then
        return args.expected("a table such as { size = 100 }", message, "recvmmsg", 2, ("messages[%d]"):format(i))
      end
      rooms[i] = messages.room(array[i - 1].msg_hdr, message, "recvmmsg")
    end
    local result = raw(fd_number, array, count, options, timeout)
    if result == -1 then
      return errors.fail(rooms)
    end
    local out = {}
    for i = 1, result do
      out[i] = messages.received(array[i - 1].msg_hdr, rooms[i], array[i - 1].msg_len)
    end
    return out
  end
end

return many
