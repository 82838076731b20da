-- What the functions that a spec calls came to, for the coverage table: a line "NAME ok" or "NAME ENOENT" in the file
-- at `path`, once each. runner.lua loads this where $CALLGATE_COVERAGE names the file.

return function(path)
  local calls = require "callgate.calls"
  local index = require "callgate.calls.index"
  local errname = require("callgate.errors").errname
  local file = assert(io.open(path, "a"))
  file:setvbuf "no" -- children have the same file, and end without flushing
  local seen, made = {}, {}

  local function note(name, ...)
    local value, _, errno = ...
    local line = name .. " " .. (value == nil and type(errno) == "number" and errname(errno) or "ok") .. "\n"
    if not seen[line] then
      seen[line] = true
      file:write(line)
    end
    return ...
  end

  local function recorded(name, fn)
    made[fn] = made[fn] or function(...)
      return note(name, fn(...))
    end
    return made[fn]
  end

  local get = calls.get
  function calls.get(name)
    local fn = get(name)
    return fn and recorded(index.aliases[name] or name, fn)
  end

  -- What looks calls up by itself (a method of a descriptor) finds calls.get replaced; bare calls are a table.
  local bare = require "callgate.syscall"
  package.loaded["callgate.syscall"] = setmetatable({}, {
    __index = function(_, name)
      local fn = bare[name]
      return type(fn) == "function" and recorded("syscall." .. name, fn) or fn
    end,
  })
end
