-- Macros as functions for programs: what one cannot work with is said in the macro's name. A macro has
-- no types of parameters to check beforehand: in C, too, its expression decides.

local errors = require "callgate.errors"

local function fail(name, message, ...)
  local text, internal = errors.plain(message)
  if internal then
    local shown = {}
    for i = 1, select("#", ...) do
      shown[i] = errors.shown((select(i, ...)))
    end
    text = ("%s: not what the macro takes: %s"):format(name, table.concat(shown, ", "))
  else
    text = text:gsub("^macro argument: ", name .. ": ")
  end
  errors.raise(text)
end

-- With the parameters of each: one function with varargs for all would not compile.
local makers = {
  [0] = function(_, fn) return fn end,
  function(name, fn)
    return function(a)
      local ok, result = pcall(fn, a)
      if not ok then
        return fail(name, result, a)
      end
      return result
    end
  end,
  function(name, fn)
    return function(a, b)
      local ok, result, left = pcall(fn, a, b)
      if not ok then
        return fail(name, result, a, b)
      elseif left ~= nil then
        return result, left -- NLMSG_NEXT and its like have two results
      end
      return result
    end
  end,
  function(name, fn)
    return function(a, b, c)
      local ok, result = pcall(fn, a, b, c)
      if not ok then
        return fail(name, result, a, b, c)
      end
      return result
    end
  end,
  function(name, fn)
    return function(a, b, c, d)
      local ok, result = pcall(fn, a, b, c, d)
      if not ok then
        return fail(name, result, a, b, c, d)
      end
      return result
    end
  end,
}

-- The function that programs get of the macro `fn` called `name`.
return function(name, fn)
  local make = makers[debug.getinfo(fn, "u").nparams]
  return make and make(name, fn) or function(...)
    local ok, result = pcall(fn, ...)
    if not ok then
      return fail(name, result, ...)
    end
    return result
  end
end
