-- pipe, dup and nonblock: two results, numbers that decide what happens, two calls in one.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"

local made = {}

local pair = ffi.typeof "int[2]"

function made.pipe()
  local raw = sys.pipe2
  local names = flags.group "O"
  local cloexec = names.CLOEXEC
  return function(options)
    options = args.flags_with(options, "pipe", 1, "flags", names, cloexec)
    local fds = pair()
    if raw(fds, options) == -1 then
      return errors.fail()
    end
    return descriptors.type(fds[0]), descriptors.type(fds[1])
  end
end

-- Onto a number: the object that owns it already, if it was given as one, since two would close it
-- twice. Standard input, output and error are not the collector's to close.
local function owner(number, given)
  if descriptors.number(given) then
    return given
  end
  local fd = descriptors.type(number)
  return number <= 2 and fd:nogc() or fd
end

local function onto(call, raw, fcntl, GETFD)
  local O = flags.group "O"
  return function(fd, new, options)
    local from = args.fd(fd, call, 1, "fd")
    local number = args.fd(new, call, 2, "new")
    options = args.flags(options, call, 3, "flags", O)
    if from == number and call ~= "dup3" then
      -- Nothing to do, as dup2 has it, if it is open at all; dup3 refuses it.
      if fcntl(from, GETFD, 0) == -1 then
        return errors.fail()
      end
      return owner(number, descriptors.number(new) and new or fd)
    elseif raw(from, number, options) == -1 then
      return errors.fail()
    end
    return owner(number, new)
  end
end

-- fd:dup() is close-on-exec like every new descriptor; fd:dup(n) is not, since that is how a child
-- gets its standard input and output.
function made.dup()
  local fcntl = sys.fcntl
  local F = flags.group "F"
  local DUPFD_CLOEXEC = F.DUPFD_CLOEXEC
  local second = onto("dup", sys.dup3, fcntl, F.GETFD)
  return function(fd, new, options)
    if new ~= nil then
      return second(fd, new, options)
    end
    local result = fcntl(args.fd(fd, "dup", 1, "fd"), DUPFD_CLOEXEC, 0)
    if result == -1 then
      return errors.fail()
    end
    return descriptors.type(result)
  end
end

function made.dup2()
  local second = onto("dup2", sys.dup3, sys.fcntl, flags.group("F").GETFD)
  return function(fd, new)
    return second(fd, new)
  end
end

function made.dup3()
  return onto("dup3", sys.dup3)
end

function made.nonblock()
  local raw = sys.fcntl
  local F, NONBLOCK = flags.group "F", flags.group("O").NONBLOCK
  return function(fd, on)
    local fd_number = args.fd(fd, "nonblock", 1, "fd")
    if on ~= nil and type(on) ~= "boolean" then
      return args.expected("true or false", on, "nonblock", 2, "on") -- 0 is C's false, and Lua's true
    end
    local old = raw(fd_number, F.GETFL, 0)
    if old == -1 then
      return errors.fail()
    end
    local new = on == false and bit.band(old, bit.bnot(NONBLOCK)) or bit.bor(old, NONBLOCK)
    if new ~= old and raw(fd_number, F.SETFL, new) == -1 then
      return errors.fail()
    end
    return true
  end
end

return made
