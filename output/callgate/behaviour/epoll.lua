-- Epoll sets: adding, changing, removing descriptors, and iterating over what happened.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local new_array = require("callgate.memory").array
local signed = require "callgate.signed"
local sys = require "callgate.sys"
local types = require "callgate.types"

local epoll = {}

local fail = errors.fail
local istype = ffi.istype
local ADD, DEL, MOD = 1, 2, 3 -- linux/eventpoll.h: EPOLL_CTL_*, the same everywhere
local DEFAULT = 64 -- events of one wait

-- ep:add(fd, "in, et"[, data]): data is what a wait reports, by default the descriptor's number.
local function control(call, operation)
  return function()
    local raw = sys.epoll_ctl
    local EPOLL = flags.group "EPOLL"
    local event_t = types.t.epoll_event
    local to_flags = args.flags
    return function(set, fd, events, data)
      local number = args.fd(fd, call, 2, "fd")
      local event = ffi.new(event_t)
      event.events = to_flags(events == nil and "in" or events, call, 3, "events", EPOLL)
      event.data = data == nil and number or signed(args.long(data, call, 4, "data"))
      if raw(args.fd(set, call, 1, "set"), operation, number, event) == -1 then
        return fail()
      end
      return true
    end
  end
end

epoll.epoll_add = control("epoll_add", ADD)
epoll.epoll_mod = control("epoll_mod", MOD)

function epoll.epoll_del()
  local raw = sys.epoll_ctl
  return function(set, fd)
    if raw(args.fd(set, "epoll_del", 1, "set"), DEL, args.fd(fd, "epoll_del", 2, "fd"), nil) == -1 then
      return fail()
    end
    return true
  end
end

local list_t -- an array of events, how many of them are valid, and which comes next

-- The iterator: calling a list gives the data and the event of each in turn, then nil.
local function next_event(list)
  local position = list.position
  if position >= list.count then
    return nil
  end
  list.position = position + 1
  local event = list.events[position]
  return exact(event.data), event
end

local function make_list_type()
  list_t = ffi.metatype(ffi.typeof("struct { int size, count, position; $ events[?]; }", types.t.epoll_event), {
    __call = next_event,
    __len = function(list)
      return list.count
    end,
    __tostring = function(list)
      return ("%d events"):format(list.count)
    end,
  })
end

-- An empty list for at most `max` events, for a loop that wants one of its own: ep:wait(list, ms).
local function new_list(max, call, position)
  if not list_t then
    make_list_type()
  end
  local list = new_array(list_t, max)
  if not list then
    return args.misuse(call, position, "max", ("no memory for %d events"):format(max))
  end
  list.size = max
  return list
end

-- for number, event in assert(ep:wait(64, 1000)) do if event.readable then ... end end
-- Waits for at most `max` events and `timeout` milliseconds (nil: without end), with the signals of `mask`
-- blocked meanwhile. Neither the wait nor its loop allocates anything: the events are valid until the
-- loop has ended and the next wait begins.
function epoll.epoll_wait()
  local raw = sys.epoll_pwait
  local sigset_t = types.t.sigset
  local mask_size = ffi.sizeof(sigset_t)
  local free = new_list(DEFAULT)
  local own_t = list_t
  return function(set, max, timeout, mask)
    local number = args.fd(set, "epoll_wait", 1, "set")
    timeout = timeout == nil and -1 or args.int(timeout, "epoll_wait", 3, "timeout")
    if mask ~= nil then
      mask = args.record(mask, "epoll_wait", 4, "mask", sigset_t)
    end
    local list = free
    if istype(own_t, max) then
      list = max
    else
      max = max == nil and DEFAULT or args.int(max, "epoll_wait", 2, "max")
      if max < 1 then
        return args.expected("at least 1", max, "epoll_wait", 2, "max")
      end
      if list.size < max or list.position < list.count then
        -- Too small, or a loop over it still goes on: leave it to that loop.
        list = new_list(max > DEFAULT and max or DEFAULT, "epoll_wait", 2)
        free = list
      end
    end
    list.position, list.count = 0, 0
    local count = raw(number, list.events, istype(own_t, max) and list.size or max, timeout, mask, mask_size)
    if count == -1 then
      return fail()
    end
    list.count = count
    return list
  end
end

-- S.epoll_pwait(ep, events, maxevents, timeout, mask): into an array of the caller's; how many there are.
local function into_array(call, to_timeout)
  return function()
    local raw = sys[call]
    local sigset_t = types.t.sigset
    local event_size, mask_size = ffi.sizeof(types.t.epoll_event), ffi.sizeof(sigset_t)
    return function(set, events, max, timeout, mask)
      local number = args.fd(set, call, 1, "fd")
      args.buffer(events, call, 2, "events")
      max = args.int(max, call, 3, "maxevents")
      if max > 0 then
        args.length(max * event_size, call, 3, "maxevents", events)
      end
      timeout = to_timeout(timeout, call)
      if mask ~= nil then
        mask = args.record(mask, call, 5, "mask", sigset_t)
      end
      local count = raw(number, events, max, timeout, mask, mask_size)
      if count == -1 then
        return fail()
      end
      return count
    end
  end
end

epoll.epoll_pwait = into_array("epoll_pwait", function(timeout, call)
  return timeout == nil and -1 or args.int(timeout, call, 4, "timeout")
end)

epoll.epoll_pwait2 = into_array("epoll_pwait2", function(timeout, call)
  return args.optional_record(timeout, call, 4, "timeout", types.t.timespec)
end)

-- S.epoll_events(max): a list of one's own.
function epoll.epoll_events()
  return function(max)
    max = max == nil and DEFAULT or args.int(max, "epoll_events", 1, "max")
    if max < 1 then
      return args.expected("at least 1", max, "epoll_events", 1, "max")
    end
    return new_list(max, "epoll_events", 1)
  end
end

return epoll
