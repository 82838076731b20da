-- The fields of a record: reads its declaration, which the generator writes with one member per line, into rows:
-- { name, array, char, flexible, pointer, record = "struct timespec", fields = those of an untagged record }.
-- Members of anonymous records stand among those of the outer one.
return function(text)
  local stack = { {} }
  for line in text:gmatch "[^\n]+" do
    local plain = line:gsub("__attribute__%s*%b()", "")
    local top = stack[#stack]
    if plain:find "{%s*$" then
      stack[#stack + 1] = {}
    elseif plain:find "^%s*}" then
      local inner = table.remove(stack)
      local outer = stack[#stack]
      local name, array = plain:match "^%s*}%s*([%a_][%w_]*)%s*(%[?)"
      if name then
        outer[#outer + 1] = { name = name, array = array ~= "", fields = inner }
      else
        for _, field in ipairs(inner) do
          outer[#outer + 1] = field
        end
      end
    else
      local kind, stars, name, rest = plain:match "^%s*([%a_][%w_ ]-)([%s%*]+)([%a_][%w_]*)%s*([%[:;].*)$"
      if name then
        local pointer = stars:find("*", 1, true) ~= nil
        top[#top + 1] = {
          name = name,
          array = rest:find("[", 1, true) ~= nil,
          flexible = rest:find "^%[%s*%]" ~= nil,
          pointer = pointer,
          char = kind == "char" and not pointer,
          record = not pointer and (kind:match "^struct [%w_]+$" or kind:match "^union [%w_]+$") or nil,
        }
      end
    end
  end
  return stack[1]
end
