-- An event of inotify: ev.name, ev.wd, ev.mask, and by name ev.create, ev.delete, ev.isdir...

local ffi = require "ffi"
local bit = require "bit"

local index = {
  name = function(self)
    return self.len > 0 and ffi.string(ffi.cast("const char *", self) + ffi.sizeof(self)) or ""
  end,
}
-- linux/inotify.h: the same values on every architecture.
local BITS = {
  access = 1, modify = 2, attrib = 4, close_write = 8, close_nowrite = 16, open = 32, moved_from = 64,
  moved_to = 128, create = 256, delete = 512, delete_self = 1024, move_self = 2048, unmount = 8192,
  q_overflow = 16384, ignored = 32768, isdir = 1073741824,
}
for name, mask in pairs(BITS) do
  index[name] = function(self)
    return bit.band(self.mask, mask) ~= 0
  end
end

return { index = index, names = BITS }
