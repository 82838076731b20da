-- Inside a state: how long C's matcher may take. Loaded as bytecode, when it is first wanted: no upvalues.
--
-- measure(find) -> function(pattern) -> { power, factor }
--
-- How the number of its steps may grow with the subject's length, as that one's power, and a factor. A repetition
-- counts if what follows it may fail, so that another length of it is tried; and so does each position
-- where a match may begin. find is C's.

return function(find)
  local byte, sub = string.byte, string.sub

  return function(pattern)
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
end
