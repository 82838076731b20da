-- Inside a state: string.find and its kin, in C where that is quick and in Lua, where instructions count,
-- where it may not be. Loaded as bytecode: no upvalues.

return function(is_limited, module)
  local string, byte, sub, type, next = string, string.byte, string.sub, type, next
  local find, error = string.find, error
  local MOST = 2000000 -- steps of C's matcher, of some nanoseconds each
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

  local function is_heavy(subject, pattern)
    if not is_limited() or type(subject) ~= "string" or type(pattern) ~= "string" then
      return false
    end
    local degree = degrees[pattern]
    if not degree then
      degree = measure(pattern)
      if known >= 100 then
        degrees, known = {}, 0
      end
      degrees[pattern], known = degree, known + 1
    end
    return degree[2] * (#subject) ^ degree[1] > MOST
  end

  local function in_lua()
    match = match or module "match"
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

  local function made(name)
    local native = string[name]
    own[name] = function(subject, pattern, ...)
      if is_heavy(subject, pattern) then
        local with = ...
        local kind = type(with)
        if name == "gsub" and kind ~= "string" and kind ~= "number" and kind ~= "table" and kind ~= "function" then
          error("bad argument #3 to 'gsub' (string/function/table expected)", 2)
        end
        return in_lua()[name](subject, pattern, ...)
      end
      return native(subject, pattern, ...)
    end
  end
  made "match"
  made "gmatch"
  made "gsub"
  if string.gfind then
    own.gfind = own.gmatch
  end

  -- Puts them in place of C's.
  return function(library)
    for name, fn in next, own do
      library[name] = fn
    end
  end
end
