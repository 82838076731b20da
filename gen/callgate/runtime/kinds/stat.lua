-- stat: st.size, st.mode, st.mtime (seconds), st.isdir, st.type ("directory"),
-- st.permissions ("drwxr-xr-x")...

local bit = require "bit"
local ffi = require "ffi"
local exact = require "callgate.kinds.exact"

local S_IFMT = 61440 -- linux/stat.h: the same everywhere
local KINDS = {
  [4096] = "fifo", [8192] = "character device", [16384] = "directory", [24576] = "block device",
  [32768] = "file", [40960] = "link", [49152] = "socket",
}
local TESTS = {
  isfifo = 4096, ischr = 8192, isdir = 16384, isblk = 24576, isreg = 32768, islnk = 40960, issock = 49152,
}

local index = {
  type = function(self) return KINDS[bit.band(self.st_mode, S_IFMT)] or "unknown" end,
  perm = function(self) return bit.band(self.st_mode, 4095) end,
  permissions = function(self) return require("callgate.mode").text(self.st_mode) end,
}
for _, name in ipairs { "dev", "ino", "nlink", "mode", "uid", "gid", "rdev", "size", "blksize", "blocks" } do
  local field = "st_" .. name
  index[name] = function(self) return exact(self[field]) end
end
-- Some architectures' headers declare the seconds unsigned (asm/stat.h of x86), which the kernel fills from a time64_t.
local int64_t = ffi.typeof "int64_t"
for _, name in ipairs { "atime", "mtime", "ctime" } do
  local sec, nsec = "st_" .. name, "st_" .. name .. "_nsec"
  index[name] = function(self) return tonumber(int64_t(self[sec])) + tonumber(self[nsec]) / 1e9 end
end
for name, kind in pairs(TESTS) do
  index[name] = function(self) return bit.band(self.st_mode, S_IFMT) == kind end
end

return { index = index, kinds = KINDS, tests = TESTS }
