-- What cachestat counts, in pages: c.cache, c.dirty, c.writeback, c.evicted, c.recently_evicted.

local exact = require "callgate.kinds.exact"

local index = {}
for _, name in ipairs { "cache", "dirty", "writeback", "evicted", "recently_evicted" } do
  local field = "nr_" .. name
  index[name] = function(self) return exact(self[field]) end
end

return { index = index }
