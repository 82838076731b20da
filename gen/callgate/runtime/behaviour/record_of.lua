-- Which record of this library memory is of: "timespec" for S.t.timespec(), a pointer to one, an array of some; false
-- for memory of a program's own types, of which one cannot know what it is.

local ffi = require "ffi"

local names = {} -- id of a type -> the record's name

return function(value)
  local id = tonumber(ffi.typeof(value))
  local name = names[id]
  if name == nil then
    name = tostring(ffi.typeof(value)):match "callgate%d*_([%w_]+)" or false
    names[id] = name
  end
  return name
end
