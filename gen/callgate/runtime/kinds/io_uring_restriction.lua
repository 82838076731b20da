-- What a ring may still do: { "sqe_op", "read" }, { "register_op", "register_files" },
-- { "sqe_flags_allowed", "io_link" }.

local ffi = require "ffi"

return {
  new = function(ctype, row)
    if type(row) ~= "table" or row[1] == nil then
      return nil
    end
    local args, c = require "callgate.args", require("callgate.flags").c
    local self = ffi.new(ctype)
    self.opcode = args.choice(row[1], "io_uring_restriction", 1, "opcode", c.IORING_RESTRICTION)
    if self.opcode == c.IORING_RESTRICTION.REGISTER_OP then
      local convert = require("callgate.behaviour.operations").named("io_uring_register", "IORING_", "IORING_REGISTER_")
      self.register_op = convert(row[2], "io_uring_restriction", 1, "register_op")
    elseif self.opcode == c.IORING_RESTRICTION.SQE_OP then
      self.sqe_op = args.choice(row[2], "io_uring_restriction", 1, "sqe_op", c.IORING_OP)
    else
      self.sqe_flags = args.flags(row[2], "io_uring_restriction", 1, "sqe_flags", c.IOSQE)
    end
    return self
  end,
}
