-- The mount API of descriptors: configuring file systems, placing mounts, asking about them.

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local operations = require "callgate.behaviour.operations"
local sys = require "callgate.sys"
local types = require "callgate.types"

local mounting = {}

local fail = errors.fail
local AT_EMPTY_PATH = 4096 -- linux/fcntl.h: the same everywhere

local function done(result)
  if result == -1 then
    return fail()
  end
  return true
end

-- --- configuring a file system ----------------------------------------------------------------------------

-- A value for set_string: numbers as the digits that options have.
local function to_text(value)
  if type(value) == "number" then
    return ("%.14g"):format(value)
  end
  return value
end

-- fs:config("set_flag", "ro"); fs:config("set_string", "size", "1m"); fs:config("set_path", "lowerdir", path,
-- dirfd); fs:config("set_binary", key, data); fs:config("set_fd", key, fd); fs:config "cmd_create"
function mounting.fsconfig()
  local raw = sys.fsconfig
  local FSCONFIG = flags.group "FSCONFIG"
  local rows = operations.by_number "fsconfig"
  local commands = {}
  for _, name in ipairs { "CMD_CREATE", "CMD_CREATE_EXCL", "CMD_RECONFIGURE" } do
    commands[FSCONFIG[name] or -1] = true -- older headers lack the second
  end
  return function(fd, operation, key, value, dirfd)
    local fd_number = args.fd(fd, "fsconfig", 1, "fd")
    operation = args.choice(operation, "fsconfig", 2, "operation", FSCONFIG)
    local row = rows[operation]
    if not row then
      return args.misuse("fsconfig", 2, "operation", "unknown operation " .. tostring(operation))
    elseif commands[operation] then
      return done(raw(fd_number, operation, nil, nil, 0))
    end
    key = args.string(key, "fsconfig", 3, "key")
    if row.how == "none" then
      return done(raw(fd_number, operation, key, nil, 0))
    elseif row.how == "value" then
      return done(raw(fd_number, operation, key, nil, args.fd(value, "fsconfig", 4, "value")))
    end
    value = operations.input(row.kind, row.kind == "string" and to_text(value) or value, "fsconfig", 4, "value")
    local aux = 0
    if row.kind == "path" then
      aux = args.dirfd(dirfd, "fsconfig", 5, "dirfd")
    elseif row.kind == "data" then
      aux = args.length(nil, "fsconfig", 4, "value", value)
    end
    return done(raw(fd_number, operation, key, value, aux))
  end
end

-- fs:set "ro"; fs:set("size", "1m"); fs:set("nr_inodes", 100); fs:set("source", fd); fs:set { size = "1m" },
-- which stops at the first failure.
function mounting.fsconfig_set()
  local raw = sys.fsconfig
  local SET_FLAG, SET_STRING = constants.get "FSCONFIG_SET_FLAG", constants.get "FSCONFIG_SET_STRING"
  local SET_FD = constants.get "FSCONFIG_SET_FD"
  local function set(fd, key, value)
    key = args.string(key, "fsconfig_set", 2, "key")
    if value == nil or value == true then
      return done(raw(fd, SET_FLAG, key, nil, 0))
    elseif descriptors.number(value) then
      return done(raw(fd, SET_FD, key, nil, args.fd(value, "fsconfig_set", 3, "value")))
    elseif value == false then
      return args.misuse("fsconfig_set", 3, "value", "a flag is set or not named; most have a name to clear it")
    end
    return done(raw(fd, SET_STRING, key, args.string(to_text(value), "fsconfig_set", 3, "value"), 0))
  end
  return function(fd, key, value)
    local fd_number = args.fd(fd, "fsconfig_set", 1, "fd")
    if type(key) ~= "table" then
      local ok, message, errno = set(fd_number, key, value) -- no tail call: fd lives until it has returned
      if not ok then
        return nil, message, errno
      end
      return true
    end
    local names = {}
    for name in pairs(key) do
      names[#names + 1] = args.string(name, "fsconfig_set", 2, "key")
    end
    table.sort(names) -- always in the same order
    for _, name in ipairs(names) do
      local ok, message, errno = set(fd_number, name, key[name])
      if not ok then
        return nil, message, errno
      end
    end
    return true
  end
end

local LINE = 4096 -- longer than what file systems say at once
local MOST_LINES = 64 -- fs/fs_context.c keeps the last 8; a descriptor of something else may go on for ever
local ENODATA = constants.get "ENODATA"

-- fs:log() -> { "e tmpfs: Bad value for 'size'" }: e is an error, w a warning, i information. Reading takes
-- the lines away.
function mounting.fsconfig_log()
  local raw = sys.read
  return function(fd)
    local fd_number = args.fd(fd, "fsconfig_log", 1, "fd")
    local lines, buffer = {}, args.scratch(LINE)
    for _ = 1, MOST_LINES do
      local length = raw(fd_number, buffer, LINE)
      if length == -1 then
        if ffi.errno() == ENODATA then
          return lines
        end
        return fail()
      end
      lines[#lines + 1] = ffi.string(buffer, length):gsub("\n$", "")
    end
    return lines
  end
end

-- --- placing mounts ---------------------------------------------------------------------------------------

-- tree:attach(path[, dirfd[, flags]])
function mounting.mount_attach()
  local raw = sys.move_mount
  local MOVE_MOUNT = flags.group "MOVE_MOUNT"
  local F_EMPTY_PATH = MOVE_MOUNT.F_EMPTY_PATH
  return function(tree, path, dirfd, options)
    local tree_number = args.fd(tree, "mount_attach", 1, "tree")
    path = args.path(path, "mount_attach", 2, "path")
    local dirfd_number = args.dirfd(dirfd, "mount_attach", 3, "dirfd")
    options = args.flags(options, "mount_attach", 4, "flags", MOVE_MOUNT)
    return done(raw(tree_number, "", dirfd_number, path, flags.either(options, F_EMPTY_PATH)))
  end
end

-- tree:set({ set = "rdonly" }[, "recursive"])
function mounting.mount_set()
  local raw = sys.mount_setattr
  local attr_t = types.t.mount_attr
  local AT, SIZE = flags.group "AT", types.s.mount_attr
  return function(tree, attr, options)
    local tree_number = args.fd(tree, "mount_set", 1, "tree")
    attr = args.record(attr, "mount_set", 2, "attr", attr_t)
    options = args.flags(options, "mount_set", 3, "flags", AT)
    return done(raw(tree_number, "", flags.either(options, AT_EMPTY_PATH), attr, SIZE))
  end
end

-- --- asking -----------------------------------------------------------------------------------------------

local FIRST, LAST = 4096, 1048576 -- bytes for the strings of a mount: where to begin and to give up
local BY_FD = 1 -- linux/mount.h: STATMOUNT_BY_FD

-- S.statmount(id[, "mnt_basic, mnt_point"]) -> statmount; all that the kernel knows unless a mask is given.
-- S.statmount(fd) asks for the mount of a descriptor (Linux 7.0).
function mounting.statmount()
  local raw = sys.statmount
  local req_t, mount_t = types.t.mnt_id_req, types.t.statmount
  local STATMOUNT = flags.group "STATMOUNT"
  local everything = 0
  for _, name in ipairs(flags.names(STATMOUNT)) do
    everything = flags.either(everything, STATMOUNT[name])
  end
  local EOVERFLOW = constants.get "EOVERFLOW"
  return function(mount, mask)
    local options, req = 0
    if descriptors.number(mount) then
      options, req = BY_FD, req_t(0)
      req.mnt_fd = args.fd(mount, "statmount", 1, "mount")
    elseif mount == nil then
      return args.expected('a mount\'s number, a descriptor, or "root"', mount, "statmount", 1, "mount")
    else
      req = args.record(mount, "statmount", 1, "mount", req_t)
    end
    req.param = mask == nil and everything or args.flags(mask, "statmount", 2, "mask", STATMOUNT)
    local room = FIRST
    while true do
      local result = mount_t(room)
      if raw(req, result, #result, options) ~= -1 then
        return result
      elseif ffi.errno() ~= EOVERFLOW or room >= LAST then
        return fail()
      end
      room = room * 4
    end
  end
end

local MANY = 512 -- mounts asked for at once
local ids_t = ffi.typeof("uint64_t[$]", MANY)

-- S.listmount() -> numbers of all mounts that this process sees; S.listmount(id, "reverse")
function mounting.listmount()
  local raw = sys.listmount
  local req_t = types.t.mnt_id_req
  local LISTMOUNT = flags.group "LISTMOUNT"
  return function(mount, options)
    local req = mount == nil and req_t() or args.record(mount, "listmount", 1, "mount", req_t)
    options = args.flags(options, "listmount", 2, "flags", LISTMOUNT)
    local list, ids = {}, ids_t()
    repeat
      local count = raw(req, ids, MANY, options)
      if count == -1 then
        return fail()
      end
      count = tonumber(count)
      for i = 0, count - 1 do
        list[#list + 1] = exact(ids[i])
      end
      if count > 0 then
        req.param = ids[count - 1]
      end
    until count < MANY
    return list
  end
end

return mounting
