-- S.syscall.NAME(...): the bare call behind every number of the target, with checked arguments.
-- Returns a number (int64_t where a number is not exact), or nil, message, errno.

local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local signatures = require "callgate.signatures"
local sys = require "callgate.sys"

local EXACT = 9007199254740992

local function integer(value, call, position)
  if type(value) == "number" and value % 1 == 0 then
    return value
  elseif type(value) == "boolean" then
    return value and 1 or 0
  elseif value == nil then
    return 0
  end
  local number = descriptors.standard[value] or descriptors.number(value)
  if number then
    return args.fd(value, call, position, "integer")
  elseif type(value) == "cdata" and tonumber(value) then
    return value
  end
  return args.expected("an integer or a descriptor", value, call, position, "integer")
end

local function pointer(value, call, position)
  if value == nil or type(value) == "cdata" then
    return value
  end
  return args.expected("a buffer or record (cdata), or nil", value, call, position, "pointer")
end

local function readable(value, call, position)
  if value == nil or type(value) == "cdata" or type(value) == "string" then
    return value
  end
  return args.expected("a string, a buffer or record (cdata), or nil", value, call, position, "pointer")
end

local CONVERT = {
  i = integer, u = integer, l = integer, z = integer, q = integer, Q = integer,
  p = pointer, c = readable, s = readable,
}

local function make(name, signature)
  local raw = sys[name]
  local arity = #signature - 2
  local convert = {}
  for i = 1, arity do
    convert[i] = CONVERT[signature:sub(i + 2, i + 2)]
  end
  return function(...)
    local given = select("#", ...)
    if given > arity then
      error(("%s: takes %d argument%s, got %d"):format(name, arity, arity == 1 and "" or "s", given), 2)
    end
    local values = { ... }
    for i = 1, arity do
      values[i] = convert[i](values[i], name, i)
    end
    -- A number where the prototype wants a pointer was refused above; nil is NULL.
    local result = raw(unpack(values, 1, arity))
    if result == -1 then
      return errors.fail()
    elseif type(result) == "cdata" and result > -EXACT and result < EXACT then
      return tonumber(result)
    end
    return result
  end
end

return setmetatable({}, {
  __index = function(self, name)
    local signature = signatures[name]
    if not signature then
      return nil
    end
    local fn = make(name, signature)
    rawset(self, name, fn)
    return fn
  end,
})
