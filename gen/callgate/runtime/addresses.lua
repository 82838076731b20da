-- Memory and numbers where C declares a number: what args.lua has of it, loaded when a call first wants it.

local ffi = require "ffi"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local memory = require "callgate.memory"
local signed = require "callgate.signed"
local target = require "callgate.target"

local cast, typeof = ffi.cast, ffi.typeof
local is_memory = memory.is
local misuse, expected = args.misuse, args.expected

local addresses = {}

local function is_region(value)
  return type(value) == "cdata" and memory.regions[tonumber(typeof(value))] and tonumber(value) == nil
end

local function address_of(value)
  if is_region(value) then
    value = value.addr
  end
  return cast("uintptr_t", cast("const void *", value))
end

-- A number as a long: of 32 bits where that is what a register has, since C's conversion of larger ones
-- differs by machine.
local function register(value)
  if target.registers == 32 and type(value) == "number" and value >= 2147483648 and value < 4294967296 then
    value = value - 4294967296
  end
  return signed(value)
end

-- Where memory lies, as the number that C declares: a pointer, a buffer, a region of mmap, a number.
function addresses.address(value, call, position, label)
  if value == nil then
    return 0
  elseif is_memory(value) or is_region(value) then
    return address_of(value)
  elseif type(value) == "number" or type(value) == "cdata" then
    return register(args.size(value, call, position, label))
  end
  return expected("memory (a buffer, a pointer, a region) or an address", value, call, position, label)
end

-- What a multiplexer takes, as its operation says: a number, a descriptor or memory. Whoever calls this
-- keeps `value` until the system call has returned: the number does not. A string is none: Lua has each
-- only once, so that one the kernel wrote to would change for all, down to the parser's keywords
-- (FIGETBSZ on "end" left a Lua in which no function could be loaded any more).
function addresses.word(value, call, position, label)
  if value == nil then
    return 0
  elseif type(value) == "boolean" then
    return value and 1 or 0
  elseif type(value) == "string" then
    return misuse(call, position, label, ("the kernel may write there, and a string must not change: "
      .. "pass a buffer (cdata) instead of %s"):format(errors.got(value)))
  elseif descriptors.number(value) then
    return args.fd(value, call, position, label)
  elseif is_memory(value) or is_region(value) then
    return address_of(value)
  end
  return register(args.long(value, call, position, label))
end

-- The same where the kernel only reads: a string, too.
function addresses.source(value, call, position, label)
  if type(value) == "string" then
    return cast("uintptr_t", cast("const char *", value))
  end
  return addresses.word(value, call, position, label)
end

return addresses
