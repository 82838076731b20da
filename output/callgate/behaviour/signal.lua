-- What a signalfd is read and changed by.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local sys = require "callgate.sys"
local types = require "callgate.types"

local signal = {}

-- s:read() -> the next signal as a signalfd_siginfo; s:read(info) fills in the caller's;
-- s:read(buffer, count) is like read of any descriptor.
function signal.signalfd_read()
  local raw = sys.read
  local read = require("callgate.calls").get "read"
  local info_t = types.t.signalfd_siginfo
  local size = ffi.sizeof(info_t)
  return function(fd, info, count)
    if count ~= nil then
      return read(fd, info, count)
    end
    info = args.out(info, "signalfd_read", 2, "info", info_t)
    if raw(args.fd(fd, "signalfd_read", 1, "fd"), info, size) == -1 then
      return errors.fail()
    end
    return info
  end
end

function signal.signalfd_setmask()
  local raw = sys.signalfd4
  local sigset_t = types.t.sigset
  local size = ffi.sizeof(sigset_t)
  return function(fd, mask)
    mask = args.record(mask, "signalfd_setmask", 2, "mask", sigset_t)
    if raw(args.fd(fd, "signalfd_setmask", 1, "fd"), mask, size, 0) == -1 then
      return errors.fail()
    end
    return true
  end
end

return signal
