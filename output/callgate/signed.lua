-- Negative numbers for unsigned members and parameters of 64 bits. C makes their two's complement of an integer; of a
-- double below zero, which a Lua number is, it makes what it likes: 2.1.0-beta3 gave 2^63 for -1 where it interprets,
-- and 2^64 - 1 where it compiles (lj_num2u64 of lj_obj.h). By way of int64_t it is the same everywhere.

local ffi = require "ffi"

local int64_t = ffi.typeof "int64_t"
local LEAST = -2 ^ 63
local NONE = {}

local DEEPEST = 4 -- tables in tables: no record of the headers is made of more, and these may hold themselves

-- A negative integer as int64_t; a table with such in it as a copy that has them so; all else as it is.
local function signed(value, depth)
  if type(value) == "number" then
    return value < 0 and value % 1 == 0 and value >= LEAST and int64_t(value) or value
  elseif type(value) ~= "table" or depth == DEEPEST then
    return value
  end
  local changed
  for key, item in pairs(value) do
    local instead = signed(item, (depth or 0) + 1)
    if not rawequal(instead, item) then
      changed = changed or {}
      changed[key] = instead
    end
  end
  for key, item in pairs(changed and value or NONE) do
    if changed[key] == nil then
      changed[key] = item
    end
  end
  return changed or value
end

return signed
