-- Terminals: what termios(3) and pty(7) name, by the operations of ioctl_tty(2).

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local terminals = {}

local fail = errors.fail
local cast = ffi.cast
local int_t = ffi.typeof "int[1]"

local function address(memory)
  return cast("uintptr_t", cast("const void *", memory))
end

function terminals.tcgetattr()
  local raw, TCGETS, termios = sys.ioctl, constants.get "TCGETS", types.t.termios
  return function(fd, tio)
    local fd_number = args.fd(fd, "tcgetattr", 1, "fd")
    tio = args.out(tio, "tcgetattr", 2, "tio", termios)
    if raw(fd_number, TCGETS, address(tio)) == -1 then
      return fail()
    end
    return tio
  end
end

-- The requests in the order of TCSANOW, TCSADRAIN and TCSAFLUSH, whose numbers the architectures choose.
local SET = { [0] = "TCSETS", "TCSETSW", "TCSETSF" }

-- fd:tcsetattr("now", tio); a termios2 goes by the requests that take one.
function terminals.tcsetattr()
  local raw, termios, termios2 = sys.ioctl, types.t.termios, types.t.termios2
  local TCSA, first = flags.group "TCSA", constants.get "TCSANOW"
  return function(fd, when, tio)
    local fd_number = args.fd(fd, "tcsetattr", 1, "fd")
    local request = SET[args.choice(when, "tcsetattr", 2, "when", TCSA) - first]
    if not request then
      return args.expected('"now", "drain" or "flush"', when, "tcsetattr", 2, "when")
    elseif termios2 and ffi.istype(termios2, tio) then
      request = request .. "2"
    else
      tio = args.record(tio, "tcsetattr", 3, "tio", termios)
    end
    if raw(fd_number, constants.get(request), address(tio)) == -1 then
      return fail()
    end
    return true
  end
end

-- A request that takes a number, and returns nothing.
local function telling(name, request, number, label, default)
  return function()
    local raw = sys.ioctl
    request = constants.get(request) or request
    return function(fd, value)
      local fd_number = args.fd(fd, name, 1, "fd")
      if label then
        value = value == nil and default or args.int(value, name, 2, label)
      end
      if raw(fd_number, request, number or value) == -1 then
        return fail()
      end
      return true
    end
  end
end

terminals.tcdrain = telling("tcdrain", "TCSBRK", 1)

-- tcsendbreak(3): 0 is a quarter of a second; of other numbers the kernel's TCSBRKP takes tenths.
function terminals.tcsendbreak()
  local short, long = telling("tcsendbreak", "TCSBRK", 0)(), telling("tcsendbreak", "TCSBRKP", nil, "duration")()
  return function(fd, duration)
    if duration == nil or duration == 0 then
      return short(fd)
    end
    return long(fd, duration)
  end
end

-- A request whose number has a name.
local function choosing(name, request, group, label)
  return function()
    local raw, names, number = sys.ioctl, flags.group(group), constants.get(request)
    return function(fd, value)
      local fd_number = args.fd(fd, name, 1, "fd")
      if raw(fd_number, number, args.choice(value, name, 2, label, names)) == -1 then
        return fail()
      end
      return true
    end
  end
end

terminals.tcflush = choosing("tcflush", "TCFLSH", "TCFLUSH", "queue")
terminals.tcflow = choosing("tcflow", "TCXONC", "TCFLOW", "action")

-- A request that fills in an int.
local function asking(name, request)
  return function()
    local raw, number = sys.ioctl, constants.get(request)
    return function(fd)
      local value = int_t()
      if raw(args.fd(fd, name, 1, "fd"), number, address(value)) == -1 then
        return fail()
      end
      return value[0]
    end
  end
end

terminals.tcgetsid = asking("tcgetsid", "TIOCGSID")
terminals.tcgetpgrp = asking("tcgetpgrp", "TIOCGPGRP")

function terminals.tcsetpgrp()
  local raw, request = sys.ioctl, constants.get "TIOCSPGRP"
  return function(fd, group)
    local fd_number = args.fd(fd, "tcsetpgrp", 1, "fd")
    local value = int_t(args.int(group, "tcsetpgrp", 2, "group"))
    if raw(fd_number, request, address(value)) == -1 then
      return fail()
    end
    return true
  end
end

function terminals.isatty()
  local raw, TCGETS, termios = sys.ioctl, constants.get "TCGETS", types.t.termios
  local ENOTTY, EINVAL = constants.get "ENOTTY", constants.get "EINVAL"
  return function(fd)
    local tio = termios()
    if raw(args.fd(fd, "isatty", 1, "fd"), TCGETS, address(tio)) == 0 then
      return true
    elseif ffi.errno() == ENOTTY or ffi.errno() == EINVAL then
      return false
    end
    return fail()
  end
end

-- --- pseudo-terminals -------------------------------------------------------------------------------------

function terminals.posix_openpt()
  local raw, O, AT_FDCWD = sys.openat, flags.group "O", constants.get "AT_FDCWD"
  local cloexec = O.CLOEXEC
  return function(options)
    options = args.flags_with(options == nil and "rdwr, noctty" or options, "posix_openpt", 1, "flags", O, cloexec)
    local fd = raw(AT_FDCWD, "/dev/ptmx", options, 0)
    if fd == -1 then
      return fail()
    end
    return descriptors.type(fd)
  end
end

function terminals.unlockpt()
  local raw, request = sys.ioctl, constants.get "TIOCSPTLCK"
  return function(fd)
    local value = int_t(0)
    if raw(args.fd(fd, "unlockpt", 1, "fd"), request, address(value)) == -1 then
      return fail()
    end
    return true
  end
end

function terminals.ptsname()
  local number = asking("ptsname", "TIOCGPTN")()
  return function(fd)
    local found, message, errno = number(fd)
    if not found then
      return nil, message, errno
    end
    return "/dev/pts/" .. found
  end
end

-- local master, tty = assert(S.openpty())
function terminals.openpty()
  local open, unlock = terminals.posix_openpt(), terminals.unlockpt()
  local raw, request, size_request = sys.ioctl, constants.get "TIOCGPTPEER", constants.get "TIOCSWINSZ"
  local O = flags.group "O"
  local set, termios2 = terminals.tcsetattr(), types.t.termios2
  return function(tio, size)
    if not (termios2 and ffi.istype(termios2, tio)) then
      tio = args.optional_record(tio, "openpty", 1, "tio", types.t.termios)
    end
    size = args.optional_record(size, "openpty", 2, "size", types.t.winsize)
    local master, message, errno = open()
    if not master then
      return nil, message, errno
    end
    local ok, number
    ok, message, errno = unlock(master)
    if ok then
      number = raw(master.fd, request, O "rdwr, noctty, cloexec")
      ok, message, errno = number ~= -1, select(2, fail())
    end
    if not ok then
      master:close()
      return nil, message, errno
    end
    local tty = descriptors.type(number)
    if tio ~= nil then
      ok, message, errno = set(tty, "now", tio)
    end
    if ok and size ~= nil and raw(master.fd, size_request, address(size)) == -1 then
      ok, message, errno = fail()
    end
    if not ok then
      master:close()
      tty:close()
      return nil, message, errno
    end
    return master, tty
  end
end

return terminals
