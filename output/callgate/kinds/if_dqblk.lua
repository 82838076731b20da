-- A user's or group's disk quota: q.bhardlimit, q.bsoftlimit (in blocks of 1024 bytes), q.curspace (bytes),
-- q.ihardlimit, q.isoftlimit, q.curinodes, q.btime, q.itime; set with { bhardlimit = n, valid = "blimits" }.

local exact = require "callgate.kinds.exact"
local whole = require "callgate.whole"

local index, newindex = {}, {}
for _, name in ipairs {
  "bhardlimit", "bsoftlimit", "curspace", "ihardlimit", "isoftlimit", "curinodes", "btime", "itime", "valid",
} do
  local field = "dqb_" .. name
  index[name] = function(self) return exact(self[field]) end
  newindex[name] = function(self, value) self[field] = whole(value, 64) end
end

function newindex.valid(self, value)
  self.dqb_valid = require("callgate.flags").c.QIF(value)
end

return { index = index, newindex = newindex, aliases = { id = "dqb_id" } }
