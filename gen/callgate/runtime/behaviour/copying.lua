-- sendfile, splice, copy_file_range: offsets that the kernel reads and advances.
--
-- An offset is nil (the file position), a number (then the new offset comes back after the count), or an
-- int64_t[1] of the caller's, which the kernel updates.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"

local copying = {}

local fail = errors.fail
local box = ffi.typeof "int64_t[1]"

-- A pointer for the kernel, and the box when the offset was given as a number.
local function offset_of(value, call, position, label)
  if type(value) == "number" or ffi.istype("int64_t", value) or ffi.istype("uint64_t", value) then
    local made = box(args.long(value, call, position, label))
    return made, made
  end
  return args.pointer(value, call, position, label)
end

local function returned(result, first, second)
  if result == -1 then
    return fail()
  end
  result = tonumber(result)
  if first then
    return result, first[0], second and second[0]
  end
  return result, second and second[0]
end

-- fd:sendfile(input, offset, count), fd being what is written to.
function copying.sendfile()
  local raw = sys.sendfile
  return function(out, input, offset, count)
    local out_number = args.fd(out, "sendfile", 1, "out")
    local input_number = args.fd(input, "sendfile", 2, "input")
    local pointer, made = offset_of(offset, "sendfile", 3, "offset")
    return returned(raw(out_number, input_number, pointer, args.size(count, "sendfile", 4, "count")), made)
  end
end

local function between(name, convert)
  return function()
    local raw = sys[name]
    return function(input, offset_in, output, offset_out, length, options)
      local input_number = args.fd(input, name, 1, "input")
      local from, made_in = offset_of(offset_in, name, 2, "offset_in")
      local output_number = args.fd(output, name, 3, "output")
      local to, made_out = offset_of(offset_out, name, 4, "offset_out")
      length = args.size(length, name, 5, "length")
      options = convert(options, name, 6, "flags")
      return returned(raw(input_number, from, output_number, to, length, options), made_in, made_out)
    end
  end
end

copying.splice = between("splice", function(value, call, position, label)
  return args.flags(value, call, position, label, flags.group "SPLICE_F")
end)

copying.copy_file_range = between("copy_file_range", function(value, call, position, label)
  return value == nil and 0 or args.uint(value, call, position, label)
end)

return copying
