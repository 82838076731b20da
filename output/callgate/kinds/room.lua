-- How far a record's last array reaches: its offsets and lengths may be a program's, and say anything.
--
-- room(record, array) -> bytes from the array's beginning on; of what a pointer refers to the end is not known

local ffi = require "ffi"

local cast = ffi.cast

return function(self, array)
  if tostring(ffi.typeof(self)):find "[&*]>$" then
    return math.huge
  end
  return ffi.sizeof(self) - (cast("char *", array) - cast("char *", self))
end
