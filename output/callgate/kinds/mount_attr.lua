-- How a mount is to change: { set = "rdonly, nodev", clear = "noexec", propagation = "private", userns = fd }.

local ffi = require "ffi"

local FIELDS = { set = "attr_set", clear = "attr_clr", propagation = "propagation", userns = "userns_fd" }
local GROUPS = { set = "MOUNT_ATTR", clear = "MOUNT_ATTR", propagation = "MS" }

return {
  new = function(ctype, init)
    if type(init) ~= "table" then
      return nil
    end
    local self = ffi.new(ctype)
    for name, value in pairs(init) do
      if GROUPS[name] then
        value = require("callgate.flags").c[GROUPS[name]](value)
      elseif name == "userns" then
        value = require("callgate.args").fd(value, "mount_attr", 1, "userns")
      end
      self[FIELDS[name] or name] = value
    end
    return self
  end,
  aliases = { set = "attr_set", clear = "attr_clr", userns = "userns_fd" },
}
