-- timespec: from seconds as a number, from { sec, nsec } or fields; ts.time is seconds as a number.

local _, timespec = require "callgate.kinds.seconds"("nsec", 1e9)

function timespec.index:nanoseconds()
  return self.tv_sec * 1000000000LL + self.tv_nsec
end

return timespec
