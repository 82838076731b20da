-- What is wrong with how a call ended: nil where it is as promised.

local judge = {}

-- What LuaJIT and its FFI say of themselves (lj_errmsg.h): a caller's mistake is said in the library's
-- words, with the argument's name.
local INTERNAL = {
  "cannot convert", "attempt to", "bad argument", "stack overflow", "not enough memory", "invalid C type",
  "declaration specifier expected", "missing declaration", "wrong number of", "wrong type", "gettable",
  "settable", "size of C type is unknown", "too many", "table overflow", "invalid value", "table index is",
  "string length overflow", "expected near", "undeclared or implicit", "symbol lookup", "undefined symbol",
  "bad callback", "malformed pattern", "invalid option", "invalid capture", "unfinished capture", "misplaced",
  "has no member named", "initializer", "NYI", "assertion failed", "module '", "callgate%d*_",
}

-- The caller's own errors, which pass through.
local OWN = { "^the caller's own error$" }

local function says(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then
      return pattern
    end
  end
end

-- Quoted text is the caller's.
local function unquoted(text)
  return (text:gsub('"[^"]*"', '""'))
end

-- An error: `message` of a call of `target`.
function judge.error(target, message)
  if type(message) ~= "string" then
    return "the error is no text: " .. tostring(message)
  elseif says(message, OWN) then
    return nil
  end
  local place, what = message:match "^([^\n:]-%.lua:%d+: )(.*)$"
  if not place then
    place, what = "", message
  end
  if place:find "callgate/" then
    return "blames a line of the library: " .. message
  elseif says(unquoted(what), INTERNAL) then
    return "speaks of internals: " .. message
  elseif not target.loose and not what:find "^[%w_.:]+: argument %d+ %([^()]+%): ."
    and not what:find "^no memory for a buffer of %d+ bytes$"
    and not what:find "^[%w_]+: takes %d+ arguments?, got %d+$" then
    return "does not name function and argument: " .. message
  end
end

-- A return: `first`, `second`, `third`.
function judge.result(target, first, second, third)
  if target.refusing then
    return "took what it must refuse"
  elseif first == nil and second ~= nil and not target.loose
    and not (type(second) == "string" and type(third) == "number" and third > 0) then
    return ("fails without message and errno: nil, %s, %s"):format(tostring(second), tostring(third))
  end
end

return judge
