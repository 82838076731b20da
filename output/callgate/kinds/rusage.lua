-- Resource use: ru.utime and ru.stime in seconds, the rest as numbers.

local exact = require "callgate.kinds.exact"

local index = {}
for _, name in ipairs { "utime", "stime" } do
  local field = "ru_" .. name
  index[name] = function(self)
    return tonumber(self[field].tv_sec) + tonumber(self[field].tv_usec) / 1e6
  end
end
for _, name in ipairs { "maxrss", "minflt", "majflt", "inblock", "oublock", "nvcsw", "nivcsw" } do
  local field = "ru_" .. name
  index[name] = function(self)
    return exact(self[field])
  end
end

return { index = index }
