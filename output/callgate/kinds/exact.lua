-- 64-bit quantities in short accessors: a Lua number where it is exact, else the cdata.

local LIMIT = 9007199254740992 -- 2^53: what rounds to less is exact

return function(value)
  local number = tonumber(value)
  if number < LIMIT and number > -LIMIT then
    return number
  end
  return value
end
