-- How much memory a cdata value stands for, so that no count reaches beyond the end of a buffer.
--
-- A C type's id, `tonumber(ffi.typeof(value))`, compiles to a constant. The size of an array made with
-- a length at run time ("char[?]") does not compile, so each such buffer is measured once.

local ffi = require "ffi"

local typeof, sizeof = ffi.typeof, ffi.sizeof

local memory = {}

local POINTER, VARIABLE = -1, -2

local kinds = {} -- id -> size in bytes of every value of the type, or one of the above
local sizes = setmetatable({}, { __mode = "k" }) -- a buffer of variable size -> its bytes

local function classify(value, id)
  local name = tostring(typeof(value))
  local kind
  if name:find "%*>$" or name:find "%(%*%)" or name:find "%)>$" then
    kind = POINTER
  elseif not pcall(sizeof, typeof(value)) then -- it asks for the number of elements
    kind = VARIABLE
  else
    kind = sizeof(value) or POINTER -- a flexible array does not tell, either
  end
  kinds[id] = kind
  return kind
end

local function measure(value)
  local size = sizeof(value)
  sizes[value] = size
  return size
end

-- The bytes of the memory that `value` is; false for a pointer, which does not tell; nil for anything
-- that is no memory at all (numbers, strings).
function memory.size(value)
  if type(value) ~= "cdata" or tonumber(value) then
    return nil
  end
  local id = tonumber(typeof(value))
  local kind = kinds[id] or classify(value, id)
  if kind >= 0 then
    return kind
  elseif kind == VARIABLE then
    return sizes[value] or measure(value)
  end
  return false
end

-- Whether `value` is memory that a pointer can go to: cdata that is neither a number nor a type itself
-- (ffi.typeof's result, whose id would be taken for that of its values).
function memory.is(value)
  return type(value) == "cdata" and tonumber(value) == nil
end

return memory
