-- sembuf: { number, change, "undo, nowait" }, or with names: { num = 0, op = -1, flg = "undo" }.

local ffi = require "ffi"
local whole = require "callgate.whole"

local FIELDS = { true, true, true, num = true, op = true, flg = true, sem_num = true, sem_op = true, sem_flg = true }

return {
  new = function(ctype, value)
    if type(value) ~= "table" then
      return nil
    end
    for name in pairs(value) do
      if not FIELDS[name] then
        error(("unknown field %q; there are num, op and flg"):format(tostring(name)), 3)
      end
    end
    local self = ffi.new(ctype)
    self.sem_num = whole(value.num or value.sem_num or value[1] or 0, 16, false, "num")
    self.sem_op = whole(value.op or value.sem_op or value[2] or 0, 16, true, "op")
    local flg = value.flg or value.sem_flg or value[3]
    self.sem_flg = flg and whole(require("callgate.flags").c.SEM(flg), 16, true, "flg") or 0
    return self
  end,
  aliases = { num = "sem_num", op = "sem_op", flg = "sem_flg" },
}
