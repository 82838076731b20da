-- A piece of memory for the kernel: S.t.iovec(buffer), S.t.iovec(buffer, count), S.t.iovec "text", which it keeps
-- alive; vec:string() is what lies there. readv, writev and their kin make theirs from tables themselves.

local ffi = require "ffi"

local kept = setmetatable({}, { __mode = "k" }) -- iovec -> its memory

return {
  new = function(ctype, memory, count)
    if memory == nil or type(memory) == "table" or type(memory) == "number" then
      return nil
    end
    local args = require "callgate.args"
    memory = args.data(memory, "iovec", 1, "memory")
    count = args.length(count, "iovec", 2, "count", memory)
    local self = ffi.new(ctype)
    self.iov_base = ffi.cast("void *", type(memory) == "string" and ffi.cast("const char *", memory) or memory)
    self.iov_len = count
    kept[self] = memory
    return self
  end,
  methods = {
    string = function(self) return self.iov_base ~= nil and ffi.string(self.iov_base, self.iov_len) or nil end,
  },
}
