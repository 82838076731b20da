-- Asynchronous I/O: requests as tables. Whatever the kernel reads or writes meanwhile, and what names it by address,
-- stays referred to until the request's event has come or its context has ended.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local target = require "callgate.target"
local types = require "callgate.types"
local vectors = require "callgate.behaviour.vectors"

local aio = {}

local fail, cast = errors.fail, ffi.cast

-- context -> { [tag] = { request, iocb, memory } }; a tag is what the kernel hands back with the event.
local contexts = {}
local last_tag = 0

local FIELDS = { "op", "fd", "buf", "offset", "flags", "resfd", "priority" }
local KNOWN = {}
for _, name in ipairs(FIELDS) do
  KNOWN[name] = true
end

-- A context's number, and the same as the register that the kernel takes: on 32-bit machines it may be beyond a long.
local function context_of(value, call)
  local number = tonumber(args.long(value, call, 1, "context"))
  return number, cast("long", cast("uintptr_t", number))
end

local function address(value)
  return cast("uintptr_t", cast("const void *", value))
end

-- The memory of a request, into `iocb`; what must live as long as the request.
local MEMORY = {
  pread = function(iocb, buf, label)
    local made = type(buf) == "number"
    local memory = made and args.new_buffer(buf, "io_submit", 2, label) or args.buffer(buf, "io_submit", 2, label)
    iocb.aio_buf, iocb.aio_nbytes = address(memory), args.length(nil, "io_submit", 2, label, memory)
    return { memory = memory, made = made }
  end,
  pwrite = function(iocb, buf, label)
    local memory = args.data(buf, "io_submit", 2, label)
    iocb.aio_buf, iocb.aio_nbytes = address(memory), args.length(nil, "io_submit", 2, label, memory)
    return { memory = memory }
  end,
  poll = function(iocb, buf, label)
    iocb.aio_buf = args.flags(buf == nil and "in" or buf, "io_submit", 2, label, flags.group "POLL")
    return {}
  end,
}

local function vector(prepare)
  return function(iocb, items, label)
    if type(items) ~= "table" then
      return args.expected("a table of buffers", items, "io_submit", 2, label)
    end
    local iov, count, buffers, made = prepare(items, "io_submit")
    iocb.aio_buf, iocb.aio_nbytes = address(iov), count
    return { memory = iov, items = items, buffers = buffers, made = made }
  end
end

MEMORY.preadv, MEMORY.pwritev = vector(vectors.for_reading), vector(vectors.for_writing)

-- Fills `iocb` in from { "pread", fd, buffer, offset } or { op = "pread", fd = fd, buf = buffer, ... }.
local function fill(iocb, request, label)
  if type(request) ~= "table" then
    return args.expected('a request such as { "pread", fd, 100, 0 }', request, "io_submit", 2, label)
  end
  for name in pairs(request) do
    if type(name) ~= "number" and not KNOWN[name] then
      local near = require("callgate.suggest").nearest(tostring(name), FIELDS)
      return args.misuse("io_submit", 2, label, ("unknown field %q; %s"):format(tostring(name),
        near and ("did you mean %q?"):format(near) or "there are " .. table.concat(FIELDS, ", ")))
    end
  end
  local function field(name, position)
    local value = request[name]
    if value == nil then
      value = request[position]
    end
    return value
  end
  local group = flags.group "IOCB_CMD"
  local code = args.choice(field("op", 1), "io_submit", 2, label .. ".op", group)
  iocb.aio_lio_opcode = code
  iocb.aio_fildes = args.fd(field("fd", 2), "io_submit", 2, label .. ".fd")
  iocb.aio_offset = args.long(field("offset", 4) or 0, "io_submit", 2, label .. ".offset")
  iocb.aio_rw_flags = args.flags(request.flags, "io_submit", 2, label .. ".flags", flags.group "RWF")
  local extra = 0
  if request.resfd ~= nil then
    iocb.aio_resfd = args.fd(request.resfd, "io_submit", 2, label .. ".resfd")
    extra = extra + 1 -- linux/aio_abi.h: IOCB_FLAG_RESFD
  end
  if request.priority ~= nil then
    iocb.aio_reqprio = args.int(request.priority, "io_submit", 2, label .. ".priority")
    extra = extra + 2 -- IOCB_FLAG_IOPRIO
  end
  iocb.aio_flags = extra
  for name, memory_of in pairs(MEMORY) do
    if group[name] == code then
      return memory_of(iocb, field("buf", 3), label .. ".buf")
    end
  end
  return {}
end

-- S.io_setup(32) -> a context
function aio.io_setup()
  local raw = sys.io_setup
  local context_t = ffi.typeof "unsigned long[1]"
  return function(events)
    events = events == nil and 128 or args.uint(events, "io_setup", 1, "events")
    local context = context_t()
    if raw(events, context) == -1 then
      return fail()
    end
    local number = tonumber(context[0]) -- an address of this process: exact
    contexts[number] = {}
    return number
  end
end

function aio.io_destroy()
  local raw = sys.io_destroy
  return function(context)
    local number, register = context_of(context, "io_destroy")
    if raw(register) == -1 then
      return fail()
    end
    contexts[number] = nil
    return true
  end
end

-- S.io_submit(context, { { "pread", fd, 100, 0 }, { "pwrite", fd, "text", 4096, resfd = event } }) -> 2
function aio.io_submit()
  local raw = sys.io_submit
  local iocb_t = types.t.iocb
  local array_t, pointers_t = ffi.typeof("$[?]", iocb_t), ffi.typeof("$ *[?]", iocb_t)
  return function(context, requests)
    local number, register = context_of(context, "io_submit")
    if type(requests) ~= "table" then
      return args.expected("a table of requests", requests, "io_submit", 2, "requests")
    end
    local count = #requests
    local array, pointers, entries = array_t(count), pointers_t(count), {}
    for i = 1, count do
      local iocb = array[i - 1]
      local entry = fill(iocb, requests[i], ("requests[%d]"):format(i))
      entry.request, entry.array, entry.iocb = requests[i], array, array + (i - 1)
      last_tag = last_tag + 1
      entry.tag, iocb.aio_data = last_tag, last_tag
      pointers[i - 1], entries[i] = entry.iocb, entry
    end
    local taken = raw(register, count, pointers)
    if taken == -1 then
      return fail(entries)
    end
    local pending = contexts[number] or {}
    contexts[number] = pending
    for i = 1, taken do
      pending[entries[i].tag] = entries[i]
    end
    return taken
  end
end

-- A request's end as a table.
local function event_of(pending, found)
  local tag, result = tonumber(found.data), tonumber(found.res)
  local entry = pending and pending[tag]
  local event = { request = entry and entry.request }
  if entry then
    pending[tag] = nil
  end
  if result < 0 then
    local _
    _, event.message, event.errno = errors.failed(-result)
    return event
  end
  event.result = result
  if entry and entry.made then
    event.data = entry.items and table.concat(vectors.strings(entry.items, entry.buffers, result))
      or ffi.string(entry.memory, result)
  end
  return event
end

-- for _, event in ipairs(assert(S.io_getevents(context, 1, 16, 0.5))) do print(event.request, event.result) end
local function maker(call)
  return function()
    -- The older call has times of 32 bits where registers do (io_getevents(2)).
    local older = call == "io_getevents" and target.registers ~= 32
    local raw = older and sys.io_getevents or sys.io_pgetevents
    local timespec, sigset, masked = types.t.timespec, types.t.sigset, types.t.__aio_sigset
    local array_t = ffi.typeof("$[?]", types.t.io_event)
    return function(context, min, max, timeout, mask)
      local number, register = context_of(context, call)
      min = min == nil and 1 or args.int(min, call, 2, "min")
      max = max == nil and math.max(min, 64) or args.int(max, call, 3, "max")
      if max < 1 or max > 65536 then
        return args.expected("a number of events from 1 to 65536", max, call, 3, "max")
      end
      timeout = args.optional_record(timeout, call, 4, "timeout", timespec)
      local last
      if mask ~= nil then
        mask = args.record(mask, call, 5, "mask", sigset)
        last = masked()
        last.sigmask, last.sigsetsize = mask, ffi.sizeof(sigset)
      end
      local array = array_t(max)
      local count
      if older then
        count = raw(register, min, max, array, timeout)
      else
        count = raw(register, min, max, array, timeout, last)
      end
      if count == -1 then
        return fail(mask)
      end
      local pending, events = contexts[number], {}
      for i = 1, count do
        events[i] = event_of(pending, array[i - 1])
      end
      return events
    end
  end
end

aio.io_getevents, aio.io_pgetevents = maker "io_getevents", maker "io_pgetevents"

-- S.io_cancel(context, request): most kinds of requests cannot be stopped, EINVAL.
function aio.io_cancel()
  local raw = sys.io_cancel
  local event_t = types.t.io_event
  local E = flags.group "E"
  return function(context, request)
    local number, register = context_of(context, "io_cancel")
    if type(request) ~= "table" then
      return args.expected("the table that was submitted", request, "io_cancel", 2, "request")
    end
    for _, entry in pairs(contexts[number] or {}) do
      if entry.request == request then
        -- On success the kernel says EINPROGRESS, since the event comes later (fs/aio.c).
        if raw(register, entry.iocb, event_t()) == -1 and ffi.errno() ~= E.INPROGRESS then
          return fail()
        end
        return true
      end
    end
    return errors.failed(E.INVAL) -- as the kernel says of one that is no longer there
  end
end

return aio
