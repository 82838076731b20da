-- Page faults handled in user space: the ioctls of a userfaultfd with memory from regions and strings. The others
-- are u:ioctl("UFFDIO_WAKE", { start = address, len = n }) and their like.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local constants = require "callgate.constants"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local userfault = {}

local fail = errors.fail
local cast = ffi.cast

local function word(record)
  return cast("uintptr_t", cast("void *", record))
end

-- u:api "thread_id" -> uffdio_api
function userfault.userfault_api()
  local raw, API = sys.ioctl, constants.get "UFFDIO_API"
  local VERSION = constants.get "UFFD_API"
  local group = flags.group "UFFD_FEATURE"
  return function(fd, features)
    local fd_number = args.fd(fd, "userfault_api", 1, "fd")
    local api = types.t.uffdio_api()
    api.api = VERSION
    api.features = args.flags(features, "userfault_api", 2, "features", group)
    if raw(fd_number, API, word(api)) == -1 then
      return fail()
    end
    return api
  end
end

-- u:register(region, #region, "mode_missing") -> uffdio_register
function userfault.userfault_register()
  local raw, REGISTER = sys.ioctl, constants.get "UFFDIO_REGISTER"
  local group = flags.group "UFFDIO_REGISTER"
  return function(fd, addr, length, mode)
    local fd_number = args.fd(fd, "userfault_register", 1, "fd")
    local register = types.t.uffdio_register()
    register.range.start = cast("uintptr_t", args.address(addr, "userfault_register", 2, "addr"))
    register.range.len = args.size(length, "userfault_register", 3, "length")
    register.mode = args.flags(mode == nil and "mode_missing" or mode, "userfault_register", 4, "mode", group)
    if raw(fd_number, REGISTER, word(register)) == -1 then
      return fail()
    end
    return register
  end
end

-- u:read() -> uffd_msg
function userfault.userfault_read()
  local raw, uffd_msg = sys.read, types.t.uffd_msg
  local size = ffi.sizeof(uffd_msg)
  return function(fd, message)
    local fd_number = args.fd(fd, "userfault_read", 1, "fd")
    message = args.out(message, "userfault_read", 2, "message", uffd_msg)
    if raw(fd_number, message, size) == -1 then
      return fail()
    end
    return message
  end
end

-- u:copy(address, data) -> bytes
function userfault.userfault_copy()
  local raw, COPY = sys.ioctl, constants.get "UFFDIO_COPY"
  return function(fd, addr, data, mode)
    local fd_number = args.fd(fd, "userfault_copy", 1, "fd")
    local copy = types.t.uffdio_copy()
    copy.dst = cast("uintptr_t", args.address(addr, "userfault_copy", 2, "addr"))
    local length = args.length(nil, "userfault_copy", 3, "data", args.data(data, "userfault_copy", 3, "data"))
    copy.src = cast("uintptr_t", cast("const void *", type(data) == "string" and cast("const char *", data) or data))
    copy.len = length
    copy.mode = mode == nil and 0 or args.long(mode, "userfault_copy", 4, "mode")
    if raw(fd_number, COPY, word(copy)) == -1 then
      return fail(data)
    end
    return exact(copy.copy)
  end
end

return userfault
