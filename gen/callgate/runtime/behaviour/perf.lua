-- Counters of events: what a read returns depends on how the counter was opened.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local perf = {}

local ENOSPC = 28 -- asm-generic/errno-base.h: the same everywhere
local FIRST, MOST = 64, 65536 -- counters of a group that a read has room for

local formats = setmetatable({}, { __mode = "k" }) -- counter -> its read_format, where it has one

-- S.perf_event_open { "task_clock", disabled = true } -> counter
function perf.perf_event_open()
  local raw = sys.perf_event_open
  local attr_t, counter = types.t.perf_event_attr, descriptors.kind "perf"
  local options_of = flags.group "PERF_FLAG"
  local cloexec = options_of.FD_CLOEXEC
  return function(attr, pid, cpu, group, options)
    attr = args.record(attr, "perf_event_open", 1, "attr", attr_t)
    pid = args.int(pid == nil and 0 or pid, "perf_event_open", 2, "pid")
    cpu = args.int(cpu == nil and -1 or cpu, "perf_event_open", 3, "cpu")
    local leader = group == nil and -1 or args.fd(group, "perf_event_open", 4, "group")
    options = args.flags_with(options, "perf_event_open", 5, "flags", options_of, cloexec)
    local result = raw(attr, pid, cpu, leader, options)
    if result == -1 then
      return errors.fail()
    end
    local fd = counter(result)
    formats[fd] = attr.read_format ~= 0 and tonumber(attr.read_format) or nil
    return fd
  end
end

-- What a read of `limit` words says, in the order of struct read_format of linux/perf_event.h.
local function parse(words, limit, format)
  local at = 0
  local F = flags.group "PERF_FORMAT"
  local function take(row, key, asked)
    if at < limit and (asked == nil or bit.band(format, asked) ~= 0) then
      row[key] = exact(words[at])
      at = at + 1
    end
  end
  local grouped = bit.band(format, F.GROUP) ~= 0
  local out = {}
  take(out, grouped and "count" or "value")
  take(out, "time_enabled", F.TOTAL_TIME_ENABLED)
  take(out, "time_running", F.TOTAL_TIME_RUNNING)
  for i = 1, grouped and math.min(tonumber(out.count) or 0, limit) or 1 do
    local row = grouped and {} or out
    if grouped then
      take(row, "value")
      out[i] = row
    end
    take(row, "id", F.ID)
    take(row, "lost", F.LOST or 0) -- Linux 6.0
  end
  out.count = nil
  return grouped and out[1] and out[1].value or out.value or 0, out
end

-- p:read() -> value, { time_enabled = ns, time_running = ns, id = n, lost = n }
function perf.perf_read()
  local raw = sys.read
  local words_t = ffi.typeof "uint64_t[?]"
  local names = flags.group "PERF_FORMAT"
  return function(fd, format)
    local number = args.fd(fd, "perf_read", 1, "fd")
    format = format == nil and formats[fd] or args.flags(format, "perf_read", 2, "format", names)
    local room = FIRST
    local words, result
    repeat
      words = words_t(3 + 3 * room)
      result = raw(number, words, ffi.sizeof(words))
      room = room * 4
    until result ~= -1 or ffi.errno() ~= ENOSPC or room > MOST
    if result == -1 then
      return errors.fail()
    elseif format == 0 or result == 0 then -- nothing is read of a counter that failed to run
      return exact(words[0])
    end
    return parse(words, result / 8, format)
  end
end

return perf
