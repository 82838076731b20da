-- What rings of this kernel can do: p:supports "read". Without arguments it has room for every operation.

local ffi = require "ffi"
local bit = require "bit"
local room = require "callgate.kinds.room"

local MOST = 256 -- an opcode is a byte

return {
  new = function(ctype, row)
    return row == nil and ctype(MOST) or nil
  end,
  methods = {
    supports = function(self, operation)
      local flags = require("callgate.flags").c
      local number = require("callgate.args").choice(operation, "supports", 1, "operation", flags.IORING_OP)
      local fits = math.min(self.ops_len, room(self, self.ops) / ffi.sizeof(self.ops[0]))
      return number < fits and bit.band(self.ops[number].flags, flags.IO_URING_OP.SUPPORTED) ~= 0
    end,
  },
}
