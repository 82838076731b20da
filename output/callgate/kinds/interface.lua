-- The number of a network interface that is given by its name ("lo"), or by its number as text; anything else as it is.

return function(value)
  if type(value) ~= "string" then
    return value
  end
  if tonumber(value) then
    return tonumber(value)
  end
  local index, message = require("callgate").if_nametoindex(value)
  return index or error(("interface %q: %s"):format(value, message), 0)
end
