-- readv, writev and their kin: tables of strings and buffers, or arrays of iovec.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local memory = require "callgate.memory"
local sys = require "callgate.sys"

local vectors = {}

local MAX_VECTORS = 1024 -- linux/uio.h: UIO_MAXIOV

-- An array of iovec over what `make(item, label)` gives for each item of a table.
local function vector(items, call, make)
  local array = ffi.typeof("$[?]", require("callgate.types").t.iovec)
  local count = args.count(items, call, 2, "iov", "a string or a buffer")
  if count == 0 or count > MAX_VECTORS then
    return args.misuse(call, 2, "iov", ("expected 1 to %d items, got %d"):format(MAX_VECTORS, count))
  end
  local iov = array(count)
  for i = 1, count do
    local label = ("iov[%d]"):format(i)
    local data = make(items[i], label, i)
    local row = iov[i - 1]
    row.iov_base = ffi.cast("void *", type(data) == "string" and ffi.cast("const char *", data) or data)
    row.iov_len = args.length(nil, call, 2, label, data)
  end
  return iov, count
end

-- Strings and buffers to write. The table must live as long as the array.
function vectors.for_writing(items, call)
  return vector(items, call, function(item, label)
    return args.data(item, call, 2, label)
  end)
end

-- Buffers to read into; a number becomes a new one of that size. The third result are the buffers,
-- which must live as long as the array, the fourth whether any is new.
function vectors.for_reading(items, call)
  local buffers, any_new = {}, false
  local iov, count = vector(items, call, function(item, label, i)
    if type(item) == "number" then
      any_new = true
      buffers[i] = args.new_buffer(item, call, 2, label)
    else
      buffers[i] = args.buffer(item, call, 2, label)
    end
    return buffers[i]
  end)
  return iov, count, buffers, any_new
end

-- What arrived, cut by the buffers' sizes: strings where the item was a size, the buffer itself elsewhere.
local function contents(items, buffers, total)
  local out = {}
  for i, buffer in ipairs(buffers) do
    local length = math.min(total, ffi.sizeof(buffer))
    out[i] = type(items[i]) == "number" and ffi.string(buffer, length) or buffer
    total = total - length
  end
  return out
end

-- The strings among `contents`, in order.
function vectors.strings(items, buffers, total)
  local out = {}
  for _, item in ipairs(contents(items, buffers, total)) do
    if type(item) == "string" then
      out[#out + 1] = item
    end
  end
  return out
end

-- `form` says what follows the vector: "" nothing, "offset", or "offset, flags".
local function maker(name, prepare, form)
  return function()
    local raw = sys[name]
    local RWF = require("callgate.flags").group "RWF"
    return function(fd, iov, offset, options, count)
      local fd_number = args.fd(fd, name, 1, "fd")
      if form == "" then
        count = offset
      elseif form == "offset" then
        count = options
      end
      local buffers, any_new
      local items = iov -- keeps the strings alive during the call
      if type(iov) == "table" then
        iov, count, buffers, any_new = prepare(items, name)
      elseif not memory.is_writable(iov) then
        local what = prepare == vectors.for_reading and "a table of buffers or sizes" or "a table of strings or buffers"
        return args.expected(what, iov, name, 2, "iov")
      else
        local position = form == "" and 3 or form == "offset" and 4 or 5
        count = args.uint(count, name, position, "count")
        args.length(count * ffi.sizeof(require("callgate.types").t.iovec), name, position, "count", iov)
      end
      local result
      if form == "" then
        result = raw(fd_number, iov, count)
      else
        offset = args.long(offset == nil and 0 or offset, name, 3, "offset")
        if form == "offset" then
          -- pos_l and pos_h: on 64-bit kernels the low word is the whole offset (fs/read_write.c, pos_from_hilo).
          result = raw(fd_number, iov, count, offset, 0)
        else
          result = raw(fd_number, iov, count, offset, 0, args.flags(options, name, 4, "flags", RWF))
        end
      end
      if result == -1 then
        return errors.fail()
      elseif any_new then
        return result, contents(items, buffers, result)
      end
      return result
    end
  end
end

-- fd:readv { 4, 10 } -> count, { "head", "body" };  fd:readv { buffer } -> count;  fd:readv(iov, n) -> count
vectors.readv = maker("readv", vectors.for_reading, "")
vectors.preadv = maker("preadv", vectors.for_reading, "offset")
vectors.preadv2 = maker("preadv2", vectors.for_reading, "offset, flags")
vectors.writev = maker("writev", vectors.for_writing, "")
vectors.pwritev = maker("pwritev", vectors.for_writing, "offset")
vectors.pwritev2 = maker("pwritev2", vectors.for_writing, "offset, flags")

function vectors.vmsplice()
  local raw = sys.vmsplice
  local names = require("callgate.flags").group "SPLICE_F"
  return function(fd, iov, flags)
    local fd_number = args.fd(fd, "vmsplice", 1, "fd")
    if type(iov) ~= "table" then
      return args.expected("a table of strings or buffers", iov, "vmsplice", 2, "iov")
    end
    local array, count = vectors.for_writing(iov, "vmsplice")
    local result = raw(fd_number, array, count, args.flags(flags, "vmsplice", 3, "flags", names))
    if result == -1 then
      return errors.fail()
    end
    return tonumber(result)
  end
end

return vectors
