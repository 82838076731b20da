-- Extended attributes, whose length only the kernel knows, and cachestat.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local attributes = {}

local fail = errors.fail
local cast = ffi.cast

-- linux/limits.h: XATTR_SIZE_MAX and XATTR_LIST_MAX. No value and no list is longer.
local MOST = 65536

-- Memory for a value: the caller's, or scratch, which becomes a string (the third result) since nobody
-- else has it. A size of 0 asks how long the value is, and no memory is needed.
local function room(buffer, size, call, position)
  if buffer ~= nil then
    args.buffer(buffer, call, position, "buf")
    return buffer, args.length(size, call, position + 1, "size", buffer), false
  end
  size = size == nil and MOST or args.size(size, call, position + 1, "size")
  if size == 0 then
    return nil, 0, false
  end
  local memory, available = args.scratch(size)
  return memory, available, true
end

-- "a\0b\0" as { "a", "b" }
local function names_of(text)
  local names = {}
  for name in text:gmatch "%Z+" do
    names[#names + 1] = name
  end
  return names
end

local function text_of(text)
  return text
end

local function finish(result, buffer, owned, convert)
  if result == -1 then
    return fail()
  elseif owned then
    return convert(ffi.string(buffer, result))
  end
  return result
end

-- S.getxattr(path, name) -> string; S.getxattr(path, name, buffer) -> length
local function getter(call, to_file, label)
  return function()
    local raw = sys[call]
    return function(file, name, buffer, size)
      file = to_file(file, call, 1, label)
      name = args.string(name, call, 2, "name")
      local memory, available, owned = room(buffer, size, call, 3)
      return finish(raw(file, name, memory, available), memory, owned, text_of)
    end
  end
end

-- S.listxattr(path) -> { "user.a", "user.b" }; S.listxattr(path, buffer) -> length
local function lister(call, to_file, label)
  return function()
    local raw = sys[call]
    return function(file, buffer, size)
      file = to_file(file, call, 1, label)
      local memory, available, owned = room(buffer, size, call, 2)
      return finish(raw(file, memory, available), memory, owned, names_of)
    end
  end
end

attributes.getxattr = getter("getxattr", args.path, "path")
attributes.lgetxattr = getter("lgetxattr", args.path, "path")
attributes.fgetxattr = getter("fgetxattr", args.fd, "fd")
attributes.listxattr = lister("listxattr", args.path, "path")
attributes.llistxattr = lister("llistxattr", args.path, "path")
attributes.flistxattr = lister("flistxattr", args.fd, "fd")

-- --- relative to a directory ------------------------------------------------------------------------------

-- The record that the kernel takes; whoever asks for it keeps `memory`.
local function xattr_args(memory, size, options)
  local record = types.t.xattr_args()
  local pointer = type(memory) == "string" and cast("const char *", memory) or cast("const void *", memory)
  record.value, record.size, record.flags = cast("uintptr_t", pointer), size, options
  return record
end

function attributes.getxattrat()
  local raw = sys.getxattrat
  local AT, SIZE = flags.group "AT", types.s.xattr_args
  return function(dirfd, path, options, name, buffer, size)
    local dirfd_number = args.dirfd(dirfd, "getxattrat", 1, "dirfd")
    path = args.optional_path(path, "getxattrat", 2, "path")
    options = args.flags(options, "getxattrat", 3, "flags", AT)
    name = args.string(name, "getxattrat", 4, "name")
    local memory, available, owned = room(buffer, size, "getxattrat", 5)
    local result = raw(dirfd_number, path, options, name, xattr_args(memory, available, 0), SIZE)
    return finish(result, memory, owned, text_of)
  end
end

function attributes.setxattrat()
  local raw = sys.setxattrat
  local AT, XATTR, SIZE = flags.group "AT", flags.group "XATTR", types.s.xattr_args
  return function(dirfd, path, at_flags, name, value, options, size)
    local dirfd_number = args.dirfd(dirfd, "setxattrat", 1, "dirfd")
    path = args.optional_path(path, "setxattrat", 2, "path")
    at_flags = args.flags(at_flags, "setxattrat", 3, "at_flags", AT)
    name = args.string(name, "setxattrat", 4, "name")
    value = args.data(value, "setxattrat", 5, "value")
    options = args.flags(options, "setxattrat", 6, "flags", XATTR)
    size = args.length(size, "setxattrat", 7, "size", value)
    local result = raw(dirfd_number, path, at_flags, name, xattr_args(value, size, options), SIZE)
    return finish(result == 0 or result, value) -- value lives until here
  end
end

function attributes.listxattrat()
  local raw = sys.listxattrat
  local AT = flags.group "AT"
  return function(dirfd, path, options, buffer, size)
    local dirfd_number = args.dirfd(dirfd, "listxattrat", 1, "dirfd")
    path = args.optional_path(path, "listxattrat", 2, "path")
    options = args.flags(options, "listxattrat", 3, "flags", AT)
    local memory, available, owned = room(buffer, size, "listxattrat", 4)
    return finish(raw(dirfd_number, path, options, memory, available), memory, owned, names_of)
  end
end

-- --- the page cache ---------------------------------------------------------------------------------------

-- fd:cachestat() -> cachestat of the whole file
function attributes.cachestat()
  local raw = sys.cachestat
  local range_t, stat_t = types.t.cachestat_range, types.t.cachestat
  return function(fd, offset, length, stat)
    local fd_number = args.fd(fd, "cachestat", 1, "fd")
    local range = range_t()
    range.off = offset == nil and 0 or args.size(offset, "cachestat", 2, "offset")
    range.len = length == nil and 0 or args.size(length, "cachestat", 3, "length")
    stat = args.out(stat, "cachestat", 4, "stat", stat_t)
    if raw(fd_number, range, stat, 0) == -1 then
      return fail()
    end
    return stat
  end
end

return attributes
