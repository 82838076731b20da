-- Flexible array members: to LuaJIT [] is room without end, and event.name = "abc" would overwrite its heap.

jit.off(true, true) -- see rows.lua

-- A declaration without its members that are untagged records; those of anonymous ones are the record's own.
local function own_members(text)
  return (text:match "^[^{]*{(.*)}":gsub("%b{}[^;]*;", function(member)
    local inside, behind = member:match "^(%b{})(.*)$"
    return behind:gsub("__attribute__%s*%b()", ""):find "[%a_]" and "" or own_members(inside)
  end))
end

local known = {} -- text -> what is made of it

-- `text`, a record's declaration, with flexible arrays that cannot be assigned as a whole, and its arrays of bytes
-- under other names: name -> theirs. [0] refuses all but strings, which only the metatable can: not in a member that
-- is an untagged record, which has none.
return function(text)
  if known[text] then
    return known[text][1], known[text][2]
  end
  local hidden, before = {}, text
  for line in own_members(text):gmatch "[^\n]+" do
    local behind = line:find("%[0?%];$", -4)
    if behind then
      local kind, name = line:sub(1, behind - 1):match "([%w_]+) ([%w_]+)$"
      if kind and (kind:find "int8_t$" or kind == "char") then
        hidden[name] = "_flexible_" .. name
      end
    end
  end
  text = text:gsub("%[%];", "[0];")
  for name, other in pairs(hidden) do
    text = text:gsub("%f[%w_]" .. name .. "%[0%];", other .. "[0];")
  end
  known[before] = { text, hidden }
  return text, hidden
end
