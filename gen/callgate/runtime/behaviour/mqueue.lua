-- POSIX message queues: names as C libraries take them, messages from strings.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local mqueue = {}

local fail = errors.fail
local F_SETFD = 2 -- asm-generic/fcntl.h: the same everywhere

-- The kernel's names go without the slash that those of C begin with (mq_open(3), "C library/kernel differences");
-- qemu-user looks for it before the name. The second result is what the pointer points into.
local function plain(name, call)
  name = args.string(name, call, 1, "name")
  if name == nil then -- a null pointer
    return args.expected("a string", name, call, 1, "name")
  elseif type(name) ~= "string" then
    name = ffi.string(name)
  end
  name = "/" .. name:gsub("^/", "")
  return ffi.cast("const char *", name) + 1, name
end

-- S.mq_open("/name", "rdwr, creat", "0600", { maxmsg = 10, msgsize = 100 })
function mqueue.mq_open()
  local raw = sys.mq_open
  local O = flags.group "O"
  local cloexec = O.CLOEXEC
  local descriptor = require("callgate.fd").kind "mqueue"
  local OWNER = 384 -- 0600
  return function(name, options, mode, attr)
    local pointer, kept = plain(name, "mq_open")
    options = args.flags_with(options, "mq_open", 2, "flags", O, cloexec)
    mode = mode == nil and OWNER or args.mode(mode, "mq_open", 3, "mode")
    attr = args.optional_record(attr, "mq_open", 4, "attr", types.t.mq_attr)
    local number = raw(pointer, options, mode, attr)
    if number == -1 then
      return fail(kept)
    elseif bit.band(options, cloexec) == 0 then
      sys.fcntl(number, F_SETFD, 0) -- the kernel sets the flag whatever is asked for (ipc/mqueue.c)
    end
    return descriptor(number)
  end
end

function mqueue.mq_unlink()
  local raw = sys.mq_unlink
  return function(name)
    local pointer, kept = plain(name, "mq_unlink")
    if raw(pointer) == -1 then
      return fail(kept)
    end
    return true
  end
end

-- q:send("text", 3, deadline)
function mqueue.mq_timedsend()
  local raw = sys.mq_timedsend
  local timespec = types.t.timespec
  return function(fd, data, priority, timeout)
    local fd_number = args.fd(fd, "mq_timedsend", 1, "fd")
    local length = args.length(nil, "mq_timedsend", 2, "data", args.data(data, "mq_timedsend", 2, "data"))
    priority = priority == nil and 0 or args.uint(priority, "mq_timedsend", 3, "priority")
    timeout = args.optional_record(timeout, "mq_timedsend", 4, "timeout", timespec)
    if raw(fd_number, data, length, priority, timeout) == -1 then
      return fail()
    end
    return true
  end
end

local box = ffi.typeof "unsigned int[1]"

-- q:receive() -> "text", 3; q:receive(buffer, deadline) -> 4, 3. No buffer may be smaller than the queue's msgsize.
function mqueue.mq_timedreceive()
  local raw, getattr = sys.mq_timedreceive, sys.mq_getsetattr
  local timespec, attr_t = types.t.timespec, types.t.mq_attr
  return function(fd, buffer, timeout)
    local fd_number = args.fd(fd, "mq_timedreceive", 1, "fd")
    local as_string = buffer == nil
    local length
    if as_string then
      local attr = attr_t()
      if getattr(fd_number, nil, attr) == -1 then
        return fail()
      end
      buffer, length = args.scratch(tonumber(attr.mq_msgsize))
    else
      length = args.length(nil, "mq_timedreceive", 2, "buf", args.buffer(buffer, "mq_timedreceive", 2, "buf"))
    end
    timeout = args.optional_record(timeout, "mq_timedreceive", 3, "timeout", timespec)
    local priority = box()
    local count = raw(fd_number, buffer, length, priority, timeout)
    if count == -1 then
      return fail()
    end
    return as_string and ffi.string(buffer, count) or count, priority[0]
  end
end

return mqueue
