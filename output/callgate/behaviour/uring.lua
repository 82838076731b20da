-- Rings of operations: setting one up, and submitting to it and waiting for what it completes.

local ffi = require "ffi"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local memory = require "callgate.memory"
local sys = require "callgate.sys"
local types = require "callgate.types"

local uring = {}

local either, without = flags.either, flags.without

local function has(bits, flag)
  return without(bits, flag) ~= bits
end

-- S.io_uring_setup(8, "clamp") -> ring, params
function uring.io_uring_setup()
  local raw = sys.io_uring_setup
  local params_t, ring = types.t.io_uring_params, descriptors.kind "uring"
  local REGISTERED = flags.group("IORING_SETUP").REGISTERED_FD_ONLY or 0
  return function(entries, params)
    entries = args.uint(entries, "io_uring_setup", 1, "entries")
    if params == nil then
      params = params_t()
    else
      params = args.record(params, "io_uring_setup", 2, "params", params_t)
    end
    local result = raw(entries, params)
    if result == -1 then
      return errors.fail()
    end
    return has(params.flags, REGISTERED) and result or ring(result), params -- an index is no descriptor
  end
end

-- A table as the argument that says how to wait, and what it points to.
local function waiting(row)
  local arg = types.t.io_uring_getevents_arg()
  local mask, timeout
  for name in pairs(row) do
    if name ~= "mask" and name ~= "timeout" and name ~= "min_wait" then
      args.misuse("io_uring_enter", 5, "argument", ("unknown key %q: mask, timeout, min_wait"):format(tostring(name)))
    end
  end
  if row.mask ~= nil then
    mask = args.record(row.mask, "io_uring_enter", 5, "mask", types.t.sigset)
    arg.sigmask, arg.sigmask_sz = args.address(mask, "io_uring_enter", 5, "mask"), ffi.sizeof(mask)
  end
  if row.timeout ~= nil then
    timeout = args.record(row.timeout, "io_uring_enter", 5, "timeout", types.t.timespec)
    arg.ts = args.address(timeout, "io_uring_enter", 5, "timeout")
  end
  arg.min_wait_usec = (row.min_wait or 0) * 1e6
  return arg, { mask, timeout }
end

-- ring:enter(submit, wait, "getevents", { timeout = 0.5 }) -> how many it has taken
function uring.io_uring_enter()
  local raw = sys.io_uring_enter
  local group = flags.group "IORING_ENTER"
  local GETEVENTS, EXT_ARG, EXT_ARG_REG = group.GETEVENTS, group.EXT_ARG, group.EXT_ARG_REG
  local arg_t, sigset_t = types.t.io_uring_getevents_arg, types.t.sigset
  return function(fd, submit, complete, options, argument)
    local fd_number = args.fd(fd, "io_uring_enter", 1, "fd")
    submit = args.uint(submit == nil and 0 or submit, "io_uring_enter", 2, "submit")
    complete = args.uint(complete == nil and 0 or complete, "io_uring_enter", 3, "complete")
    options = args.flags(options, "io_uring_enter", 4, "flags", group)
    if complete > 0 then
      options = either(options, GETEVENTS)
    end
    local kept
    local size = 0
    if ffi.istype(arg_t, argument) and memory.is(argument) then
      options, size = either(options, EXT_ARG), ffi.sizeof(arg_t)
    elseif type(argument) == "table" and (argument[1] == nil) then
      argument, kept = waiting(argument)
      options, size = either(options, EXT_ARG), ffi.sizeof(arg_t)
    elseif has(options, EXT_ARG_REG) then -- an offset in the region that was registered
      size = types.s.io_uring_reg_wait
      argument = ffi.cast("const void *", args.address(argument, "io_uring_enter", 5, "argument"))
    elseif argument ~= nil then
      argument, size = args.record(argument, "io_uring_enter", 5, "argument", sigset_t), ffi.sizeof(sigset_t)
    end
    local result = raw(fd_number, submit, complete, options, argument, size)
    if result == -1 then
      return errors.fail(kept) -- which keeps what the argument points to until here
    end
    return result
  end
end

return uring
