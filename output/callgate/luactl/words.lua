-- A line of commands into words, as a shell does it: blanks part, quotes keep together, # begins a comment.

local words = {}

local ESCAPES = { ["'"] = false, ['"'] = true } -- quote -> whether a backslash means something inside

-- One word from `at` on, and where the rest begins; nil, message for a quote that is not closed.
local function word(line, at)
  local parts, quote, opened = {}, nil, nil
  while at <= #line do
    local c = line:sub(at, at)
    if c == "\\" and (not quote or ESCAPES[quote]) then
      at = at + 1
      parts[#parts + 1] = line:sub(at, at)
    elseif quote then
      if c == quote then
        quote = nil
      else
        parts[#parts + 1] = c
      end
    elseif ESCAPES[c] ~= nil then
      quote, opened = c, at
    elseif c:find "%s" then
      break
    else
      parts[#parts + 1] = c
    end
    at = at + 1
  end
  if quote then
    return nil, ("the quote %s at column %d is not closed"):format(quote, opened)
  end
  return table.concat(parts), at
end

-- The words of a line; nil, message where it cannot be taken apart.
function words.split(line)
  local list, at = {}, line:find "%S"
  while at and line:sub(at, at) ~= "#" do
    local text, rest = word(line, at)
    if not text then
      return nil, rest
    end
    list[#list + 1] = text
    at = line:find("%S", rest)
  end
  return list
end

-- The commands of a list of words, parted by words that are a comma and nothing else; empty ones are left out.
function words.commands(list)
  local commands, current = {}, {}
  for i = 1, #list + 1 do
    if list[i] == "," or i > #list then
      if current[1] then
        commands[#commands + 1] = current
      end
      current = {}
    else
      current[#current + 1] = list[i]
    end
  end
  return commands
end

return words
