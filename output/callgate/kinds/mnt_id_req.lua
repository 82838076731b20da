-- Which mount statmount and listmount speak of: its number, "root", or { id = n, ns = number of a mount
-- namespace, ns_fd = descriptor of one, after = the last mount of a list }.

local ffi = require "ffi"

local ROOT = -1ULL -- linux/mount.h: LSMT_ROOT

local function id_of(value)
  return value == "root" and ROOT or require "callgate.whole"(value, 64, false, "id")
end

return {
  new = function(ctype, init)
    local self = ffi.new(ctype)
    self.size = ffi.sizeof(ctype)
    self.mnt_id = ROOT
    if type(init) ~= "table" then
      if type(init) == "cdata" and not tonumber(init) then
        return nil
      end
      self.mnt_id = init == nil and ROOT or id_of(init)
      return self
    end
    for name, value in pairs(init) do
      self[name] = name == "id" and id_of(value) or name == "ns_fd"
        and require("callgate.args").fd(value, "mnt_id_req", 1, "ns_fd") or require "callgate.signed"(value)
    end
    return self
  end,
  aliases = { id = "mnt_id", ns = "mnt_ns_id", ns_fd = "mnt_ns_fd", after = "param" },
}
