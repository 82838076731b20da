-- open_how of openat2: { flags = "rdonly", mode = "0644", resolve = "beneath" }.

local ffi = require "ffi"
local bit = require "bit"

local CREATED = 438 -- 0666, of which umask takes away

-- Without a new file openat2 refuses a mode.
local function makes_file(flags, O)
  return bit.band(flags, O.CREAT) ~= 0 or bit.band(flags, O.TMPFILE) == O.TMPFILE
end

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
    local args, c = require "callgate.args", require("callgate.flags").c
    local flags = args.flags_with(how.flags, "open_how", 1, "flags", c.O, c.O.CLOEXEC)
    local self = ffi.new(ctype)
    self.flags = flags
    if how.mode ~= nil then
      self.mode = args.mode(how.mode, "open_how", 1, "mode")
    elseif makes_file(tonumber(flags), c.O) then
      self.mode = CREATED
    end
    self.resolve = c.RESOLVE(how.resolve)
    return self
  end,
}
