-- How a mount is to change: { set = "rdonly, nodev", clear = "noexec", propagation = "private", userns = fd }.

local ffi = require "ffi"

local FIELDS = { set = "attr_set", clear = "attr_clr", propagation = "propagation", userns = "userns_fd" }
local GROUPS = { attr_set = "MOUNT_ATTR", attr_clr = "MOUNT_ATTR", propagation = "MS" }

return {
  new = function(ctype, init)
    if type(init) ~= "table" then
      return nil
    end
    local self = ffi.new(ctype)
    for name, value in pairs(init) do
      local field = FIELDS[name] or name
      if GROUPS[field] then
        value = require("callgate.flags").c[GROUPS[field]](value)
      elseif field == "userns_fd" then
        value = require("callgate.args").fd(value, "mount_attr", 1, name)
      end
      self[field] = value
    end
    return self
  end,
  aliases = { set = "attr_set", clear = "attr_clr", userns = "userns_fd" },
}
