-- The fields of a record: reads its declaration, which the generator writes with one member per line, into rows:
-- { name, array = how many lengths it has, char, flexible, pointer, record = "struct timespec", bits and signed = an
-- integer's, fields = those of an untagged record, union = whether that is one, overlaid = in a union, not the first }.
-- Members of anonymous records stand among those of the outer one.

local ffi = require "ffi"

local LONG = 8 * ffi.sizeof "long"

-- The bits of an integer's type, or of a bit-field; nil for other types.
local function bits_of(kind, rest)
  return tonumber(rest:match "^:%s*(%d+)" or kind:match "int(%d+)_t$" or kind == "char" and 8)
    or kind:find "long$" and LONG or nil
end

-- How many lengths an array has; false for none.
local function lengths(text)
  local _, count = text:gsub("%[", "")
  return count > 0 and count
end

local function add(row, field)
  field.overlaid = field.overlaid or row.union and #row > 0
  row[#row + 1] = field
end

return function(text)
  local stack = { {} }
  for line in text:gmatch "[^\n]+" do
    local plain = line:gsub("__attribute__%s*%b()", "")
    local top = stack[#stack]
    if plain:find "{%s*$" then
      stack[#stack + 1] = { union = plain:find "^%s*union" ~= nil }
    elseif plain:find "^%s*}" then
      local inner = table.remove(stack)
      local outer = stack[#stack]
      local name, rest = plain:match "^%s*}%s*([%a_][%w_]*)(.*)$"
      if name then
        add(outer, { name = name, array = lengths(rest), fields = inner, union = inner.union })
      else
        local late = outer.union and #outer > 0
        for _, field in ipairs(inner) do
          field.overlaid = field.overlaid or late
          outer[#outer + 1] = field
        end
      end
    else
      local kind, stars, name, rest = plain:match "^%s*([%a_][%w_ ]-)([%s%*]+)([%a_][%w_]*)%s*([%[:;].*)$"
      if name then
        local pointer = stars:find("*", 1, true) ~= nil
        add(top, {
          name = name,
          array = lengths(rest),
          flexible = rest:find "^%[%s*%]" ~= nil,
          pointer = pointer,
          char = kind == "char" and not pointer,
          bits = not pointer and bits_of(kind, rest) or nil,
          signed = not kind:find "^u",
          record = not pointer and (kind:match "^struct [%w_]+$" or kind:match "^union [%w_]+$") or nil,
        })
      end
    end
  end
  return stack[1]
end
