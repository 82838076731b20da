-- Inside a state: string.find and its kin, in C where that is quick and in Lua, where instructions count,
-- where it may not be. Loaded as bytecode: no upvalues.
--
-- patterns(is_limited, module, within, pay) -> install(library)
--
-- within is callbacks.lua's, pay that of costs.lua.

return function(is_limited, module, within, pay)
  local byte, sub = string.byte, string.sub
  local find, gsub = string.find, string.gsub
  local match_of, gmatch_of = string.match, string.gmatch
  local MOST = 2000000 -- steps of C's matcher, of some nanoseconds each
  local SHORT = 32 -- bytes of a pattern: what the cost of a step allows for
  local WINDOW = 10000000 -- bytes that C compares at once

  local degrees, known = {}, 0
  local match, measure -- modules

  local function degree_of(pattern)
    local degree = degrees[pattern]
    if not degree then
      measure = measure or module("measure", find)
      degree = measure(pattern)
      if known >= 100 then
        degrees, known = {}, 0
      end
      degrees[pattern], known = degree, known + 1
    end
    return degree
  end

  local function is_heavy(subject, pattern)
    if not is_limited() or type(subject) ~= "string" or type(pattern) ~= "string" then
      return false
    end
    local degree, n = degree_of(pattern), #subject
    local steps = degree[2] * n ^ degree[1]
    -- A step may look through a long set, and be one of many along a run of characters.
    local each = #pattern / SHORT
    return steps > MOST or each > 1 and (steps > n and steps or n) * each > MOST
  end

  -- Each match may go through a replacement that comes to nothing, such as many empty captures.
  local function is_heavy_replacement(subject, with)
    return is_limited() and type(subject) == "string" and #with > SHORT
      and (#subject + 1) * (#with / SHORT) > MOST and find(with, "%", 1, true)
  end

  local function in_lua()
    match = match or module("match", find, gsub)
    return match
  end

  -- A string in a string, in windows.
  local function plain(subject, text, init)
    local n, size = #subject, #text
    if init < 0 then
      init = init + n + 1
    end
    init = init < 1 and 1 or init
    local width = WINDOW / size
    width = width < 1000 and 1000 or width - width % 1
    while init + size - 1 <= n do
      local from, to = find(sub(subject, init, init + width + size - 2), text, 1, true)
      if from then
        return from + init - 1, to + init - 1
      end
      init = init + width
    end
    return nil
  end

  local SPECIAL = "[%^$*+?.(%[%%-]" -- to find itself, in a pattern: otherwise it is a plain text
  local LARGE = 1024 -- bytes: where a search may be long

  -- Where a search that C does begins, if it may be long. One for a beginning alone ("^a+") is not known to be: what it
  -- has read is not told where it fails.
  local function long_from(subject, pattern, init, exactly)
    if not is_limited() or type(subject) ~= "string" or #subject < LARGE or type(pattern) ~= "string"
      or not exactly and byte(pattern) == 0x5e or init ~= nil and type(init) ~= "number" then
      return nil
    end
    local first = init or 1
    return first < 0 and first + #subject + 1 or first
  end

  -- It costs as much as lies between there and what was found: a text is often gone through in many steps. An error is
  -- raised once more, in a tail call, which makes it that of the script's line.
  local function found(first, subject, pattern, init, exactly, ok, from, ...)
    if not ok then
      return find(subject, pattern, init, exactly)
    end
    pay((from or #subject) - first)
    return from, ...
  end

  local function matched(first, subject, pattern, init, ok, from, to, ...)
    if not ok then
      return match_of(subject, pattern, init)
    end
    pay((from or #subject) - first)
    if from and select("#", ...) == 0 then
      return sub(subject, from, to)
    elseif from then
      return ...
    end
    return nil
  end

  -- Where a search begins, as C takes it: a number, without its fraction.
  local function position(init, name)
    if init == nil then
      return 1
    end
    local number = (type(init) == "number" or type(init) == "string") and tonumber(init)
      or error("bad argument #3 to '" .. name .. "' (number expected, got " .. type(init) .. ")", 3)
    return number - number % (number < 0 and -1 or 1)
  end

  local own = {}

  function own.find(subject, pattern, init, exactly)
    if is_limited() and type(subject) == "string" and type(pattern) == "string" then
      if exactly or not find(pattern, SPECIAL) then
        if #subject * #pattern > WINDOW and #pattern > 0 then
          return plain(subject, pattern, position(init, "find"))
        end
      elseif is_heavy(subject, pattern) then
        return in_lua().find(subject, pattern, position(init, "find"))
      end
    end
    local first = long_from(subject, pattern, init, exactly)
    if first then
      return found(first, subject, pattern, init, exactly, pcall(find, subject, pattern, init, exactly))
    end
    return find(subject, pattern, init, exactly)
  end

  function own.match(subject, pattern, init, ...)
    if is_heavy(subject, pattern) then
      return in_lua().match(subject, pattern, position(init, "match"))
    end
    local first = long_from(subject, pattern, init)
    if first and (find(pattern, SPECIAL) or not find(pattern, ")", 1, true)) then -- which find takes for itself
      return matched(first, subject, pattern, init, pcall(find, subject, pattern, init))
    end
    return match_of(subject, pattern, init, ...)
  end

  function own.gmatch(subject, pattern)
    local plainly = type(pattern) == "string" and byte(pattern) == 0x5e and "%" .. pattern -- no anchor to gmatch
    if is_heavy(subject, plainly or pattern) then
      return in_lua().gmatch(subject, pattern)
    end
    pay(type(subject) == "string" and #subject or 0)
    return gmatch_of(subject, pattern)
  end
  own.gfind = string.gfind and own.gmatch

  function own.gsub(subject, pattern, with, ...)
    local kind = type(with)
    if kind == "function" then
      with = within(with)
    elseif kind == "table" and getmetatable(with) ~= nil then -- it may have __index
      local replacements = with
      with = within(function(key)
        return replacements[key]
      end)
    end
    if is_heavy(subject, pattern) or kind == "string" and type(pattern) == "string"
      and is_heavy_replacement(subject, with) then
      if kind ~= "string" and kind ~= "number" and kind ~= "table" and kind ~= "function" then
        error("bad argument #3 to 'gsub' (string/function/table expected)", 2)
      end
      return in_lua().gsub(subject, pattern, with, ...)
    end
    pay(type(subject) == "string" and #subject or 0)
    return gsub(subject, pattern, with, ...)
  end

  -- Puts them in place of C's.
  return function(library)
    for name, fn in next, own do
      library[name] = fn
    end
  end
end
