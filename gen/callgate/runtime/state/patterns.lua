-- Inside a state: string.find and its kin, in C where that is quick and in Lua, where instructions count,
-- where it may not be. Loaded as bytecode, when one of them is first called: no upvalues.
--
-- patterns(is_limited, module, within, pay, timed, searched, find, match, gmatch, gsub, byte, sub) -> functions
--
-- by name
--
-- within is callbacks.lua's, pay, timed and searched those of costs.lua; the others are LuaJIT's.

return function(is_limited, module, within, pay, timed, searched, find, match_of, gmatch_of, gsub, byte, sub)
  local MOST = 2000000 -- steps of C's matcher, of some nanoseconds each
  local FEW = 1024 -- steps that are paid for as if all were taken: asking for the time would take longer
  local STEP = 8 -- bytes that a step is paid for as at most, where its time is asked,
  local USUAL = 2 -- and where it is not
  local SHORT = 32 -- bytes of a pattern: what the cost of a step allows for
  -- What finding a text in a text takes at most: at each place two calls of C, and comparing all of it.
  local PLACE, COMPARED = 24, 8 -- bytes; how many that C compares are taken for one
  local LITTLE = 2048 -- more than that is paid for by its time
  local WINDOW = 10000000 -- and is done in pieces
  local LARGE = 1024 -- bytes: where a search may be long
  local SPECIAL = "[%^$*+?.(%[%%-]" -- to find itself, in a pattern: otherwise it is a plain text

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

  -- How many steps C's matcher takes at most from `first` on, and whether they are but those of going through the
  -- text once, or its beginning, and what they are is seen by what is found.
  local function steps_of(subject, pattern, first)
    local degree, n = degree_of(pattern), #subject - first + 1
    n = n > 1 and n or 1
    local steps = degree[2] * n ^ degree[1]
    -- A step may look through a long set, and be one of many along a run of characters.
    local each = #pattern / SHORT
    steps = each > 1 and (steps > n and steps or n) * each or steps
    return steps, steps <= n and (degree[1] == 0 or byte(pattern) ~= 0x5e)
  end

  -- Each match may go through a replacement that comes to nothing, such as many empty captures.
  local function is_heavy_replacement(subject, with)
    return #with > SHORT and (#subject + 1) * (#with / SHORT) > MOST and find(with, "%", 1, true)
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
    local width = WINDOW / (PLACE + size / COMPARED)
    width = width < 1 and 1 or width - width % 1
    while init + size - 1 <= n do
      local from, to = timed(WINDOW, find, sub(subject, init, init + width + size - 2), text, 1, true)
      if from then
        return from + init - 1, to + init - 1
      end
      init = init + width
    end
    return nil
  end

  -- A search that goes through the text once costs as much as lies between where it began and what it has found: a text
  -- is often gone through in many steps. `missed`: where it ends if there is nothing to be found. An error is raised
  -- once more, in a tail call, which makes it that of the script's line.
  local function found(first, missed, subject, pattern, init, ok, from, to, ...)
    if not ok then
      return find(subject, pattern, init)
    end
    pay((to or missed) - first)
    return from, to, ...
  end

  local function matched(first, missed, subject, pattern, init, ok, from, to, ...)
    if not ok then
      return match_of(subject, pattern, init)
    end
    pay((to or missed) - first)
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

  -- The same as a position from 1 on.
  local function start(subject, init)
    local first = tonumber(init) or 1
    first = first < 0 and first + #subject + 1 or first
    return first > 1 and first or 1
  end

  local own = {}

  -- Calls C's function for a search that may be long, for all that it may cost.
  local function search(fn, steps, subject, pattern, init, exactly)
    if steps > FEW then
      return searched(steps * STEP, fn, subject, pattern, init, exactly)
    end
    pay(steps * USUAL)
    return fn(subject, pattern, init, exactly)
  end

  -- Where a search that goes through the text once ends if it finds nothing: one that is for the beginning alone, and
  -- so simple, has failed there.
  local function end_of(subject, pattern, first)
    return byte(pattern) == 0x5e and first or #subject
  end

  function own.find(subject, pattern, init, exactly)
    if not is_limited() or type(subject) ~= "string" or type(pattern) ~= "string" then
      return find(subject, pattern, init, exactly)
    end
    local first = start(subject, init)
    if exactly or not find(pattern, SPECIAL) then
      local places = #subject - first - #pattern + 2
      local price = (places > 0 and places or 0) * (PLACE + #pattern / COMPARED)
      if price > WINDOW then
        return plain(subject, pattern, position(init, "find"))
      elseif price > LITTLE then
        return searched(price, find, subject, pattern, init, exactly)
      end
      pay(price)
      return find(subject, pattern, init, exactly)
    end
    local steps, once = steps_of(subject, pattern, first)
    if steps > MOST then
      return in_lua().find(subject, pattern, position(init, "find"))
    elseif not once then
      return search(find, steps, subject, pattern, init, exactly)
    elseif #subject - first >= LARGE then
      return found(first, end_of(subject, pattern, first), subject, pattern, init, pcall(find, subject, pattern, init))
    end
    pay(#subject)
    return find(subject, pattern, init, exactly)
  end

  function own.match(subject, pattern, init, ...)
    if not is_limited() or type(subject) ~= "string" or type(pattern) ~= "string" then
      return match_of(subject, pattern, init, ...)
    end
    local first = start(subject, init)
    local steps, once = steps_of(subject, pattern, first)
    if steps > MOST then
      return in_lua().match(subject, pattern, position(init, "match"))
    elseif not once then
      return search(match_of, steps, subject, pattern, init)
    elseif #subject - first >= LARGE -- without captures find takes a text that is none of a pattern's for itself
      and (find(pattern, SPECIAL) or not find(pattern, ")", 1, true)) then
      local missed = end_of(subject, pattern, first)
      return matched(first, missed, subject, pattern, init, pcall(find, subject, pattern, init))
    end
    pay(#subject)
    return match_of(subject, pattern, init, ...)
  end

  function own.gmatch(subject, pattern)
    if not is_limited() or type(subject) ~= "string" or type(pattern) ~= "string" then
      return gmatch_of(subject, pattern)
    end
    local plainly = byte(pattern) == 0x5e and "%" .. pattern or pattern -- no anchor to gmatch
    local steps, once = steps_of(subject, plainly, 1)
    if steps > MOST then
      return in_lua().gmatch(subject, pattern)
    end
    pay(once and #subject or steps <= FEW and steps * USUAL or 0)
    local iterate = gmatch_of(subject, pattern)
    if once or steps <= FEW then
      return iterate
    end
    return function()
      return searched(steps * STEP, iterate)
    end
  end
  own.gfind = own.gmatch

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
    if not is_limited() or type(subject) ~= "string" or type(pattern) ~= "string" then
      return gsub(subject, pattern, with, ...)
    end
    local steps, once = steps_of(subject, pattern, 1)
    if steps > MOST or kind == "string" and is_heavy_replacement(subject, with) then
      if kind ~= "string" and kind ~= "number" and kind ~= "table" and kind ~= "function" then
        error("bad argument #3 to 'gsub' (string/function/table expected)", 2)
      end
      return in_lua().gsub(subject, pattern, with, ...)
    elseif once then
      pay(#subject)
      return gsub(subject, pattern, with, ...)
    end
    return search(gsub, steps, subject, pattern, with, ...)
  end

  return own
end
