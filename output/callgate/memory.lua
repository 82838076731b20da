-- How much memory a cdata value stands for, so that no count reaches beyond the end of a buffer.
--
-- A C type's id, `tonumber(ffi.typeof(value))`, compiles to a constant. The size of an array made with
-- a length at run time ("char[?]") does not compile, so each such buffer is measured once.

local ffi = require "ffi"

local descriptors = require("callgate.shared").descriptors
local new, typeof, sizeof = ffi.new, ffi.typeof, ffi.sizeof

local memory = {}

local POINTER, VARIABLE = -1, -2

local kinds = {} -- id -> size in bytes of every value of the type, or one of the above
local sizes = setmetatable({}, { __mode = "k" }) -- a buffer of variable size -> its bytes

local function classify(value, id)
  local name = tostring(typeof(value))
  local kind
  if name:find "%*>$" or name:find "%(%*%)" or name:find "%)>$" or name:find "%[0%]>$" then
    kind = POINTER -- so is a flexible array, which record.guarded declares as [0]
  elseif not pcall(sizeof, typeof(value)) then -- it asks for the number of elements
    -- A flexible array that is a member of its record does not tell, either.
    kind = pcall(sizeof, value) and VARIABLE or POINTER
  else
    kind = sizeof(value) or POINTER
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

-- Where memory ends in compiled code LuaJITs of before 2024 may crash: what is large is made by the interpreter.
local LARGE = 65536 -- elements

local function large(ctype, count)
  local ok, array = pcall(new, ctype, count)
  return ok and array or nil
end
jit.off(large)

-- A new array of a type without a length ("char[?]"), nil where there is no memory for so many.
function memory.array(ctype, count)
  if count < LARGE then
    return new(ctype, count)
  end
  return large(ctype, count)
end

memory.regions = {} -- ids of regions of mmap: objects that own memory, and are none themselves

local READ, WRITE = 1, 2
local access = {} -- id -> what may be done with memory of the type; false for what is no memory
local readable, writable = ffi.new "const void *[1]", ffi.new "void *[1]"

local function put(box, value)
  box[0] = value
end

local function find_access(value, id)
  local found = false
  local name = tostring(typeof(value))
  local is_function = name:find "%)>$" and not name:find("(*)", 1, true) -- LuaJIT would give a pointer to its code
  if not descriptors[id] and not memory.regions[id] and not is_function then
    found = pcall(put, writable, value) and WRITE or pcall(put, readable, value) and READ
  end
  access[id] = found
  return found
end

local function access_of(value)
  if type(value) ~= "cdata" or tonumber(value) then
    return false
  end
  local id = tonumber(typeof(value))
  local found = access[id]
  if found == nil then
    return find_access(value, id)
  end
  return found
end

-- Whether `value` is memory that a pointer can go to: cdata that is neither a number nor a type itself
-- (ffi.typeof's result, whose id would be taken for that of its values), a function, a descriptor or a
-- region.
function memory.is(value)
  return access_of(value) ~= false
end

-- Whether one may write there, too: it is not const.
function memory.is_writable(value)
  return access_of(value) == WRITE
end

local integers = {} -- id -> whether a number of the type is an integer: a float has no place in a register

-- The integer that `value`, a cdata, is: nil for memory and for a type, which has a number, too.
function memory.number(value)
  local number, id = tonumber(value), tonumber(typeof(value))
  if number == nil or number == id and tostring(value):find "^ctype<" then
    return nil
  end
  local integer = integers[id]
  if integer == nil then
    local name = tostring(typeof(value))
    integer = not (name:find "float" or name:find "double" or name:find "complex")
    integers[id] = integer
  end
  return integer and number or nil
end

return memory
