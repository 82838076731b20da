-- Events of inotify: one read brings several, each with a name of its own length.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local inotify = {}

local BUFFER = 4096 -- room for at least ten events with the longest names

-- An event: event.wd, event.cookie, event.mask, event.name ("" without one), and by the names of IN_*
-- event.create, event.isdir...
local event_mt = {
  __index = function(self, key)
    local bit_of = type(key) == "string" and flags.group("IN")[key]
    if not bit_of then
      error(("an inotify event has no field %q"):format(tostring(key)), 2)
    end
    return bit.band(self.mask, bit_of) ~= 0
  end,
  __tostring = function(self)
    local names = {}
    for _, name in ipairs(flags.names(flags.group "IN")) do
      local value = flags.group("IN")[name]
      -- names of single bits: the others combine them
      if bit.band(value, value - 1) == 0 and bit.band(self.mask, value) ~= 0 then
        names[#names + 1] = name
      end
    end
    return ("inotify event { %s%s }"):format(table.concat(names, ", "), self.name ~= "" and ": " .. self.name or "")
  end,
}

-- for event in assert(i:read()) do print(event.wd, event.name, event.create) end
-- Reads once. i:read(buffer, count) is like read of any descriptor.
function inotify.inotify_read()
  local raw = sys.read
  local read = require("callgate.calls").get "read"
  local pointer, head = types.pointer "inotify_event", ffi.sizeof(types.t.inotify_event)
  return function(fd, size, count)
    if type(size) == "cdata" or count ~= nil then
      return read(fd, size, count)
    end
    local buffer
    buffer, size = args.new_buffer(size == nil and BUFFER or size, "inotify_read", 2, "size")
    local length = raw(args.fd(fd, "inotify_read", 1, "fd"), buffer, size)
    if length == -1 then
      return errors.fail()
    end
    local position = 0
    return function()
      if position >= length then
        return nil
      end
      local event = ffi.cast(pointer, buffer + position)
      position = position + head + event.len
      return setmetatable({
        wd = event.wd,
        mask = event.mask,
        cookie = event.cookie,
        name = event.len > 0 and ffi.string(event.name) or "",
      }, event_mt)
    end
  end
end

return inotify
