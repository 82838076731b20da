-- Memory of other processes: its places are addresses and lengths in tables.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"
local vectors = require "callgate.behaviour.vectors"

local process_memory = {}

local exact = require "callgate.kinds.exact"

-- An array of iovec for { { address, length }... }; an address alone is as long as `total`.
local function places(rows, call, position, label, total)
  if type(rows) ~= "table" then
    rows = { { rows, total } }
  end
  local iov = ffi.new(ffi.typeof("$[?]", types.t.iovec), #rows)
  for i = 1, #rows do
    local row, name = rows[i], ("%s[%d]"):format(label, i)
    if type(row) ~= "table" then
      return args.expected("a row { address, length }", row, call, position, name)
    end
    iov[i - 1].iov_base = ffi.cast("void *", ffi.cast("uintptr_t", args.address(row[1], call, position, name)))
    iov[i - 1].iov_len = args.size(row[2], call, position, name)
  end
  return iov, #rows
end

local function total_of(iov, count)
  local total = 0
  for i = 0, count - 1 do
    total = total + tonumber(iov[i].iov_len)
  end
  return total
end

local function table_of(value, call)
  if type(value) ~= "table" then
    return args.expected("a table of strings, buffers or sizes", value, call, 2, "local")
  end
  return value
end

-- S.process_vm_readv(pid, { 10 }, address) -> 10, { "ten bytes." }
function process_memory.process_vm_readv()
  local raw = sys.process_vm_readv
  return function(pid, into, from)
    local call = "process_vm_readv"
    pid = args.int(pid, call, 1, "pid")
    local iov, count, buffers, any_new = vectors.for_reading(table_of(into, call), call)
    local remote, remote_count = places(from, call, 3, "from", total_of(iov, count))
    local result = raw(pid, iov, count, remote, remote_count, 0)
    if result == -1 then
      return errors.fail()
    end
    result = exact(result)
    return result, any_new and vectors.strings(into, buffers, result) or nil
  end
end

-- S.process_vm_writev(pid, { "text" }, address) -> 4
function process_memory.process_vm_writev()
  local raw = sys.process_vm_writev
  return function(pid, from, to)
    local call = "process_vm_writev"
    pid = args.int(pid, call, 1, "pid")
    local iov, count = vectors.for_writing(table_of(from, call), call)
    local remote, remote_count = places(to, call, 3, "to", total_of(iov, count))
    local result = raw(pid, iov, count, remote, remote_count, 0)
    if result == -1 then
      return errors.fail(from)
    end
    return exact(result)
  end
end

-- pidfd:madvise({ { address, length } }, "cold") -> bytes
function process_memory.process_madvise()
  local raw = sys.process_madvise
  local MADV = flags.group "MADV"
  return function(pidfd, ranges, advice, options)
    local call = "process_madvise"
    local pidfd_number = args.fd(pidfd, call, 1, "pidfd")
    if type(ranges) ~= "table" then
      return args.expected("a table { { address, length } }", ranges, call, 2, "ranges")
    end
    local iov, count = places(ranges, call, 2, "ranges")
    advice = args.choice(advice, call, 3, "advice", MADV)
    options = options == nil and 0 or args.uint(options, call, 4, "flags")
    local result = raw(pidfd_number, iov, count, advice, options)
    if result == -1 then
      return errors.fail()
    end
    return exact(result)
  end
end

return process_memory
