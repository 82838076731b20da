-- Whom signals about a descriptor go to: { type = "pid", pid = 1 }, "tid", "pgrp"; owner.owner is that word.

local ffi = require "ffi"
local whole = require "callgate.whole"

local TYPES = { [0] = "tid", "pid", "pgrp" } -- asm-generic/fcntl.h: F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP

return {
  takes = { type = true },
  values = 2,
  new = function(ctype, first, pid)
    local kind = first
    if type(first) == "table" then
      kind, pid = first.type or first[1], first.pid or first[2]
    end
    if type(kind) == "string" then
      return ffi.new(ctype, require("callgate.flags").c.F_OWNER(kind), whole(pid or 0, 32, true, "pid"))
    end
  end,
  index = { owner = function(self) return TYPES[self.type] end },
}
