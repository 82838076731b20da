-- 64-bit quantities in short accessors: a Lua number where it is exact, else the cdata.

local LIMIT = 9007199254740992 -- 2^53

return function(value)
  if type(value) == "number" then
    return value
  elseif value <= LIMIT and value >= -LIMIT then
    return tonumber(value)
  end
  return value
end
