-- Macros as functions for programs: what one cannot work with is said in the macro's name. A macro has
-- no types of parameters to check beforehand: in C, too, its expression decides.

local errors = require "callgate.errors"

-- --- what programs may give beside numbers ---------------------------------------------------------------------

-- 'T' of C, in _IOR('T', 1, int).
local function character(value)
  return type(value) == "string" and #value == 1 and value:byte() or value
end

-- What waitpid has returned.
local function status(value)
  return type(value) == "table" and rawget(value, "status") or value
end

local function first(convert)
  return function(fn)
    return function(a, b, c)
      return fn(convert(a), b, c)
    end
  end
end

local function second(convert)
  return function(fn)
    return function(a, b, c, d)
      return fn(a, convert(b), c, d)
    end
  end
end

local TAKES = { _IOC = second(character) } -- name of a macro -> what makes another function of its own
for name in ("_IO _IOR _IOW _IOWR _IOR_BAD _IOW_BAD _IOWR_BAD"):gmatch "%S+" do
  TAKES[name] = first(character)
end
local STATUS = "WIFEXITED WEXITSTATUS WIFSIGNALED WTERMSIG WIFSTOPPED WSTOPSIG WIFCONTINUED WCOREDUMP"
for name in STATUS:gmatch "%S+" do
  TAKES[name] = first(status)
end

-- --- what is said of the rest ------------------------------------------------------------------------------------

-- Which of the values macro.lua or LuaJIT complains of: the one whose text stands behind "got ", or whose parameter is
-- named.
local function culprit(fn, text, ...)
  local shown, label = text:match "^macro argument: .-, got (.*)$", text:match "^attempt to .- '([%w_]+)' %("
  for i = 1, select("#", ...) do
    local value, name = select(i, ...), debug.getlocal(fn, i)
    local said = type(value) == "string" and ("%q"):format(value) or tostring(value)
    if said == shown or label and name == label then
      return i, name, value
    end
  end
end

local function expectation(text, internal)
  if not internal then
    return text:match "^macro argument: expected (.-), got "
  end
  return text:find "^attempt to index" and "a record or a pointer to one" or "what C's macro takes"
end

local function fail(name, fn, message, ...)
  local text, internal = errors.plain(message)
  local wanted = expectation(text, internal)
  local i, label, value = culprit(fn, text, ...)
  if i and wanted then
    text = ("%s: argument %d (%s): expected %s, got %s"):format(name, i, label, wanted, errors.got(value))
  elseif internal then
    local shown = {}
    for at = 1, select("#", ...) do
      shown[at] = errors.got((select(at, ...)))
    end
    text = ("%s: expected %s, got %s"):format(name, wanted, table.concat(shown, ", "))
  elseif wanted then -- of a member of what was given
    text = ("%s: a member: %s"):format(name, text:match "^macro argument: (.*)$")
  end
  errors.raise(text)
end

-- With the parameters of each: one function with varargs for all would not compile.
local makers = {
  [0] = function(_, fn) return fn end,
  function(name, fn, plain)
    return function(a)
      local ok, result = pcall(fn, a)
      if not ok then
        return fail(name, plain, result, a)
      end
      return result
    end
  end,
  function(name, fn, plain)
    return function(a, b)
      local ok, result, left = pcall(fn, a, b)
      if not ok then
        return fail(name, plain, result, a, b)
      elseif left ~= nil then
        return result, left -- NLMSG_NEXT and its like have two results
      end
      return result
    end
  end,
  function(name, fn, plain)
    return function(a, b, c)
      local ok, result = pcall(fn, a, b, c)
      if not ok then
        return fail(name, plain, result, a, b, c)
      end
      return result
    end
  end,
  function(name, fn, plain)
    return function(a, b, c, d)
      local ok, result = pcall(fn, a, b, c, d)
      if not ok then
        return fail(name, plain, result, a, b, c, d)
      end
      return result
    end
  end,
}

-- The function that programs get of the macro `fn` called `name`.
return function(name, fn)
  local make, taking = makers[debug.getinfo(fn, "u").nparams], TAKES[name]
  local called = taking and taking(fn) or fn
  return make and make(name, called, fn) or function(...)
    local ok, result = pcall(called, ...)
    if not ok then
      return fail(name, fn, result, ...)
    end
    return result
  end
end
