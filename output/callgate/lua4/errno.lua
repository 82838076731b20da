-- NetBSD's errors, as the emulated lua(4) returns them: sys/errno.h's numbers, and what strerror(3) says there.

local errors = require "callgate.errors"

local errno = {}

local rows = {
  EPERM = { 1, "Operation not permitted" },
  ENOENT = { 2, "No such file or directory" },
  EINTR = { 4, "Interrupted system call" },
  EIO = { 5, "Input/output error" },
  ENXIO = { 6, "Device not configured" },
  EBADF = { 9, "Bad file descriptor" },
  ENOMEM = { 12, "Cannot allocate memory" },
  EACCES = { 13, "Permission denied" },
  EFAULT = { 14, "Bad address" },
  EBUSY = { 16, "Device busy" },
  ENODEV = { 19, "Operation not supported by device" },
  ENOTDIR = { 20, "Not a directory" },
  EISDIR = { 21, "Is a directory" },
  EINVAL = { 22, "Invalid argument" },
  ENFILE = { 23, "Too many open files in system" },
  EMFILE = { 24, "Too many open files" },
  ENOTTY = { 25, "Inappropriate ioctl for device" },
  ETXTBSY = { 26, "Text file busy" },
  EFBIG = { 27, "File too large" },
  EAGAIN = { 35, "Resource temporarily unavailable" },
  EOPNOTSUPP = { 45, "Operation not supported" },
  ETIMEDOUT = { 60, "Operation timed out" },
  ELOOP = { 62, "Too many levels of symbolic links" },
  ENAMETOOLONG = { 63, "File name too long" },
  ESTALE = { 70, "Stale NFS file handle" },
  EOVERFLOW = { 84, "Value too large to be stored in data type" },
}
errno.rows = rows

-- What an ioctl that fails returns: nil, NetBSD's message, NetBSD's number.
function errno.fail(name)
  local row = rows[name]
  return nil, row[2], row[1]
end

-- The same for an errno of this machine, as opening a file gives one. What NetBSD has no name for is EIO.
function errno.of(number)
  local name = errors.errname(number)
  return errno.fail(rows[name] and name or "EIO")
end

return errno
