-- What callers pass -> what the kernel takes. A misuse is a Lua error that names the function, the
-- argument, the value and the nearest valid name; it never reaches the kernel.
--
-- Every converter is called as convert(value, call, position, label, ...): the last three only
-- for the message.

local ffi = require "ffi"
local bit = require "bit"
local descriptors = require "callgate.fd"
local flags = require "callgate.flags"

local fd_type = descriptors.type
local istype = ffi.istype
local tobit = bit.tobit
local lookup = flags.lookup

local args = {}

local function shown(value)
  if type(value) == "string" then
    return ("%q"):format(#value > 60 and value:sub(1, 57) .. "..." or value)
  end
  return tostring(value)
end

-- Raises the misuse at the line that called the library.
local function misuse(call, position, label, what)
  local level, here = 2, debug.getinfo(1, "S").source:match "^@(.*)[/\\]args%.lua$"
  while true do
    local info = debug.getinfo(level, "S")
    if not info then
      level = 2
      break
    end
    local source = info.source:sub(2)
    if info.what ~= "C" and not (here and source:sub(1, #here) == here) then
      break
    end
    level = level + 1
  end
  error(("%s: argument %d (%s): %s"):format(call, position, label, what), level)
end
args.misuse = misuse

local function expected(what, value, call, position, label)
  local got = value == nil and "nil" or ("%s (%s)"):format(shown(value), type(value))
  return misuse(call, position, label, ("expected %s, got %s"):format(what, got))
end
args.expected = expected

-- --- descriptors -----------------------------------------------------------------------------------

local function slow_fd(value, call, position, label)
  local number = descriptors.standard[value] or descriptors.number(value)
  if number == nil then
    return expected("a descriptor, a number, or stdin, stdout or stderr", value, call, position, label)
  elseif number < 0 then
    return misuse(call, position, label, "closed descriptor")
  end
  return number
end

function args.fd(value, call, position, label)
  if istype(fd_type, value) then
    local number = value.fd
    if number >= 0 then
      return number
    end
  elseif type(value) == "number" and value == tobit(value) then
    return value
  end
  return slow_fd(value, call, position, label)
end

local AT_FDCWD = -100 -- linux/fcntl.h: the same everywhere

-- A directory for relative paths; nil, or "fdcwd", is the working directory.
function args.dirfd(value, call, position, label)
  if value == nil or value == "fdcwd" then
    return AT_FDCWD
  end
  return args.fd(value, call, position, label)
end

-- --- numbers ---------------------------------------------------------------------------------------

local function whole(value)
  return type(value) == "number" and value % 1 == 0
end

function args.int(value, call, position, label)
  if type(value) == "number" and value == tobit(value) then
    return value
  end
  if type(value) == "cdata" then
    local number = tonumber(value)
    if number and number == tobit(number) then
      return number
    end
  end
  return expected("an integer of 32 bits", value, call, position, label)
end

function args.uint(value, call, position, label)
  if whole(value) and value >= -2147483648 and value <= 4294967295 then
    return value
  end
  if type(value) == "cdata" then
    local number = tonumber(value)
    if whole(number) and number >= 0 and number <= 4294967295 then
      return number
    end
  end
  return expected("an integer from 0 to 4294967295", value, call, position, label)
end

local MAX_EXACT = 9007199254740992 -- 2^53: beyond it a Lua number skips integers

-- A number of bytes.
function args.size(value, call, position, label)
  if whole(value) and value >= 0 and value <= MAX_EXACT then
    return value
  end
  if type(value) == "cdata" and (istype("uint64_t", value) or (istype("int64_t", value) and value >= 0)) then
    return value
  end
  return expected("a size from 0", value, call, position, label)
end

-- A signed 64-bit quantity: an offset, a time in nanoseconds.
function args.long(value, call, position, label)
  if whole(value) and value >= -MAX_EXACT and value <= MAX_EXACT then
    return value
  end
  if type(value) == "cdata" and (istype("int64_t", value) or istype("uint64_t", value)) then
    return value
  end
  return expected("an integer (a number, or int64_t where more than 53 bits count)", value, call, position, label)
end

-- A file's mode: 420, "0644" or "644" (octal).
function args.mode(value, call, position, label)
  if type(value) == "string" then
    local octal = value:match "^%s*0?([0-7]+)%s*$"
    local number = octal and tonumber(octal, 8)
    if number and number <= 4095 then
      return number
    end
  elseif whole(value) and value >= 0 and value <= 65535 then
    return value
  end
  return expected('a mode such as "0644" or 420', value, call, position, label)
end

function args.boolean(value, call, position, label)
  if type(value) == "boolean" then
    return value and 1 or 0
  end
  return args.int(value, call, position, label)
end

-- --- names -----------------------------------------------------------------------------------------

local function slow_name(value, call, position, label, group)
  if value == nil then
    return 0
  elseif type(value) == "string" then
    local _, unknown = lookup(group, value)
    return misuse(call, position, label, flags.unknown(group, unknown))
  elseif type(value) == "cdata" and tonumber(value) then
    return value
  end
  return expected("names or a number", value, call, position, label)
end

-- Flags that combine: a number, "rdwr, creat", "O_RDWR|O_CREAT", nil for none.
function args.flags(value, call, position, label, group)
  if type(value) == "string" then
    local number = lookup(group, value)
    if number then
      return number
    end
  elseif type(value) == "number" and value % 1 == 0 then
    return value
  end
  return slow_name(value, call, position, label, group)
end

-- The same where the library sets flags by default ("cloexec") that "~cloexec" turns off.
function args.flags_with(value, call, position, label, group, default)
  local number = args.flags(value, call, position, label, group)
  if type(value) == "number" then
    return number
  end
  local cleared = type(value) == "string" and flags.cleared(group, value) or 0
  return bit.bor(number, bit.band(default, bit.bnot(cleared)))
end

-- One value of a set: a number or its name.
function args.choice(value, call, position, label, group)
  if type(value) == "string" then
    local number = lookup(group, value)
    if number then
      return number
    end
  elseif type(value) == "number" and value == tobit(value) then
    return value
  elseif value == nil then
    return expected(("a name of %s*"):format(group.prefix), value, call, position, label)
  end
  return slow_name(value, call, position, label, group)
end

-- --- memory ----------------------------------------------------------------------------------------

function args.path(value, call, position, label)
  if type(value) == "string" then
    if value:find("\0", 1, true) then
      return misuse(call, position, label, "a path cannot contain a zero byte: " .. shown(value))
    end
    return value
  elseif type(value) == "cdata" then
    return value -- a char buffer of the caller's
  end
  return expected("a path (a string)", value, call, position, label)
end

function args.optional_path(value, call, position, label)
  if value == nil then
    return nil
  end
  return args.path(value, call, position, label)
end

-- What the kernel reads: a string or a buffer.
function args.data(value, call, position, label)
  local kind = type(value)
  if kind == "string" or kind == "cdata" then
    return value
  end
  return expected("a string or a buffer", value, call, position, label)
end

-- What the kernel writes to: a buffer. A string is Lua's own and must not change.
function args.buffer(value, call, position, label)
  if type(value) == "cdata" then
    return value
  end
  return expected("a buffer (cdata)", value, call, position, label)
end

-- A pointer of any kind, nil for none.
function args.pointer(value, call, position, label)
  if value == nil or type(value) == "cdata" then
    return value
  end
  return expected("a pointer (cdata) or nil", value, call, position, label)
end

-- How many bytes of `data` to use: `count`, by default all of a string or array.
function args.length(count, call, position, label, data)
  if count == nil then
    if type(data) == "string" then
      return #data
    end
    return ffi.sizeof(data)
  end
  count = args.size(count, call, position, label)
  if type(data) == "string" and count > #data then
    return misuse(call, position, label, ("%s bytes of a string of %d"):format(tostring(count), #data))
  end
  return count
end

-- A record of that type: one, or what its constructor takes.
function args.record(value, call, position, label, ctype)
  if istype(ctype, value) then
    return value
  end
  local ok, made = pcall(ctype, value)
  if value == nil or not ok then
    return expected(("a %s or what makes one"):format(tostring(ctype):gsub("^ctype<", ""):gsub(">$", "")
      :gsub("callgate%d*_", "")), value, call, position, label)
  end
  return made
end

-- Like record, with nil for none.
function args.optional_record(value, call, position, label, ctype)
  if value == nil then
    return nil
  end
  return args.record(value, call, position, label, ctype)
end

-- A record that the kernel fills in: the caller's, or a new one.
function args.out(value, call, position, label, ctype)
  if value == nil then
    return ctype()
  elseif istype(ctype, value) then
    return value
  end
  return expected(("a %s to fill in"):format(tostring(ctype):gsub("^ctype<", ""):gsub(">$", "")
    :gsub("callgate%d*_", "")), value, call, position, label)
end

-- A string for the kernel that is not a path.
function args.string(value, call, position, label)
  if type(value) == "string" or type(value) == "cdata" then
    return value
  end
  return expected("a string", value, call, position, label)
end

return args
