-- Which module holds a call or a descriptor's method; functions are made when they are first wanted.

local index = require "callgate.calls.index"

local calls = {}

local made = {}

-- The function S.NAME, nil where there is none.
function calls.get(name)
  name = index.aliases[name] or name
  local fn = made[name]
  if fn == nil then
    local module = index.functions[name]
    if not module then
      return nil
    end
    -- A module's entry makes the function, and loads the types and names that it needs.
    local make = require("callgate." .. module)[name]
    fn = make and make() -- none where the target's table lacks the call
    made[name] = fn
  end
  return fn
end

-- The function behind fd:NAME(...), nil where there is none; `kind` ("epoll") asks for the methods of
-- that kind of descriptor alone.
function calls.method(name, kind)
  local methods = kind and index.kinds[kind] or not kind and index.methods
  local target = methods and methods[name]
  return target and calls.get(target)
end

return calls
