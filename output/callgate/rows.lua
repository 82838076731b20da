-- Tables given as text, of which only the rows wanted are read: Lua takes longer to read a header's thousand
-- constants than a program that wants one of them should wait.
--
-- A row is what stands in a table, "NAME = 1," or '["struct stat"] = [[...]],', at the start of a line behind
-- a newline; the further lines of a row begin with a space or a brace.

local rows = {}

jit.off(true, true) -- a row is read once: what LuaJIT compiles of that takes longer than it saves

local function read(text, given)
  return assert(loadstring("local M = ... return {" .. text .. "}", "=callgate.rows"))(given)
end

-- The value of the row `name`, nil where there is none. Functions in it know `given` as M.
function rows.get(text, name, given)
  local start
  if name:find "^[%a_][%w_]*$" then
    start = text:find("\n" .. name .. " = ", 1, true)
  end
  if not start and name:find "^[%l ]" then -- a keyword of Lua's, or no name at all
    start = text:find('\n["' .. name .. '"] = ', 1, true)
  end
  if start then
    local behind = text:find("\n", start + 1, true)
    while behind and text:find("^[%s}]", behind + 1) do -- a pattern for both would look at each character
      behind = text:find("\n", behind + 1, true)
    end
    return read(text:sub(start, (behind or 0) - 1), given)[name]
  end
end

-- Whether there is a row whose name begins with `prefix`, a name as C has them.
function rows.any(text, prefix)
  return text:find("\n" .. prefix, 1, true) ~= nil
end

-- All rows as a table.
rows.all = read

-- A table that reads each of its rows when it is first asked for; pairs() sees those of rows.whole alone.
function rows.lazy(text)
  return setmetatable({}, {
    text = text,
    __index = function(self, name)
      local value = type(name) == "string" and rows.get(text, name) or nil
      rawset(self, name, value)
      return value
    end,
  })
end

-- Such a table with all its rows read.
function rows.whole(lazy)
  local meta = getmetatable(lazy)
  if meta then
    for name, value in pairs(read(meta.text)) do
      if rawget(lazy, name) == nil then
        lazy[name] = value
      end
    end
    setmetatable(lazy, nil)
  end
  return lazy
end

return rows
