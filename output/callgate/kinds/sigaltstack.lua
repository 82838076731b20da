-- Another stack for handlers of signals: { sp = buffer, size = bytes, flags = "autodisarm" }; "disable"
-- alone for none. Whoever gives a buffer keeps it as long as the stack is in use.

local ffi = require "ffi"

return {
  new = function(ctype, value)
    if type(value) ~= "table" and type(value) ~= "string" then
      return nil
    end
    local self = ffi.new(ctype)
    if type(value) == "string" then
      self.ss_flags = require("callgate.flags").c.SS(value)
      return self
    end
    local buffer = value.sp or value[1]
    local size = value.size or require("callgate.memory").size(buffer)
    if type(buffer) ~= "cdata" or not size then
      error("expected a buffer and its size", 3)
    end
    self.ss_sp, self.ss_size = buffer, size
    self.ss_flags = require("callgate.flags").c.SS(value.flags)
    return self
  end,
  aliases = { sp = "ss_sp", size = "ss_size", flags = "ss_flags" },
}
