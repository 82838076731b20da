-- fcntl and ioctl: the operation's name decides the type of its argument and of what it returns
-- (operations/*.lua, from spec/operations).

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local memory = require "callgate.memory"
local record_of = require "callgate.behaviour.record_of"
local signed = require "callgate.signed"
local sys = require "callgate.sys"
local target = require "callgate.target"
local types = require "callgate.types"

local operations = {}

local fail = errors.fail
local cast, sizeof = ffi.cast, ffi.sizeof

local SCALARS = {
  int = ffi.typeof "int[1]",
  uint = ffi.typeof "unsigned int[1]",
  long = ffi.typeof "long[1]",
  uint64 = ffi.typeof "uint64_t[1]",
  uint16 = ffi.typeof "uint16_t[1]",
  uint8 = ffi.typeof "uint8_t[1]",
}
operations.SCALARS = SCALARS

-- What fits a scalar, with a sign or without: C would drop the bits above.
local LIMITS = { int = 32, uint = 32, uint16 = 16, uint8 = 8 }

local function fitting(kind, value, call, position, label)
  local number, bits = args.long(value, call, position, label), LIMITS[kind]
  local size = tonumber(number) -- a uint64_t compares with no negative number
  if bits and (size < -2 ^ (bits - 1) or size >= 2 ^ bits) then
    return args.expected(("an integer of %d bits"):format(bits), value, call, position, label)
  end
  return signed(number)
end

local pointers = {}
for kind, scalar in pairs(SCALARS) do
  pointers[kind] = ffi.typeof("$ *", scalar)
end

-- { how = "in", kind = "winsize", result = "fd", made = "pidfd" } of a row's text.
local function read(text)
  local head, result, made = text:match "^(.-) ?%-> (%w+) ?([%w_]*)$"
  local how, kind = (head or text):match "^(%w*) ?([%w_%.]*)$"
  return { how = how, kind = kind, result = result, made = made ~= "" and made or nil }
end
operations.read = read

-- Records that an operation takes instead of the one that its row names. ip(7): IP_MULTICAST_IF
local INSTEAD = { in_addr = { ip_mreq = true, ip_mreqn = true } }

-- Whether memory may be a record of `kind`: one of this library is of that type, of one that came later under a longer
-- name (termios2, tpacket_req3), or no such. Of a program's own types one cannot know.
local function may_be(kind, value)
  local name = memory.is(value) and record_of(value)
  if not name then
    return true
  end
  local wanted = record_of(types.t[kind])
  local shorter = math.min(#name, #wanted)
  return name:sub(1, shorter) == wanted:sub(1, shorter) or INSTEAD[kind] and INSTEAD[kind][name] or false
end

-- Memory for an argument: of the caller's, or made from what the type's constructor takes.
function operations.input(kind, value, call, position, label)
  local scalar = SCALARS[kind]
  if scalar then
    if type(value) == "cdata" and not tonumber(value) then
      if descriptors.number(value) then
        return scalar(args.fd(value, call, position, label))
      elseif memory.is(value) and record_of(value) then
        return args.expected("a number, or memory that is one", value, call, position, label)
      end
      return args.pointer(value, call, position, label, sizeof(scalar))
    end
    return scalar(type(value) == "boolean" and (value and 1 or 0) or fitting(kind, value, call, position, label))
  elseif kind == "string" or kind == "path" or kind == "data" then
    return args[kind](value, call, position, label)
  elseif type(value) == "cdata" and not ffi.istype(types.t[kind], value) and not tonumber(value) then
    if not may_be(kind, value) then
      local article = kind:find "^[aeiou]" and "an" or "a"
      return args.expected(("%s %s or what makes one"):format(article, kind), value, call, position, label)
    end
    return args.pointer(value, call, position, label, sizeof(types.t[kind])) -- a buffer of the caller's own
  end
  return args.record(value, call, position, label, types.t[kind])
end

-- Memory for the kernel to fill in.
function operations.output(kind)
  return (SCALARS[kind] or types.t[kind])()
end

-- What the caller gets of it: a number of a scalar, the record otherwise.
function operations.value(kind, data)
  local pointer = pointers[kind]
  return pointer and exact(cast(pointer, data)[0][0]) or data -- the caller's buffer may be of another type
end

-- Rows by number, since an operation may be given as one.
function operations.by_number(name)
  local rows = {}
  for operation, text in pairs(require("callgate.operations." .. name)) do
    local number = constants.get(operation)
    if number then
      rows[number] = read(text)
    end
  end
  return rows
end

-- The descriptor that an operation returned, of the kind that its row names.
function operations.descriptor(row, number)
  return descriptors.kind(row.made or "fd")(tonumber(number))
end

-- A converter of the operations' names, all of which begin with `prefix`: those of the rows of `name`. Where a name
-- alone is none, it is taken as one that begins with `further`.
function operations.named(name, prefix, further)
  local numbers = {}
  return function(value, call, position, label)
    if type(value) ~= "string" then
      return args.uint(value, call, position, label)
    end
    local number = numbers[value]
    if not number then
      local rows, upper = require("callgate.operations." .. name), value:upper()
      local full = rows[upper] and upper or rows[prefix .. upper] and prefix .. upper or (further or prefix) .. upper
      number = rows[full] and constants.get(full)
      if not number then
        local known = {}
        for row in pairs(rows) do
          known[#known + 1] = row:sub(#prefix + 1):lower()
        end
        table.sort(known)
        local hint = require("callgate.suggest").hint(value:lower(), known, prefix:lower())
        return args.misuse(call, position, label, ("unknown name %q for %s*%s"):format(value, prefix, hint))
      end
      numbers[value] = number
    end
    return number
  end
end

local function finish(row, result, data)
  if result == -1 then
    return fail()
  elseif not row then
    return result
  elseif row.result == "fd" then
    return operations.descriptor(row, result)
  elseif row.result == "number" then
    return result
  elseif data ~= nil then
    return operations.value(row.kind, data)
  end
  return true
end

-- A number, which C declares as a long and the kernel takes for an int: it would drop the bits above.
local function plain(value, call, position, label)
  if type(value) == "number" or type(value) == "string" or type(value) == "cdata" and memory.number(value) then
    value = fitting("int", value, call, position, label)
  end
  return args.word(value, call, position, label)
end

-- Performs operation `number` of `raw` on fd as its row says.
local function perform(raw, call, label, fd_number, number, row, value, fd)
  local word, data = 0, nil
  if not row then
    word = args.word(value, call, 3, label)
  elseif row.how == "value" then
    word = plain(value, call, 3, label)
  elseif row.how == "flags" then
    word = args.flags(value, call, 3, label, flags.group(row.kind))
  elseif row.how ~= "none" then
    if row.how == "out" and value == nil then
      data = operations.output(row.kind)
    else
      data = operations.input(row.kind, value, call, 3, label)
    end
    word = cast("uintptr_t", type(data) == "string" and cast("const char *", data) or cast("const void *", data))
  end
  local result = raw(fd_number, number, word)
  return finish(row, result, row and row.how ~= "in" and data or nil, fd, value, data) -- which live until here
end

-- fd:fcntl("getfl") -> number; fd:fcntl("setfl", "nonblock") -> true; fd:fcntl("dupfd", 10) -> fd
function operations.fcntl()
  local raw = sys.fcntl
  local F = flags.group "F"
  local rows = operations.by_number "fcntl"
  local wide = {} -- operation -> the one for locks with 64-bit offsets, which S.t.flock has everywhere
  for _, name in ipairs { "F_GETLK", "F_SETLK", "F_SETLKW" } do
    wide[constants.get(name)] = target.registers == 32 and constants.get(name .. "64") or nil
  end
  return function(fd, operation, value)
    local fd_number = args.fd(fd, "fcntl", 1, "fd")
    operation = args.choice(operation, "fcntl", 2, "operation", F)
    return perform(raw, "fcntl", "argument", fd_number, wide[operation] or operation, rows[operation], value, fd)
  end
end

local function unknown_request(request)
  local hint = require("callgate.suggest").hint(request:upper(), require "callgate.operations.ioctl")
  return args.misuse("ioctl", 2, "request", ("unknown request %q%s"):format(request, hint))
end

-- fd:ioctl("TIOCGWINSZ") -> winsize; fd:ioctl("FIONREAD") -> number; fd:ioctl(number, buffer) -> number
function operations.ioctl()
  local raw = sys.ioctl
  local rows = operations.by_number "ioctl"
  local numbers = {} -- by name
  return function(fd, request, value)
    local fd_number = args.fd(fd, "ioctl", 1, "fd")
    local number = numbers[request]
    if number == nil then
      if type(request) == "string" then
        number = constants.get(request) or constants.get(request:upper())
        if type(number) ~= "number" then
          return unknown_request(request)
        end
        numbers[request] = number
      else
        number = args.uint(request, "ioctl", 2, "request")
      end
    end
    return perform(raw, "ioctl", "argument", fd_number, number, rows[number], value, fd)
  end
end

operations.sizeof = sizeof

return operations
