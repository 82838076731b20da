-- The result and arguments of each system call of the target, as letters of sys.lua; nil for one that the
-- target's table does not have. prototypes.lua holds what all architectures share, and the differences.

local prototypes = require "callgate.prototypes"
local target = require "callgate.target"

local common, own = prototypes.common, prototypes[target.name] or {}

local signatures = {}

-- Whether any target has a call of that name.
function signatures.known(name)
  return common[name] ~= nil
end

return setmetatable(signatures, {
  __index = function(_, name)
    return target.numbers[name] and (own[name] or common[name])
  end,
})
