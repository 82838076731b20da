-- poll and ppoll: a table of rows, and an iterator over those that are ready.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local memory = require "callgate.memory"
local sys = require "callgate.sys"
local types = require "callgate.types"

local polling = {}

local fail = errors.fail

local KEYS = { true, true, fd = true, events = true, revents = true } -- of a row

-- An array of pollfd from { { fd, "in" }, { fd = fd, events = "out" } }, and its length.
local function array_of(rows, call)
  local POLL = flags.group "POLL"
  local count = args.count(rows, call, 1, "fds", "a row { fd, \"in\" }")
  local list = ffi.new(ffi.typeof("$[?]", types.t.pollfd), count)
  for i = 1, count do
    local row = rows[i]
    local label = ("fds[%d]"):format(i)
    if type(row) ~= "table" then
      return args.expected("a row { fd, \"in\" }", row, call, 1, label)
    end
    for key in pairs(row) do
      if not KEYS[key] then
        return args.misuse(call, 1, label, require "callgate.behaviour.unknown"(key, KEYS))
      end
    end
    local fd, events = row.fd, row.events
    if fd == nil then
      fd = row[1]
    end
    if events == nil then
      events = row[2]
    end
    list[i - 1].fd = args.fd(fd, call, 1, label .. ".fd")
    list[i - 1].events = args.flags(events == nil and "in" or events, call, 1, label .. ".events", POLL)
  end
  return list, count
end

-- Iterates over the rows that are ready: what was given as descriptor, and a pollfd of its own, which lives as long as
-- the caller likes.
local function ready(rows, list, count)
  local position, pollfd = 0, types.t.pollfd
  return function()
    while position < count do
      local item = list[position]
      position = position + 1
      if item.revents ~= 0 then
        local row = rows[position]
        local fd = row.fd
        if fd == nil then
          fd = row[1]
        end
        return fd, ffi.new(pollfd, item)
      end
    end
  end
end

-- for fd, event in assert(S.poll({ { a, "in" }, { b, "in, out" } }, 1000)) do if event.readable then ... end end
-- The second result is how many are ready, 0 when the time ran out. S.poll(pollfds, timeout, count) takes
-- an array of pollfd of the caller's, fills it in and returns how many are ready.
local function maker(call, to_timespec)
  return function()
    local raw = sys.ppoll
    local sigset_t = types.t.sigset
    local mask_size = ffi.sizeof(sigset_t)
    return function(fds, timeout, third)
      timeout = to_timespec(timeout, call)
      local mask, count
      if call == "ppoll" and third ~= nil and type(third) ~= "number" and type(fds) ~= "cdata" then
        mask = args.record(third, call, 3, "mask", sigset_t)
      else
        count = third ~= nil and args.size(third, call, 3, "count") or nil
      end
      if memory.is_writable(fds) then
        local wanted = count and count * ffi.sizeof(types.t.pollfd)
        local bytes = args.length(wanted, call, 3, "count", args.buffer(fds, call, 1, "fds"))
        local result = raw(fds, bytes / ffi.sizeof(types.t.pollfd), timeout, mask, mask_size)
        if result == -1 then
          return fail()
        end
        return result
      elseif type(fds) ~= "table" then
        return args.expected("a table of { fd, \"in\" } rows", fds, call, 1, "fds")
      end
      local list
      list, count = array_of(fds, call)
      local result = raw(list, count, timeout, mask, mask_size)
      if result == -1 then
        return fail()
      end
      return ready(fds, list, count), result
    end
  end
end

polling.poll = maker("poll", function(timeout, call)
  timeout = timeout == nil and -1 or args.int(timeout, call, 2, "timeout")
  return timeout >= 0 and types.t.timespec(timeout / 1000) or nil
end)

polling.ppoll = maker("ppoll", function(timeout, call)
  -- A copy: the kernel writes what remains of it.
  return timeout ~= nil and types.t.timespec(args.record(timeout, call, 2, "timeout", types.t.timespec)) or nil
end)

return polling
