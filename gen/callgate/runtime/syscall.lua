-- S.syscall.NAME(...): the bare call behind every number of the target, with checked arguments.
-- Returns a number (int64_t where a number is not exact), or nil, message, errno.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local memory = require "callgate.memory"
local signatures = require "callgate.signatures"
local sys = require "callgate.sys"

local EXACT = 9007199254740992 -- 2^53

-- What goes into an integer: a number, a descriptor, true or false; nil is 0.
local function integer(value, call, position)
  if type(value) == "number" and value % 1 == 0 and value > -EXACT and value < EXACT then
    return value < 0 and require "callgate.signed"(value) or value
  elseif type(value) == "boolean" then
    return value and 1 or 0
  elseif value == nil then
    return 0
  elseif type(value) == "cdata" and memory.number(value) then
    return value
  end
  return args.fd(value, call, position, "integer")
end

-- An integer of 32 bits, signed for C: LuaJIT's conversion of larger numbers differs by machine.
local function int(value, call, position)
  local number = tonumber(integer(value, call, position))
  if number < -2147483648 or number > 4294967295 then
    args.expected("an integer of 32 bits", value, call, position, "integer")
  end
  return number >= 2147483648 and number - 4294967296 or number
end

local function uint(value, call, position)
  return args.uint(integer(value, call, position), call, position, "integer")
end

local text_box = ffi.new "const char *[1]"

local function put(value)
  text_box[0] = value
end

-- Where the kernel may write, a Lua string must not go, nor a pointer to what is const.
local function pointer(value, call, position)
  if value == nil then
    return nil -- not a null pointer of a type that C does not convert
  elseif memory.is_writable(value) then
    return value
  end
  return args.expected("a buffer or record (cdata), or nil", value, call, position, "pointer")
end

-- Text that ends with a zero byte, or nil.
local function text(value, call, position)
  if value == nil then
    return nil
  elseif type(value) == "string" or memory.is(value) and pcall(put, value) then
    return value
  end
  return args.expected("a string, bytes (cdata), or nil", value, call, position, "text")
end

local function readable(value, call, position)
  if value == nil then
    return nil
  elseif type(value) == "string" or memory.is(value) then
    return value
  end
  return args.expected("a string, a buffer or record (cdata), or nil", value, call, position, "pointer")
end

-- A number or memory: the kernel's prototype says unsigned long, the operation what it is, and whether
-- the kernel writes there.
local function word(value, call, position)
  return args.word(value, call, position, "word")
end

local CONVERT = {
  i = int, u = uint, l = integer, z = integer, q = integer, Q = integer, w = word,
  p = pointer, c = readable, s = text,
}

-- A function of exactly the call's arguments: one with varargs would not compile.
local TEMPLATE = [[
local name, raw, convert, fail, surplus = ...
local to_1, to_2, to_3, to_4, to_5, to_6 = unpack(convert)
return function(%s...)
  if select("#", ...) > 0 then
    surplus(name, %d, select("#", ...))
  end
  local result = raw(%s)
  if result == -1 then
    return fail()
  elseif type(result) == "cdata" and result > -9007199254740992 and result < 9007199254740992 then
    return tonumber(result)
  end
  return result
end]]

local function surplus(name, arity, more)
  errors.raise(("%s: takes %d argument%s, got %d"):format(name, arity, arity == 1 and "" or "s", arity + more))
end

local function make(name, signature)
  local letters = signature:sub(3, 8) -- mips' syscall() has a seventh, which libc does not hand on
  local parameters, passed, convert = "", {}, {}
  for i = 1, #letters do
    convert[i] = CONVERT[letters:sub(i, i)]
    parameters = parameters .. ("a%d, "):format(i)
    passed[i] = ("to_%d(a%d, name, %d)"):format(i, i, i)
  end
  local code = TEMPLATE:format(parameters, #letters, table.concat(passed, ", "))
  return assert(loadstring(code, "=callgate.syscall." .. name))(name, sys.bare(name), convert, errors.fail, surplus)
end

return setmetatable({}, {
  __index = function(self, name)
    local signature = signatures[name]
    if not signature then
      return nil
    end
    local fn = make(name, signature)
    rawset(self, name, fn)
    return fn
  end,
})
