-- A record lock of fcntl: { type = "wrlck", whence = "set", start = 0, len = 0 }; len 0 means to the end.

local whole = require "callgate.whole"

local function named(prefix, names)
  return function(value, field)
    if type(value) ~= "string" then
      return whole(value, 16, true)
    end
    local name = value:upper():gsub("^" .. prefix, "")
    local number = names[name]
    if not number then
      error(("flock: unknown %s %q; there are %s"):format(field, value, names.all), 4)
    end
    return number
  end
end

-- asm-generic/fcntl.h and linux/fs.h: the same on every architecture but alpha and parisc, which have no LuaJIT
local type_of = named("F_", { RDLCK = 0, WRLCK = 1, UNLCK = 2, all = "rdlck, wrlck, unlck" })
local whence_of = named("SEEK_", { SET = 0, CUR = 1, END = 2, all = "set, cur, end" })

return {
  newindex = {
    type = function(self, value)
      self.l_type = type_of(value, "type")
    end,
    whence = function(self, value)
      self.l_whence = whence_of(value, "whence")
    end,
  },
  aliases = { type = "l_type", whence = "l_whence", start = "l_start", len = "l_len", pid = "l_pid" },
}
