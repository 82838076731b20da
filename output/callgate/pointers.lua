-- What is made of the types of types.lua: pointers to them and arrays of them.

local ffi = require "ffi"
local errors = require "callgate.errors"
local types = require "callgate.types"

local pointers = {}

local memory = require "callgate.memory"
local got, raise = errors.got, errors.raise
local MOST = 2 ^ 31 - 1 -- bytes of one cdata; LuaJIT cuts a count beyond it down to 32 bits

-- S.pt.NAME(p): p, a pointer or buffer of any type, as a pointer to NAME.
pointers.pt = setmetatable({}, {
  __index = function(self, name)
    local ctype = types.t[name]
    if not ctype then
      return nil
    end
    local pointer = ffi.typeof("$ *", ctype)
    local function cast(value)
      if not memory.is(value) then
        raise(("S.pt.%s: expected a pointer or a buffer, got %s"):format(name, got(value)))
      end
      local size = memory.size(value)
      if size and size < ffi.sizeof(ctype) then
        raise(("S.pt.%s: %d bytes are too few: it has %d"):format(name, size, ffi.sizeof(ctype)))
      end
      return ffi.cast(pointer, value)
    end
    rawset(self, name, cast)
    return cast
  end,
})

-- The ctype of a pointer to a record, for reading what lies in a buffer.
function pointers.pointer(name)
  return ffi.typeof("$ *", types.t[name])
end

-- A function from what an element is made from to the element. A record's constructor says itself what is wrong.
local function maker(name, ctype)
  local is_number = tonumber(ctype()) ~= nil
  if is_number and tonumber(ctype(0.5)) == 0 then -- an integer, which LuaJIT would round for
    local bits, is_signed = 8 * ffi.sizeof(ctype), ctype(-1) < 0
    return function(item)
      return require "callgate.whole"(item, bits, is_signed)
    end
  end
  return function(item)
    local ok, value = pcall(ctype, item)
    if ok then
      return value
    end
    local text, internal = errors.plain(value)
    error(internal and ("expected %s, got %s"):format(is_number and "a number" or name, got(item)) or text, 0)
  end
end

-- An array of records: S.t.array("epoll_event", 64), or with what each is made from:
-- S.t.array("timespec", { 1, 2.5 }). Elements count from 0, as in C.
function pointers.array(name, init)
  local ctype = types.t[name]
  if type(ctype) ~= "cdata" or require("callgate.shared").descriptors[tonumber(ctype)] then
    raise(("S.t.array: no type %s"):format(errors.shown(name)))
  end
  local count = type(init) == "table" and #init or init
  if type(count) ~= "number" or count < 0 or count % 1 ~= 0 then
    raise(("S.t.array: expected a count or a table, got %s"):format(got(init)))
  end
  local array
  if count * ffi.sizeof(ctype) <= MOST then
    array = memory.array(ffi.typeof("$[?]", ctype), count)
  end
  if not array then
    raise(("S.t.array: no memory for %.0f of %s"):format(count, name))
  end
  local make = type(init) == "table" and maker(name, ctype)
  for i = 1, make and count or 0 do
    local ok, value = pcall(make, init[i])
    if not ok then
      raise(("S.t.array: element %d: %s"):format(i, value))
    end
    array[i - 1] = value
  end
  return array
end

-- A buffer of so many bytes, or of those of a string.
function pointers.buffer(init)
  local size = type(init) == "string" and #init or init
  if type(size) ~= "number" or size < 0 or size % 1 ~= 0 then
    raise(("S.t.buffer: expected a number of bytes or a string, got %s"):format(got(init)))
  end
  local buffer = size <= MOST and memory.array("char[?]", size)
  if not buffer then
    raise(("S.t.buffer: no memory for %.0f bytes"):format(size))
  elseif type(init) == "string" then
    ffi.copy(buffer, init, size)
  end
  return buffer
end

return pointers
