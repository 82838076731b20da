-- What translated C macros are written with. Header modules get this table: `macros = function(M)`.
--
-- An argument is a Lua number without a fraction, an int64_t or a uint64_t (C: long long, unsigned
-- long long), true or false (1, 0); where a macro wants a type, a name ("struct winsize", "int"), a
-- ctype or a number of bytes; where it wants a pointer or a record, that. Inside a macro every
-- integer is a 64-bit cdata, so that C's wrap-around and signedness are LuaJIT's own.

local bit = require "bit"
local ffi = require "ffi"

local M = {
  band = bit.band,
  bor = bit.bor,
  bxor = bit.bxor,
  bnot = bit.bnot,
  number = tonumber,
}

local cast, istype, typeof = ffi.cast, ffi.istype, ffi.typeof
local lshift, rshift, arshift, bswap = bit.lshift, bit.rshift, bit.arshift, bit.bswap
local tonumber, type = tonumber, type
local floor = math.floor
local i8, i16, i32, i64 = typeof "int8_t", typeof "int16_t", typeof "int32_t", typeof "int64_t"
local u8, u16, u32, u64 = typeof "uint8_t", typeof "uint16_t", typeof "uint32_t", typeof "uint64_t"
local EXACT = 2 ^ 53 -- from here on a double has not every integer

local function misuse(expected, x)
  local shown = type(x) == "string" and ("%q"):format(x) or tostring(x)
  -- Only now: the generator runs macros with this file alone.
  require("callgate.errors").raise(("macro argument: expected %s, got %s"):format(expected, shown))
end

-- Whether a cdata is a number: a type has one, too, its id.
local function is_number(x)
  local number = tonumber(x)
  return number ~= nil and not (number == tonumber(typeof(x)) and tostring(x):find "^ctype<")
end

-- An argument or a member as a 64-bit integer.
function M.long(x)
  local kind = type(x)
  if kind == "number" then
    if x >= -2 ^ 63 and x < 2 ^ 63 and x == floor(x) then
      return x + 0LL
    elseif x >= 2 ^ 63 and x < 2 ^ 64 then
      return cast(u64, x)
    end
  elseif kind == "cdata" and is_number(x) then
    return istype(u64, x) and x or cast(i64, x)
  elseif kind == "boolean" then
    return x and 1LL or 0LL
  end
  return misuse("an integer", x)
end

local addressed = {} -- a ctype's id -> whether C has an address for a value of it

-- Whether it is a pointer or an array: no number, no type and no record.
local function is_pointer(x)
  if type(x) ~= "cdata" or tonumber(x) then
    return false
  end
  local id = tonumber(typeof(x))
  if addressed[id] == nil then
    addressed[id] = pcall(cast, u64, x)
  end
  return addressed[id]
end

-- An argument before `->`: an array is a pointer to its first element (C23 6.3.3.1).
function M.pointed(x)
  return is_pointer(x) and x[0] or x
end

-- An argument that C casts to an integer, or compares: a pointer is its address.
function M.address(x)
  return is_pointer(x) and cast(u64, x) or M.long(x)
end

-- left - right of two arguments; of two pointers it counts elements.
function M.difference(left, right)
  if is_pointer(left) then
    return is_pointer(right) and left - right + 0LL or left - M.long(right)
  end
  return M.long(left) - M.long(right)
end

-- The result: a Lua number where it is exact; what is no integer passes.
function M.int(x)
  local number = tonumber(x)
  if number and number > -EXACT and number < EXACT then
    return number
  end
  return x
end

-- (uint8_t)x and so on: cut to the width, then a 64-bit cdata again.
function M.i8(x)
  return cast(i8, x) + 0LL
end

function M.i16(x)
  return cast(i16, x) + 0LL
end

function M.i32(x)
  return cast(i32, x) + 0LL
end

function M.u8(x)
  return cast(u8, x) + 0LL
end

function M.u16(x)
  return cast(u16, x) + 0LL
end

function M.u32(x)
  return cast(u32, x) + 0LL
end

function M.i64(x)
  return cast(i64, x)
end

function M.u64(x)
  return cast(u64, x)
end

-- (typeof(like))x
function M.like(like, x)
  return cast(istype(u64, like) and u64 or i64, x)
end

-- test ? yes : no, where one of the two may be a uint64_t: then the result is.
function M.choose(test, yes, no)
  local chosen = no
  if test then
    chosen = yes
  end
  if istype(u64, yes) or istype(u64, no) then
    return cast(u64, chosen)
  end
  return chosen
end

-- x << count. Counts become numbers: some LuaJITs compile others wrongly (its issue 1480).
function M.shl(x, count)
  return lshift(x, tonumber(count))
end

-- x >> count: arithmetic where x is signed.
function M.shr(x, count)
  if istype(u64, x) then
    return rshift(x, tonumber(count))
  end
  return arshift(x, tonumber(count))
end

-- The lowest `bits` (16, 32 or 64) bits of x, their bytes reversed; the others must be 0.
function M.swap(x, bits)
  return rshift(bswap(x), 64 - bits)
end

-- Whether a member or an argument is true in C: not 0, not NULL.
function M.truth(x)
  return x ~= nil and x ~= 0 and x ~= false
end

local pointers = {} -- C text of a pointer type -> ctype

-- The ctype of "struct NAME" or "union NAME"; nil where `text` is something else.
local function record(text)
  local kind = text:match "^(%l+) [%a_][%w_]*$"
  if kind ~= "struct" and kind ~= "union" then
    return nil
  end
  return require("callgate.types").record(text) or misuse("a record of the headers", text)
end

-- (to)x for a constant x: "struct cmsghdr *", "void *".
function M.pointer(to, x)
  local ctype = pointers[to]
  if not ctype then
    local target = record(to:gsub("^const ", ""):gsub(" ?%*$", ""))
    ctype = target and typeof("$ *", target) or typeof(to)
    pointers[to] = ctype
  end
  return cast(ctype, x)
end

-- (to)x where x comes from the caller. It has to be memory: the macro follows it.
function M.cast(to, x)
  if x == nil and type(x) ~= "cdata" or tonumber(x) then
    return misuse("a pointer or a record", x)
  end
  return M.pointer(to, x)
end

-- sizeof: of a C type by name, a name of S.t, a ctype or a cdata; a number is a number of bytes.
function M.sizeof(x)
  if type(x) == "number" then
    return x
  elseif type(x) == "cdata" then
    return ffi.sizeof(x)
  elseif type(x) ~= "string" then
    return misuse("a type", x)
  end
  local ctype = record(x)
  if not ctype then
    local known, basic = pcall(typeof, x)
    ctype = known and basic or require("callgate.types").t[x] or misuse("a type", x)
  end
  return ffi.sizeof(ctype)
end

return M
