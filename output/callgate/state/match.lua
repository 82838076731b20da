-- Lua's patterns in Lua, for states with an instruction limit: what C matches is not counted, and a pattern
-- with several repetitions can keep it busy for years. patterns.lua decides which one is used. Loaded as
-- bytecode: no upvalues.
--
-- match(find, gsub) -> find, match, gmatch, gsub in a table; its arguments are C's
--
-- The reference is the Lua 5.1 manual, section 5.4.1. What single characters a class or a set stands for is
-- asked of C's own matcher, one character at a time.

return function(find, gsub)
  local byte, char, sub = string.byte, string.char, string.sub
  local concat, error, type, tostring, unpack = table.concat, error, type, tostring, unpack
  local ONE, OPEN, CLOSE, PLACE, BALANCED, FRONTIER, AGAIN, FINISH = 1, 2, 3, 4, 5, 6, 7, 8
  local UNFINISHED, POSITION = -1, -2
  local MOST_CAPTURES = 32 -- luaconf.h: LUA_MAXCAPTURES
  local beyond_is_none = find("", "", 2) == nil -- LuaJIT built for Lua 5.2's library

  local sets, known = {}, 0 -- text of a class -> byte -> whether it is one of them

  local function set_of(text)
    local set = sets[text]
    if not set then
      set = {}
      for code = 0, 255 do
        set[code] = find(char(code), "^" .. text) ~= nil
      end
      if known > 100 then
        sets, known = {}, 0
      end
      sets[text], known = set, known + 1
    end
    return set
  end

  -- Where the single-character class at `at` ends.
  local function class_end(pattern, at)
    local first = sub(pattern, at, at)
    if first == "%" then
      if at == #pattern then
        error("malformed pattern (ends with '%')", 0)
      end
      return at + 1
    elseif first == "[" then
      local here = at + (sub(pattern, at + 1, at + 1) == "^" and 2 or 1)
      repeat -- a "]" that comes first is one of the set
        if here > #pattern then
          error("malformed pattern (missing ']')", 0)
        end
        here = here + (sub(pattern, here, here) == "%" and 2 or 1)
      until sub(pattern, here, here) == "]"
      return here
    end
    return at
  end

  -- The pattern as a list of items, and whether it is anchored to the beginning.
  local function compile(pattern, anchors)
    pattern = gsub(pattern, "%z.*", "") -- where C's ends
    local items = {}
    local anchored = anchors and sub(pattern, 1, 1) == "^"
    local at = anchored and 2 or 1
    while at <= #pattern do
      local first, second = sub(pattern, at, at), sub(pattern, at + 1, at + 1)
      local item
      if first == "(" then
        item = { kind = second == ")" and PLACE or OPEN }
        at = at + (second == ")" and 2 or 1)
      elseif first == ")" then
        item = { kind = CLOSE }
        at = at + 1
      elseif first == "$" and at == #pattern then
        item = { kind = FINISH }
        at = at + 1
      elseif first == "%" and second == "b" then
        if at + 3 > #pattern then
          error("unbalanced pattern", 0)
        end
        item = { kind = BALANCED, from = byte(pattern, at + 2), to = byte(pattern, at + 3) }
        at = at + 4
      elseif first == "%" and second == "f" then
        if sub(pattern, at + 2, at + 2) ~= "[" then
          error("missing '[' after '%f' in pattern", 0)
        end
        local last = class_end(pattern, at + 2)
        item = { kind = FRONTIER, set = set_of(sub(pattern, at + 2, last)) }
        at = last + 1
      elseif first == "%" and find(second, "^%d") then
        item = { kind = AGAIN, capture = byte(second) - 48 }
        at = at + 2
      else
        local last = class_end(pattern, at)
        local text = sub(pattern, at, last)
        if last == at and text ~= "." then
          text = "%" .. text
          if find(text, "^%%%w") then
            text = "[" .. sub(text, 2) .. "]"
          end
        end
        local times = sub(pattern, last + 1, last + 1)
        times = times ~= "" and find("*+-?", times, 1, true) and times or nil
        item = { kind = ONE, set = set_of(text), times = times }
        at = last + (times and 2 or 1)
      end
      items[#items + 1] = item
    end
    return items, anchored
  end

  -- Of one subject and pattern: try(at) -> where the match ends (the position after it), and the captures
  -- as two lists, starts and lengths.
  local function matcher(subject, items)
    local n = #subject
    local starts, lengths, level = {}, {}, 0
    local run

    local function open(i, at, length)
      if level >= MOST_CAPTURES then
        error("too many captures", 0)
      end
      level = level + 1
      starts[level], lengths[level] = at, length
      local stop = run(i + 1, at)
      if not stop then
        level = level - 1
      end
      return stop
    end

    local function close(i, at)
      local which = level
      while which > 0 and lengths[which] ~= UNFINISHED do
        which = which - 1
      end
      if which == 0 then
        error("invalid pattern capture", 0)
      end
      lengths[which] = at - starts[which]
      local stop = run(i + 1, at)
      if not stop then
        lengths[which] = UNFINISHED
      end
      return stop
    end

    local function balanced(item, at)
      if byte(subject, at) ~= item.from then
        return nil
      end
      local deep = 1
      for here = at + 1, n do
        local code = byte(subject, here)
        if code == item.to then
          deep = deep - 1
          if deep == 0 then
            return here + 1
          end
        elseif code == item.from then
          deep = deep + 1
        end
      end
    end

    local function again(item, at)
      local which = item.capture
      if which < 1 or which > level or lengths[which] == UNFINISHED then
        error("invalid capture index", 0)
      end
      local length = lengths[which]
      if length == POSITION then
        return nil -- as C does: its length is more than there is
      end
      for i = 0, length - 1 do
        if byte(subject, at + i) ~= byte(subject, starts[which] + i) then
          return nil
        end
      end
      return at + length
    end

    local function repeated(item, i, at)
      local set, times = item.set, item.times
      if times == "?" then
        return at <= n and set[byte(subject, at)] and run(i + 1, at + 1) or run(i + 1, at)
      elseif times == "-" then
        while true do
          local stop = run(i + 1, at)
          if stop then
            return stop
          elseif at > n or not set[byte(subject, at)] then
            return nil
          end
          at = at + 1
        end
      end
      local last = at
      while last <= n and set[byte(subject, last)] do
        last = last + 1
      end
      for here = last, at + (times == "+" and 1 or 0), -1 do
        local stop = run(i + 1, here)
        if stop then
          return stop
        end
      end
    end

    function run(i, at)
      while true do
        local item = items[i]
        if not item then
          return at
        end
        local kind = item.kind
        if kind == ONE then
          if item.times then
            return repeated(item, i, at)
          elseif at > n or not item.set[byte(subject, at)] then
            return nil
          end
          at = at + 1
        elseif kind == OPEN then
          return open(i, at, UNFINISHED)
        elseif kind == PLACE then
          return open(i, at, POSITION)
        elseif kind == CLOSE then
          return close(i, at)
        elseif kind == FINISH then
          return at == n + 1 and at or nil
        elseif kind == FRONTIER then
          if item.set[byte(subject, at - 1) or 0] or not item.set[byte(subject, at) or 0] then
            return nil
          end
        else
          at = kind == BALANCED and balanced(item, at) or kind == AGAIN and again(item, at)
          if not at then
            return nil
          end
        end
        i = i + 1
      end
    end

    local function capture(which, from, stop)
      if which > level then
        if which > 1 then
          error("invalid capture index", 0)
        end
        return sub(subject, from, stop - 1)
      elseif lengths[which] == POSITION then
        return starts[which]
      elseif lengths[which] == UNFINISHED then
        error("unfinished capture", 0)
      end
      return sub(subject, starts[which], starts[which] + lengths[which] - 1)
    end

    -- All captures, or the whole match where there are none and `whole`.
    local function captures(from, stop, whole)
      local values = {}
      for which = 1, level == 0 and whole and 1 or level do
        values[which] = capture(which, from, stop)
      end
      return values
    end

    local function try(at)
      level = 0
      return run(1, at)
    end
    return try, captures, capture
  end

  local function first_position(subject, init)
    init = init or 1
    if init < 0 then
      init = #subject + init + 1
    end
    if init > #subject + 1 then
      return not beyond_is_none and #subject + 1 or nil
    end
    return init < 1 and 1 or init
  end

  local function search(subject, pattern, init, positions)
    local from = first_position(subject, init)
    if not from then
      return nil
    end
    local items, anchored = compile(pattern, true)
    local try, captures = matcher(subject, items)
    while from <= #subject + 1 do
      local stop = try(from)
      if stop then
        if positions then
          return from, stop - 1, unpack(captures(from, stop, false))
        end
        return unpack(captures(from, stop, true))
      elseif anchored then
        return nil
      end
      from = from + 1
    end
    return nil
  end

  local match = {}

  function match.find(subject, pattern, init)
    return search(subject, pattern, init, true)
  end

  function match.match(subject, pattern, init)
    return search(subject, pattern, init, false)
  end

  function match.gmatch(subject, pattern)
    local try, captures = matcher(subject, (compile(pattern, false)))
    local from = 1
    return function()
      while from <= #subject + 1 do
        local stop = try(from)
        if stop then
          local start = from
          from = stop == from and from + 1 or stop
          return unpack(captures(start, stop, true))
        end
        from = from + 1
      end
      return nil
    end
  end

  local function replacement(with, from, stop, captures, capture, subject)
    local kind = type(with)
    local value
    if kind == "function" then
      value = with(unpack(captures(from, stop, true)))
    elseif kind == "table" then
      value = with[capture(1, from, stop)]
    else
      return (gsub(with, "%%(.?)", function(digit)
        if digit == "0" then
          return sub(subject, from, stop - 1)
        elseif find(digit, "^%d") then
          return tostring(capture(byte(digit) - 48, from, stop))
        end
        return digit
      end))
    end
    if value and type(value) ~= "string" and type(value) ~= "number" then
      error("invalid replacement value (a " .. type(value) .. ")", 0)
    end
    return value
  end

  function match.gsub(subject, pattern, with, most)
    local items, anchored = compile(pattern, true)
    local try, captures, capture = matcher(subject, items)
    local parts, from, count = {}, 1, 0
    while not most or count < most do
      local stop = try(from)
      if stop then
        count = count + 1
        local value = replacement(with, from, stop, captures, capture, subject)
        parts[#parts + 1] = value or sub(subject, from, stop - 1)
      end
      if stop and stop > from then
        from = stop
      elseif from <= #subject then
        parts[#parts + 1] = sub(subject, from, from)
        from = from + 1
      else
        break
      end
      if anchored then
        break
      end
    end
    parts[#parts + 1] = sub(subject, from)
    return concat(parts), count
  end

  return match
end
