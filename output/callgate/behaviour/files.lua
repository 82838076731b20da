-- close, and calls of which a numbered one takes more arguments.

local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local sys = require "callgate.sys"

local files = {}

-- Objects know whether they are closed already; a plain number is the caller's own business.
function files.close()
  local close = sys.close
  return function(fd)
    if descriptors.number(fd) then
      return fd:close()
    end
    if close(args.fd(fd, "close", 1, "fd")) == -1 then
      return errors.fail()
    end
    return true
  end
end

-- The numbered call alone takes flags, and older kernels lack it: it is called when there are any.
local function with_flags(name, numbered, convert)
  return function()
    local plain, full = sys[name], sys[numbered]
    local AT = require("callgate.flags").group "AT"
    return function(dirfd, path, mode, options)
      local dirfd_number = args.dirfd(dirfd, name, 1, "dirfd")
      path = args.path(path, name, 2, "path")
      mode = convert(mode, name)
      options = args.flags(options, name, 4, "flags", AT)
      local result = options == 0 and plain(dirfd_number, path, mode)
        or options ~= 0 and full(dirfd_number, path, mode, options)
      if result == -1 then
        return errors.fail()
      end
      return true
    end
  end
end

files.fchmodat = with_flags("fchmodat", "fchmodat2", function(mode, call)
  return args.mode(mode, call, 3, "mode")
end)

files.faccessat = with_flags("faccessat", "faccessat2", function(mode, call)
  return args.flags(mode, call, 3, "mode", require("callgate.flags").group "ACCESS")
end)

return files
