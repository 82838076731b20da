-- Events of inotify: one read brings several, each with a name of its own length.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local sys = require "callgate.sys"
local types = require "callgate.types"

local inotify = {}

local BUFFER = 4096 -- room for at least ten events with the longest names

-- for event in assert(i:read()) do print(event.wd, event.name, event.create) end
-- Reads once; an event is valid as long as the loop goes on. i:read(buffer, count) is like read of any
-- descriptor.
function inotify.inotify_read()
  local raw = sys.read
  local read = require("callgate.calls").get "read"
  local pointer, head = types.pointer "inotify_event", ffi.sizeof(types.t.inotify_event)
  return function(fd, size, count)
    if type(size) == "cdata" or count ~= nil then
      return read(fd, size, count)
    end
    size = size == nil and BUFFER or args.size(size, "inotify_read", 2, "size")
    local buffer = ffi.new("uint8_t[?]", size)
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
      return event
    end
  end
end

return inotify
