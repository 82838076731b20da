-- Reading and writing the 64-bit counters of eventfd and timerfd.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local memory = require "callgate.memory"
local sys = require "callgate.sys"

local box = ffi.typeof "uint64_t[1]"
local SIZE = ffi.sizeof(box)

local counter = {}

-- The counter as a number (uint64_t where that is not exact); with a buffer, like read of any descriptor.
local function reader(call)
  return function()
    local raw = sys.read
    local read = require("callgate.calls").get "read"
    return function(fd, buffer, count)
      if buffer ~= nil then
        return read(fd, buffer, count)
      end
      local value = box()
      if raw(args.fd(fd, call, 1, "fd"), value, SIZE) == -1 then
        return errors.fail()
      end
      return exact(value[0])
    end
  end
end

counter.eventfd_read = reader "eventfd_read"
counter.timerfd_read = reader "timerfd_read"

-- How many bytes of a string or buffer are to be written, as far as one can know.
local function bytes_of(value, count)
  return type(count) == "number" and count or type(value) == "string" and #value or memory.size(value) or SIZE
end

-- Adds a number; a string or buffer that holds one goes to write like that of any descriptor.
function counter.eventfd_write()
  local raw = sys.write
  local write = require("callgate.calls").get "write"
  return function(fd, value, count)
    if value == nil then
      value = 1
    elseif type(value) == "string" or type(value) == "cdata" and not tonumber(value) then
      if bytes_of(value, count) < SIZE then
        return args.expected("a number, or memory with its 8 bytes", value, "eventfd_write", 2, "value")
      end
      return write(fd, value, count)
    end
    local number = box(args.size(value, "eventfd_write", 2, "value"))
    if raw(args.fd(fd, "eventfd_write", 1, "fd"), number, SIZE) == -1 then
      return errors.fail()
    end
    return true
  end
end

return counter
