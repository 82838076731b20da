-- The states of this program: named ones until they are closed, unnamed ones as long as somebody has them.

local registry = {}

local names = {} -- name -> state
local all = setmetatable({}, { __mode = "k" }) -- state -> its number, in order of creation
local created = 0

function registry.find(name)
  return names[name]
end

function registry.add(st)
  created = created + 1
  all[st] = created
  if st.name then
    names[st.name] = st
  end
end

function registry.remove(st)
  all[st] = nil
  if st.name and names[st.name] == st then
    names[st.name] = nil
  end
end

function registry.count()
  local n = 0
  for st in pairs(all) do
    if st.L then
      n = n + 1
    end
  end
  return n
end

local function ordered()
  local found = {}
  for st in pairs(all) do
    found[#found + 1] = st
  end
  table.sort(found, function(a, b)
    return all[a] < all[b]
  end)
  return found
end

-- What every state's info says, the oldest first.
function registry.list()
  local infos = ordered()
  for i, st in ipairs(infos) do
    infos[i] = st:info()
  end
  return infos
end

-- Closes every state that does not run and is not locked, however many users it has: how many.
function registry.closeall()
  local closed = 0
  for _, st in ipairs(ordered()) do
    local users = st.users
    st.users = 1
    if st:close() then
      closed = closed + 1
    else
      st.users = users
    end
  end
  return closed
end

return registry
