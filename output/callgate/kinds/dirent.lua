-- A directory's entry as getdents64 returns it: d.name, d.ino, d.type ("directory"), d.isdir.

local ffi = require "ffi"
local exact = require "callgate.kinds.exact"
local room = require "callgate.kinds.room"

-- include/linux/fs_types.h of the kernel: DT_* are S_IF* shifted right by 12.
local KINDS = {
  [1] = "fifo", [2] = "character device", [4] = "directory", [6] = "block device", [8] = "file", [10] = "link",
  [12] = "socket",
}

local function name(self)
  local most = room(self, self.d_name)
  return most == math.huge and ffi.string(self.d_name) or ffi.string(self.d_name, most):match "^[^%z]*"
end

return {
  index = {
    name = name,
    ino = function(self) return exact(self.d_ino) end,
    type = function(self) return KINDS[self.d_type] or "unknown" end,
    isdir = function(self) return self.d_type == 4 end,
    isreg = function(self) return self.d_type == 8 end,
    islnk = function(self) return self.d_type == 10 end,
  },
  tostring = function(self)
    return ("dirent { name = %q, type = %s, ino = %s }"):format(self.name, self.type, tostring(self.d_ino):match "%d+")
  end,
}
