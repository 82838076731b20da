-- Flags and limits of an inode, of file_getattr and of FS_IOC_FSGETXATTR, whose fields differ by `prefix`:
-- attr.xflags, attr.extsize, attr.nextents, attr.projid, attr.cowextsize, attr:has "nodump, sync",
-- { xflags = "nodump", projid = 7 }.

local bit = require "bit"

return function(prefix)
  local xflags = prefix .. "xflags"
  local function named(value)
    return require("callgate.flags").c.FS_XFLAG(value)
  end
  return {
    index = { xflags = function(self) return tonumber(self[xflags]) end },
    newindex = { xflags = function(self, value) self[xflags] = named(value) end },
    aliases = {
      extsize = prefix .. "extsize", nextents = prefix .. "nextents", projid = prefix .. "projid",
      cowextsize = prefix .. "cowextsize",
    },
    methods = {
      has = function(self, names)
        local asked = bit.tobit(named(names))
        return bit.band(tonumber(self[xflags]), asked) == asked
      end,
    },
  }
end
