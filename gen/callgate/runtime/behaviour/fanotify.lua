-- Events of fanotify: one read brings several, each with records of what was asked for (fanotify(7)).

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local fanotify = {}

local BUFFER = 8192 -- room for dozens of events

-- linux/fanotify.h: what an event's mask is made of. FAN_* has names of other bits, too.
local EVENTS = {
  access = 0x1, modify = 0x2, attrib = 0x4, close_write = 0x8, close_nowrite = 0x10, close = 0x18, open = 0x20,
  moved_from = 0x40, moved_to = 0x80, move = 0xc0, create = 0x100, delete = 0x200, delete_self = 0x400,
  move_self = 0x800, open_exec = 0x1000, q_overflow = 0x4000, fs_error = 0x8000, open_perm = 0x10000,
  access_perm = 0x20000, open_exec_perm = 0x40000, pre_access = 0x100000, mnt_attach = 0x1000000,
  mnt_detach = 0x2000000, rename = 0x10000000, ondir = 0x40000000,
}

-- An event: event.mask, event.pid, event.fd (a descriptor of the file, which its owner closes), and by the
-- names of events event.open, event.close_write... With records, as fanotify_init's flags ask for them:
--   event.handle, event.fsid            report_fid: the file, for open_by_handle_at, and its file system
--   event.dir, event.name               report_dir_fid, report_name: the directory, and the name in it
--   event.old_dir, old_name, new_dir, new_name   of a rename
--   event.pidfd                         report_pidfd: a descriptor of the process
--   event.error, event.error_count      fs_error: the errno of the first, and how many
--   event.offset, event.count           pre_access: the range
--   event.mount                         report_mnt: the mount's number, as statmount takes it
-- What an event does not have is nil.
local FIELDS = {
  fd = true, fsid = true, handle = true, dir = true, name = true, old_dir = true, old_name = true, new_dir = true,
  new_name = true, pidfd = true, error = true, error_count = true, offset = true, count = true, mount = true,
}

local event_mt = {
  __index = function(self, key)
    local mask = EVENTS[key]
    if mask then
      return bit.band(self.mask, mask) ~= 0
    elseif FIELDS[key] then
      return nil
    end
    error(("a fanotify event has no field %q"):format(tostring(key)), 2)
  end,
  __tostring = function(self)
    local names = {}
    for name, mask in pairs(EVENTS) do
      if bit.band(mask, mask - 1) == 0 and bit.band(self.mask, mask) ~= 0 then
        names[#names + 1] = name
      end
    end
    table.sort(names)
    return ("fanotify event { %s%s }"):format(table.concat(names, ", "), self.name and ": " .. self.name or "")
  end,
}

-- A record with a file's handle: the file system, the handle, and the name behind it.
local function handle_in(at)
  local record = ffi.cast(types.pointer "fanotify_event_info_fid", at)
  local raw = ffi.cast(types.pointer "file_handle", record.handle)
  local handle = types.t.file_handle(raw.handle_type, ffi.string(raw.f_handle, raw.handle_bytes))
  return handle, { record.fsid.val[0], record.fsid.val[1] }, raw.f_handle + raw.handle_bytes
end

local function named(prefix)
  return function(event, at)
    local name
    event[prefix .. "dir"], event.fsid, name = handle_in(at)
    event[prefix .. "name"] = ffi.string(name)
  end
end

-- By type of record: linux/fanotify.h, FAN_EVENT_INFO_TYPE_*.
local READERS = {
  function(event, at) event.handle, event.fsid = handle_in(at) end,
  named "",
  function(event, at) event.dir, event.fsid = handle_in(at) end,
  function(event, at)
    local number = ffi.cast(types.pointer "fanotify_event_info_pidfd", at).pidfd
    event.pidfd = number >= 0 and descriptors.type(number) or nil -- FAN_NOPIDFD, FAN_EPIDFD
  end,
  function(event, at)
    local record = ffi.cast(types.pointer "fanotify_event_info_error", at)
    event.error, event.error_count = record.error, record.error_count
  end,
  function(event, at)
    local record = ffi.cast(types.pointer "fanotify_event_info_range", at)
    event.offset, event.count = exact(record.offset), exact(record.count)
  end,
  -- The number is the record's last 8 bytes: a 64-bit kernel pads before it for programs of i386, too, whose
  -- struct has no padding.
  function(event, at, length)
    local id = ffi.new "uint64_t[1]"
    ffi.copy(id, at + length - 8, 8)
    event.mount = exact(id[0])
  end,
  [10] = named "old_",
  [12] = named "new_",
}

local VERSION = 3 -- linux/fanotify.h: FANOTIFY_METADATA_VERSION

-- Whether an event lies in these bytes. What any other descriptor gives has no numbers of descriptors to own.
local function is_event(at, room)
  local head = ffi.cast(types.pointer "fanotify_event_metadata", at)
  local size = types.s.fanotify_event_metadata
  return room >= size and head.vers == VERSION and head.event_len >= size and head.event_len <= room
end

local function event_at(at)
  local head = ffi.cast(types.pointer "fanotify_event_metadata", at)
  local event = { mask = tonumber(head.mask), pid = head.pid }
  if head.fd >= 0 then
    event.fd = descriptors.type(head.fd)
  elseif head.fd < -1 then
    event.error = -head.fd -- report_fd_error: why the file was not opened
  end
  local position, length = head.metadata_len, head.event_len
  local header = types.pointer "fanotify_event_info_header"
  while position < length do
    local record = ffi.cast(header, at + position)
    local reader = READERS[record.info_type]
    if reader then
      reader(event, at + position, record.len)
    end
    if record.len == 0 then
      break
    end
    position = position + record.len
  end
  return setmetatable(event, event_mt), length
end

-- for event in assert(f:read()) do print(event.pid, event.close_write, event.name) end
-- Reads once. f:read(buffer, count) is like read of any descriptor. Every event's descriptors have an owner
-- before the first is returned: a loop that ends early leaks none.
function fanotify.fanotify_read()
  local raw = sys.read
  local read = require("callgate.calls").get "read"
  return function(fd, size, count)
    if type(size) == "cdata" and not tonumber(size) or count ~= nil then
      return read(fd, size, count)
    end
    local buffer
    buffer, size = args.new_buffer(size == nil and BUFFER or size, "fanotify_read", 2, "size")
    local length = raw(args.fd(fd, "fanotify_read", 1, "fd"), buffer, size)
    if length == -1 then
      return errors.fail()
    end
    local events, position = {}, 0
    while position < length do
      if not is_event(buffer + position, length - position) then
        break
      end
      local event, used = event_at(buffer + position)
      events[#events + 1] = event
      position = position + used
    end
    local i = 0
    return function()
      i = i + 1
      return events[i]
    end
  end
end

-- f:respond(event, "allow"); f:respond(event.fd, "deny")
function fanotify.fanotify_respond()
  local raw = sys.write
  local FAN = flags.group "FAN"
  local response_t, SIZE = types.t.fanotify_response, types.s.fanotify_response
  return function(fd, event, response)
    local fd_number = args.fd(fd, "fanotify_respond", 1, "fd")
    local file = getmetatable(event) == event_mt and event.fd or event
    local answer = response_t()
    answer.fd = args.fd(file, "fanotify_respond", 2, "event")
    answer.response = args.flags(response, "fanotify_respond", 3, "response", FAN)
    if raw(fd_number, answer, SIZE) == -1 then
      return errors.fail()
    end
    return true
  end
end

return fanotify
