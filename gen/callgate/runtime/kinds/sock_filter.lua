-- An instruction of a filter: S.t.sock_filter("ld, w, abs", 4), S.t.sock_filter { "jmp, jeq, k", 39, 0, 1 }
-- as BPF_STMT and BPF_JUMP of linux/filter.h: the code by its names, k, and where to go if true and if false.

local ffi = require "ffi"

local FIELDS = { "code", "k", "jt", "jf", code = true, k = true, jt = true, jf = true }

return {
  new = function(ctype, code, k, jt, jf)
    if type(code) == "table" then
      local row = code
      for name in pairs(row) do
        if not FIELDS[name] then
          error(('unknown field "%s"; there are code, k, jt and jf'):format(tostring(name)), 3)
        end
      end
      code, k, jt, jf = row.code or row[1], row.k or row[2], row.jt or row[3], row.jf or row[4]
    elseif type(code) ~= "string" and k == nil then
      return nil
    end
    return ffi.new(ctype, require("callgate.flags").c.BPF(code), jt or 0, jf or 0, k or 0)
  end,
}
