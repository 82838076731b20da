-- open_how of openat2: { flags = "rdonly", mode = "0644", resolve = "beneath" }.

local ffi = require "ffi"
local bit = require "bit"

return {
  new = function(ctype, how)
    if type(how) ~= "table" then
      return nil
    end
    for name in pairs(how) do
      if name ~= "flags" and name ~= "mode" and name ~= "resolve" then
        error(("unknown option %q; there are flags, mode and resolve"):format(tostring(name)), 3)
      end
    end
    local c = require("callgate.flags").c
    local flags = how.flags
    if type(flags) ~= "number" then
      local asked = c.O(flags)
      local cleared = type(flags) == "string" and require("callgate.flags").cleared(c.O, flags) or 0
      flags = bit.bor(asked, bit.band(c.O.CLOEXEC, bit.bnot(cleared)))
    end
    local self = ffi.new(ctype)
    self.flags = flags
    self.mode = type(how.mode) == "string" and tonumber(how.mode, 8) or how.mode or 0
    self.resolve = c.RESOLVE(how.resolve)
    return self
  end,
}
