-- Numbers for C's integers: what one would not hold as it is (a fraction, NaN, what is too large) is refused, where
-- LuaJIT rounds, cuts and wraps.

local memory = require "callgate.memory"
local errors = require "callgate.errors"
local signed = require "callgate.signed"

local EXACT = 9007199254740992 -- 2^53: beyond it a Lua number skips integers

local function refuse(name, wanted, value)
  local where = name and ("field %q: "):format(name) or ""
  error(("%sexpected %s, got %s"):format(where, wanted, errors.got(value)), 0)
end

-- whole(value, bits[, is_signed[, name]]) -> `value` as an integer of so many bits holds it. As in C, -1 is the largest
-- number of an unsigned one, and 0xffffffff is -1 in a signed one of 32 bits. `name` is the field's, for the message.
return function(value, bits, is_signed, name)
  if type(value) == "boolean" then
    return value and 1 or 0
  end
  local number = value
  if type(value) == "cdata" then
    number = memory.number(value)
    if number and bits == 64 then
      return value
    end
  end
  if type(number) ~= "number" then
    refuse(name, "a number", value)
  elseif number % 1 ~= 0 then -- NaN and the infinite, too
    refuse(name, "a whole number", value)
  elseif bits == 64 then
    if number > EXACT or number < -EXACT then
      refuse(name, "an integer (a number, or int64_t beyond 2^53)", value)
    end
    return signed(number)
  end
  local span = 2 ^ bits
  if number >= span or number < -span / 2 then
    local least = is_signed and -span / 2 or 0
    refuse(name, ("a number from %.0f to %.0f"):format(least, least + span - 1), value)
  elseif is_signed and number >= span / 2 then
    return number - span
  end
  return (is_signed or number >= 0) and number or number + span
end
