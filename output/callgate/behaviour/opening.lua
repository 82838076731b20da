-- open and openat: flags as names, or openat2's options in a table.

local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local known = require "callgate.known"
local sys = require "callgate.sys"

local opening = {}

local fail = errors.fail
local AT_FDCWD = -100 -- linux/fcntl.h: the same everywhere
local CREATED = 438 -- 0666, of which umask takes away: what creat and C's fopen give; looked at for new files alone

-- S.open(path, { flags = "rdonly", mode = "0644", resolve = "beneath" })
local function with_options(call, position, dirfd, path, options)
  local dirfd_number = args.dirfd(dirfd, call, 1, "dirfd")
  -- What open_how would say of these, in the name of the call.
  args.flags(options.flags, call, position, "flags.flags", flags.group "O")
  args.flags(options.resolve, call, position, "flags.resolve", flags.group "RESOLVE")
  if options.mode ~= nil then
    args.mode(options.mode, call, position, "flags.mode")
  end
  local open_how = require("callgate.types").t.open_how
  local how = args.record(options, call, position, "flags", open_how)
  local result = sys.openat2(dirfd_number, path, how, #how)
  if result == -1 then
    return fail()
  end
  return descriptors.type(result)
end

function opening.open()
  local raw, own, descriptor = sys.openat, descriptors.own, descriptors.type
  local to_path, to_flags, to_mode = args.path, args.flags_with, args.mode
  local O = flags.group "O"
  local cloexec = O.CLOEXEC
  local known_path, known_flags = known.paths, known.names()
  return function(path, options, mode)
    local path_text = known_path[path] or to_path(path, "open", 1, "path")
    local bits = known_flags[options]
    if not bits then
      if type(options) == "table" then
        return with_options("open", 2, nil, path, options)
      end
      bits = to_flags(options, "open", 2, "flags", O, cloexec)
      known.keep_name(known_flags, options, bits)
    end
    mode = mode == nil and CREATED or to_mode(mode, "open", 3, "mode")
    local result = raw(AT_FDCWD, path_text, bits, mode)
    if result == -1 then
      return fail()
    end
    return own(descriptor, result)
  end
end

function opening.openat()
  local raw = sys.openat
  local O = flags.group "O"
  local cloexec = O.CLOEXEC
  return function(dirfd, path, options, mode)
    local dirfd_number = args.dirfd(dirfd, "openat", 1, "dirfd")
    path = args.path(path, "openat", 2, "path")
    if type(options) == "table" then
      return with_options("openat", 3, dirfd, path, options)
    end
    options = args.flags_with(options, "openat", 3, "flags", O, cloexec)
    mode = mode == nil and CREATED or args.mode(mode, "openat", 4, "mode")
    local result = raw(dirfd_number, path, options, mode)
    if result == -1 then
      return fail()
    end
    return descriptors.type(result)
  end
end

return opening
