-- Directories: iteration over entries, and the working directory.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local sys = require "callgate.sys"

local directories = {}

local BUFFER = 32768 -- what glibc's opendir uses; the kernel fills it with as many entries as fit

-- Iterates over the entries in `buffer[0..length)`, asking for more through `refill` at its end.
local function entries(buffer, length, refill)
  local entry_pointer = require("callgate.types").pointer "dirent"
  local position = 0
  return function()
    if position >= length then
      length = refill and refill() or 0
      position = 0
      if length <= 0 then
        return nil
      end
    end
    local entry = ffi.cast(entry_pointer, buffer + position)
    position = position + entry.d_reclen
    return ffi.string(entry.d_name), entry
  end
end

-- fd:getdents() -> iterator over one bufferful: name, entry; an iterator of nothing at the end.
-- fd:getdents(buf, size) -> how many bytes the kernel wrote.
function directories.getdents()
  local raw = sys.getdents64
  return function(fd, buffer, size)
    local fd_number = args.fd(fd, "getdents", 1, "fd")
    if buffer ~= nil then
      args.buffer(buffer, "getdents", 2, "buf")
      local result = raw(fd_number, buffer, args.length(size, "getdents", 3, "size", buffer))
      if result == -1 then
        return errors.fail()
      end
      return result
    end
    buffer = ffi.new("uint8_t[?]", BUFFER)
    local length = raw(fd_number, buffer, BUFFER)
    if length == -1 then
      return errors.fail()
    end
    return entries(buffer, length)
  end
end

-- for name, entry in assert(S.dir "/etc") do ... end;  for name in assert(fd:dir()) do ... end
-- An entry is valid until the next step. A descriptor that dir opened closes at the end, on an error, or
-- when the iterator is collected; one of the caller's stays open.
function directories.dir()
  local raw = sys.getdents64
  local descriptors = require "callgate.fd"
  local open = require("callgate.calls").get "open"
  return function(path)
    local own, fd = not descriptors.number(path), path
    if own then
      args.path(path, "dir", 1, "path")
      local message, errno
      fd, message, errno = open(path, "rdonly, directory")
      if not fd then
        return nil, message, errno
      end
    else
      args.fd(fd, "dir", 1, "path")
    end
    local buffer = ffi.new("uint8_t[?]", BUFFER)
    local function refill()
      if fd.fd < 0 then
        return 0 -- closed: the end was reached before
      end
      local length = raw(fd.fd, buffer, BUFFER)
      if length > 0 then
        return length
      end
      local _, message = errors.fail()
      if own then
        fd:close()
      end
      if length == -1 then
        error(("dir: %s: %s"):format(tostring(path), message), 3)
      end
      return 0
    end
    return entries(buffer, 0, refill)
  end
end

local PATH_MAX = 4096 -- linux/limits.h

function directories.getcwd()
  local raw = sys.getcwd
  return function(buffer, size)
    if buffer ~= nil then
      args.buffer(buffer, "getcwd", 1, "buf")
      local result = raw(buffer, args.length(size, "getcwd", 2, "size", buffer))
      if result == -1 then
        return errors.fail()
      end
      return result
    end
    buffer = ffi.new("char[?]", PATH_MAX)
    local length = raw(buffer, PATH_MAX)
    if length == -1 then
      return errors.fail()
    end
    return ffi.string(buffer, length - 1) -- the kernel counts the final zero
  end
end

return directories
