-- Inside a state: string.find and its kin, in C where that is quick and in Lua, where instructions count,
-- where it may not be. Loaded as bytecode: no upvalues.
--
-- patterns(is_limited, module, within) -> install(library)
--
-- within is callbacks.lua's.

return function(is_limited, module, within)
  local string, byte, sub, type, next = string, string.byte, string.sub, type, next
  local find, gsub, error, getmetatable = string.find, string.gsub, error, getmetatable
  local MOST = 2000000 -- steps of C's matcher, of some nanoseconds each
  local SHORT = 32 -- bytes of a pattern: what the cost of a step allows for
  local WINDOW = 10000000 -- bytes that C compares at once

  local degrees, known = {}, 0
  local match

  -- How the number of steps may grow with the subject's length, as its power, and a factor. A repetition
  -- counts if what follows it may fail, so that another length of it is tried; and so does each position
  -- where a match may begin.
  local function measure(pattern)
    local power, factor, pending, doubled = 0, 1, 0, 1
    local at, n = 1, #pattern
    if byte(pattern) == 0x5e then -- "^"
      at = 2
    else
      pending = 1
    end
    local function may_fail()
      power, pending = power + pending, 0
      factor, doubled = factor * doubled, 1
    end
    while at <= n do
      local first = sub(pattern, at, at)
      if first == "(" or first == ")" then
        at = at + 1
      else
        local second = sub(pattern, at + 1, at + 1)
        if first == "%" and (second == "b" or find(second, "^%d")) then
          may_fail()
          power = power + 1 -- it compares up to the subject's end
          at = at + (second == "b" and 4 or 2)
        else
          if first == "%" then
            at = at + 2
          elseif first == "[" then
            at = at + (second == "^" and 2 or 1)
            repeat
              at = at + (sub(pattern, at, at) == "%" and 2 or 1)
            until at > n or sub(pattern, at, at) == "]"
            at = at + 1
          else
            at = at + 1
          end
          local times = sub(pattern, at, at)
          if times == "*" or times == "-" then
            pending, at = pending + 1, at + 1
          elseif times == "?" then
            doubled, at = doubled * 2, at + 1
          else
            may_fail()
            if times == "+" then
              pending, at = pending + 1, at + 1
            end
          end
        end
      end
    end
    return { power, factor }
  end

  local function degree_of(pattern)
    local degree = degrees[pattern]
    if not degree then
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
    init = init or 1
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

  local own = {}

  function own.find(subject, pattern, init, exactly)
    if is_limited() and type(subject) == "string" and type(pattern) == "string" then
      if exactly or not find(pattern, "[%^$*+?.(%[%%-]") then
        if #subject * #pattern > WINDOW and #pattern > 0 then
          return plain(subject, pattern, init)
        end
      elseif is_heavy(subject, pattern) then
        return in_lua().find(subject, pattern, init)
      end
    end
    return find(subject, pattern, init, exactly)
  end

  local match_of, gmatch_of = string.match, string.gmatch

  function own.match(subject, pattern, ...)
    if is_heavy(subject, pattern) then
      return in_lua().match(subject, pattern, ...)
    end
    return match_of(subject, pattern, ...)
  end

  function own.gmatch(subject, pattern)
    local plainly = type(pattern) == "string" and byte(pattern) == 0x5e and "%" .. pattern -- no anchor to gmatch
    if is_heavy(subject, plainly or pattern) then
      return in_lua().gmatch(subject, pattern)
    end
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
    return gsub(subject, pattern, with, ...)
  end

  -- Puts them in place of C's.
  return function(library)
    for name, fn in next, own do
      library[name] = fn
    end
  end
end
