-- How a ring is to be, and how it became: { flags = "sqpoll, clamp", cq_entries = 64, wq_fd = ring }, "clamp" alone;
-- p:has "single_mmap" asks for what this kernel's rings can do.

local ffi = require "ffi"
local bit = require "bit"

return {
  new = function(ctype, row)
    if type(row) == "string" then
      row = { flags = row }
    elseif type(row) ~= "table" or #row > 0 then
      return nil
    end
    local self = ffi.new(ctype)
    if row.flags ~= nil then
      self.flags = require("callgate.flags").c.IORING_SETUP(row.flags)
    end
    if row.wq_fd ~= nil then
      self.wq_fd = require("callgate.args").fd(row.wq_fd, "io_uring_params", 1, "wq_fd")
    end
    return self
  end,
  takes = { flags = true, wq_fd = true },
  methods = {
    has = function(self, feature)
      local number = require("callgate.flags").c.IORING_FEAT(feature)
      return bit.band(self.features, number) == bit.tobit(number)
    end,
  },
}
