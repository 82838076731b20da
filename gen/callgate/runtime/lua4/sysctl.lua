-- The kern.lua variables of lua(4). They are the core's configuration, under NetBSD's names and in its numbers.

local bit = require "bit"
local errno = require "callgate.lua4.errno"
local state = require "callgate.state"
local variables = require "callgate.lua4.variables"

local BOOL = "bool"

-- What may be written, as the core keeps it; nil for anything else.
local function read(kind, value)
  if kind == BOOL then
    if value == true or value == 1 then
      return true
    elseif value == false or value == 0 then
      return false
    end
  elseif type(value) == "number" and value == bit.tobit(value) then
    return math.max(value, 0) -- a negative one says the same
  end
end

local function shown(kind, value)
  if kind == BOOL then
    return value and 1 or 0
  end
  return value or 0
end

-- sysctl(name) -> value; sysctl(name, value) -> the value before. nil, message, errno: ENOENT for a name that is no
-- variable, EINVAL for a value of another type.
return function(name, ...)
  local row = variables[name]
  if not row then
    return errno.fail "ENOENT"
  end
  local key, kind = row[1], row[2]
  local old = shown(kind, state.config[key])
  if select("#", ...) > 0 then
    local value = read(kind, (...))
    if value == nil then
      return errno.fail "EINVAL"
    end
    state.config[key] = value
  end
  return old
end
