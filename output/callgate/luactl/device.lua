-- The device file of lua(4), by the C library alone: the rest of Callgate speaks to Linux.

local ffi = require "ffi"
local errors = require "callgate.errors"

-- ioctl and open are variadic: what they get beyond their parameters goes where the C library looks for it.
ffi.cdef [[
int callgate_luactl_open(const char *, int, ...) __asm__("open");
int callgate_luactl_ioctl(int, unsigned long, ...) __asm__("ioctl");
int callgate_luactl_close(int) __asm__("close");
]]

local C = ffi.C

local O_RDWR = 2 -- NetBSD's sys/fcntl.h, and Linux's
local ENOENT, EBADF = 2, 9 -- everywhere

local HINT = '%s: %s. lua(4) is a device of NetBSD ("modload lua" makes it); elsewhere its emulator does the same: '
  .. 'luactl.open(require("callgate.lua4").open())'

local device = {}

local methods = {}
methods.__index = methods

-- Opens the device file; it is closed at the latest when the object is collected.
function device.open(path)
  local fd = C.callgate_luactl_open(path, O_RDWR)
  if fd < 0 then
    local _, message, errno = errors.fail()
    return nil, (errno == ENOENT and HINT or "%s: %s"):format(path, message), errno
  end
  local self = setmetatable({ fd = fd, anchor = newproxy(true) }, methods)
  getmetatable(self.anchor).__gc = function() self:close() end
  return self
end

function methods:ioctl(request, argument)
  if self.fd < 0 then
    return errors.failed(EBADF)
  end
  local result = C.callgate_luactl_ioctl(self.fd, request, ffi.cast("void *", argument))
  if result == -1 then
    return errors.fail()
  end
  return result
end

function methods:close()
  local fd = self.fd
  self.fd = -1
  if fd < 0 then
    return errors.failed(EBADF)
  elseif C.callgate_luactl_close(fd) == -1 then
    return errors.fail()
  end
  return true
end

return device
