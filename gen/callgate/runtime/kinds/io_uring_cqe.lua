-- What became of an operation: cqe.errno is its errno, nil where it succeeded; cqe:has "more" asks for flags.

local bit = require "bit"

return {
  index = {
    errno = function(self)
      return self.res < 0 and -self.res or nil
    end,
  },
  methods = {
    has = function(self, flag)
      local number = require("callgate.flags").c.IORING_CQE_F(flag)
      return bit.band(self.flags, number) == bit.tobit(number)
    end,
  },
}
