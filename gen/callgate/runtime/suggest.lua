-- The nearest of some names, for error messages. Loaded only when one is made.

local suggest = {}

-- Edit distance with adjacent transpositions (optimal string alignment).
local function distance(a, b)
  local before, previous = {}, {}
  for j = 0, #b do
    previous[j] = j
  end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
    end
    before, previous = previous, row
  end
  return previous[#b]
end

-- The nearest of `names` by letters, nil where all are further than a third of them.
local function by_letters(name, names)
  local best, least = nil, math.max(2, math.floor(#name / 3)) + 1
  for _, other in ipairs(names) do
    if math.abs(#other - #name) < least then
      local d = distance(name, other)
      if d < least then
        best, least = other, d
      end
    end
  end
  return best
end

local WORD = 3 -- letters that tell something

-- The shortest that `name` begins: "basic_stats" for "basic".
local function by_beginning(name, names)
  local best
  for _, other in ipairs(names) do
    if other:sub(1, #name) == name and not (best and #best <= #other) then
      best = other
    end
  end
  return #name >= WORD and best or nil
end

-- One whose last words are near: "symlink_nofollow" for "nofolow".
local function by_ending(name, names)
  local endings, whole = {}, {}
  for _, other in ipairs(names) do
    for ending in other:gmatch "_()" do
      local words = other:sub(ending)
      if #words >= WORD and not whole[words] then
        endings[#endings + 1] = words
        whole[words] = other
      end
    end
  end
  return #name > WORD and whole[by_letters(name, endings)] or nil
end

-- The name nearest to `name`, or nil when none is near; `prefix` may or may not be written, and another one may be.
function suggest.nearest(name, names, prefix)
  if prefix and name:sub(1, #prefix) == prefix then
    name = name:sub(#prefix + 1)
  end
  name = name:sub(1, 64)
  local found = by_letters(name, names) or by_beginning(name, names) or by_ending(name, names)
  local rest = not found and name:match "^%a+_(.*)$"
  return found or rest and by_letters(rest, names) or nil
end

-- The end of a message about a name that there is not: '; did you mean "x"?', or nothing. `known` is a list of the
-- names, or has them as its keys.
function suggest.hint(name, known, prefix)
  local names = known
  if known[1] == nil then
    names = {}
    for each in pairs(known) do
      names[#names + 1] = each
    end
    table.sort(names)
  end
  local near = type(name) == "string" and suggest.nearest(name, names, prefix)
  return near and ("; did you mean %q?"):format(near) or ""
end

return suggest
