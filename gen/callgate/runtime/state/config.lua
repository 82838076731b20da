-- What new states are like unless they say otherwise: state.config. It is checked as it is written, since a
-- mistyped name would be a limit that is not there. nil brings back the value of the beginning.

local errors = require "callgate.errors"

local INT_MAX = 2147483647

local function switch(value)
  return type(value) == "boolean", "true or false"
end

local function amount(most)
  return function(value)
    return type(value) == "number" and value >= 0 and value <= most and (value % 1 == 0 or value == math.huge),
      most == math.huge and "a whole number, or math.huge" or ("a whole number from 0 to %.0f"):format(most)
  end
end

local function text(value)
  return type(value) == "string", "a string"
end

local CHECKS = {
  require = switch, autoload = switch, bytecode = switch, path = text, maxcount = amount(INT_MAX),
  verbose = amount(INT_MAX), maxstates = amount(math.huge), maxenv = amount(math.huge),
}

local function unknown(name)
  local hint = require("callgate.suggest").hint(name, CHECKS)
  errors.raise(("state.config: unknown setting %s%s"):format(errors.shown(name), hint))
end

-- The table, whose settings begin as `defaults` has them: every one of CHECKS.
return function(defaults)
  local values = {}
  for name, value in pairs(defaults) do
    values[name] = value
  end
  return setmetatable({}, {
    __index = function(_, name)
      local value = values[name]
      if value == nil then
        unknown(name)
      end
      return value
    end,
    __newindex = function(_, name, value)
      local check = CHECKS[name] or unknown(name)
      if value == nil then
        value = defaults[name]
      end
      local right, expected = check(value)
      if not right then
        errors.raise(("state.config.%s: expected %s, got %s"):format(name, expected, errors.got(value)))
      end
      values[name] = value
    end,
    __metatable = "state.config",
  })
end
