-- A filter: S.t.sock_fprog { { "ld, w, abs", 0 }, { "ret", 0 } }, from instructions or what makes them. It
-- keeps its instructions alive.

local ffi = require "ffi"

local instructions = setmetatable({}, { __mode = "k" }) -- program -> its array

return {
  new = function(ctype, rows)
    if type(rows) ~= "table" or rows.filter then
      return nil
    end
    local array = require("callgate.types").t.array("sock_filter", rows)
    local self = ffi.new(ctype, #rows, array)
    instructions[self] = array
    return self
  end,
}
