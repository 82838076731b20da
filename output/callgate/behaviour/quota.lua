-- quotactl: the operation's name decides what the value is (operations/quotactl.lua, from spec/operations).

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local operations = require "callgate.behaviour.operations"
local sys = require "callgate.sys"

local quota = {}

local QCMD = 256 -- linux/quota.h: QCMD(cmd, type) is cmd << 8 | type

-- What the kernel reads or fills in, as the operation's row says.
local function memory_for(row, value, call)
  if not row then
    return args.pointer(value, call, 5, "value")
  elseif row.how == "none" then
    return nil
  elseif value == nil and row.how ~= "in" then
    return operations.output(row.kind)
  end
  return operations.input(row.kind, value, call, 5, "value")
end

-- Checks what both calls take, the file by `convert(file)`, and performs `ask(converted, command, id, pointer)`.
-- `first` is the position of the operation.
local function maker(call, first, convert, ask)
  local Q, QUOTA, QFMT = flags.group "Q", flags.group "QUOTA", flags.group "QFMT"
  local rows = operations.by_number "quotactl"
  return function(file, operation, kind, id, value)
    local converted = convert(file)
    operation = args.choice(operation, call, first, "operation", Q)
    kind = args.choice(kind == nil and 0 or kind, call, first + 1, "type", QUOTA)
    if type(id) == "string" then
      id = args.choice(id, call, 4, "id", QFMT) -- what quotaon takes in its place
    else
      id = args.uint(id == nil and 0 or id, call, 4, "id")
    end
    local row = rows[operation]
    local data = memory_for(row, value, call)
    local pointer = type(data) == "string" and ffi.cast("const char *", data) or data
    if ask(converted, operation * QCMD + kind, id, ffi.cast("void *", pointer)) == -1 then
      return errors.fail()
    elseif row and (row.how == "out" or row.how == "both") then
      return operations.value(row.kind, data)
    end
    return true
  end
end

-- S.quotactl("getquota", "usr", "/dev/sda1", uid) -> if_dqblk; S.quotactl "sync"
function quota.quotactl()
  local raw = sys.quotactl
  local perform = maker("quotactl", 1, function(device)
    return args.optional_path(device, "quotactl", 3, "device")
  end, function(device, command, id, pointer)
    return raw(command, device, id, pointer)
  end)
  return function(operation, kind, device, id, value)
    return perform(device, operation, kind, id, value)
  end
end

-- fd:quotactl("getquota", "usr", uid) -> if_dqblk
function quota.quotactl_fd()
  local raw = sys.quotactl_fd
  return maker("quotactl_fd", 2, function(fd)
    return args.fd(fd, "quotactl_fd", 1, "fd")
  end, raw)
end

return quota
