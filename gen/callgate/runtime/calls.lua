-- Which module holds a call or a descriptor's method; families load when one of theirs is wanted.

local index = require "callgate.calls.index"

local calls = {}

-- The function S.NAME, nil where there is none.
function calls.get(name)
  local family = index.functions[name]
  return family and require("callgate.calls." .. family)[name]
end

-- The function behind fd:NAME(...), nil where there is none.
function calls.method(name)
  local target = index.methods[name]
  return target and calls.get(target)
end

return calls
