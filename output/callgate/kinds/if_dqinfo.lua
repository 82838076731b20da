-- Times of grace of a quota file, in seconds: i.bgrace, i.igrace; flags, valid.

local exact = require "callgate.kinds.exact"
local whole = require "callgate.whole"

local index = {}
for _, name in ipairs { "bgrace", "igrace" } do
  local field = "dqi_" .. name
  index[name] = function(self) return exact(self[field]) end
end

return {
  index = index,
  newindex = {
    bgrace = function(self, value) self.dqi_bgrace = whole(value, 64) end,
    igrace = function(self, value) self.dqi_igrace = whole(value, 64) end,
  },
  aliases = { flags = "dqi_flags", valid = "dqi_valid" },
}
