-- The two times of utimensat: { atime, mtime } in seconds; "now" and "omit" are special, nil is now.

local ffi = require "ffi"
local split = require("callgate.kinds.timespec").split

local SPECIAL = { now = 1073741823, omit = 1073741822 } -- linux/stat.h of the kernel: UTIME_NOW, UTIME_OMIT

local function set(ts, value)
  if value == nil then
    value = "now"
  end
  if type(value) == "number" then
    ts.tv_sec, ts.tv_nsec = split(value)
  elseif SPECIAL[value] then
    ts.tv_sec, ts.tv_nsec = 0, SPECIAL[value]
  elseif type(value) == "cdata" then
    ts.tv_sec, ts.tv_nsec = value.tv_sec, value.tv_nsec
  else
    error(('expected seconds, "now" or "omit", got %s'):format(require("callgate.errors").got(value)), 4)
  end
end

return {
  new = function(ctype, atime, mtime)
    if type(atime) == "table" then
      atime, mtime = atime[1], atime[2]
    end
    local self = ffi.new(ctype)
    set(self.atime, atime)
    set(self.mtime, mtime)
    return self
  end,
}
