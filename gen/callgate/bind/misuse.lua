-- luacheck: globals B

-- A wrong argument of a macro is an error that names the macro and the argument, at the line of the caller.
do
  local helpers, macros = B.helpers, B.macros
  local made -- key of a macro -> its function

  function B.macros(...)
    made = macros(...)
    return made
  end

  local function name_of(fn)
    for name, key in pairs(B.macro_names) do
      if fn and made[key] == fn then
        return name
      end
    end
  end

  -- Which argument of the function at `level` it is that macro.lua shows behind "got ".
  local function position(fn, level, text)
    local i, shown = 1, text:match ", got (.*)$"
    while debug.getlocal(fn, i) do
      local _, value = debug.getlocal(level + 1, i)
      if shown == (type(value) == "string" and ("%q"):format(value) or tostring(value)) then
        return ("argument %d"):format(i)
      end
      i = i + 1
    end
    return "a member" -- of what was given
  end

  local function raise(text)
    local level, info = 2, debug.getinfo(2, "f")
    while info do
      local name = name_of(info.func)
      if name then
        local where = position(info.func, level, text)
        error(("%s: %s"):format(name, (text:gsub("^macro argument", where))), level + 1)
      end
      level = level + 1
      info = debug.getinfo(level, "f")
    end
    error(text, 3)
  end

  function B.helpers(require)
    return helpers(function(module)
      return module == "callgate.errors" and { raise = raise } or require(module)
    end)
  end
end
