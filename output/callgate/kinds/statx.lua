-- statx: the accessors of stat, and btime, attributes, mount id.

local bit = require "bit"
local exact = require "callgate.kinds.exact"
local stat = require "callgate.kinds.stat"

local S_IFMT = 61440 -- linux/stat.h
local FIELDS = {
  ino = "stx_ino", nlink = "stx_nlink", mode = "stx_mode", uid = "stx_uid", gid = "stx_gid", size = "stx_size",
  blksize = "stx_blksize", blocks = "stx_blocks", attributes = "stx_attributes", mnt_id = "stx_mnt_id",
}

local index = {
  type = function(self) return stat.kinds[bit.band(self.stx_mode, S_IFMT)] or "unknown" end,
  perm = function(self) return bit.band(self.stx_mode, 4095) end,
  permissions = function(self) return require("callgate.mode").text(self.stx_mode) end,
}
for name, field in pairs(FIELDS) do
  index[name] = function(self) return exact(self[field]) end
end
for _, name in ipairs { "dev", "rdev" } do
  local major, minor = "stx_" .. name .. "_major", "stx_" .. name .. "_minor"
  index[name] = function(self)
    return require("callgate.libc_macros").makedev(self[major], self[minor])
  end
end
for _, name in ipairs { "atime", "btime", "ctime", "mtime" } do
  local field = "stx_" .. name
  index[name] = function(self) return tonumber(self[field].tv_sec) + self[field].tv_nsec / 1e9 end
end
for name, kind in pairs(stat.tests) do
  index[name] = function(self) return bit.band(self.stx_mode, S_IFMT) == kind end
end

return { index = index }
