-- mq_attr: { maxmsg = 10, msgsize = 8192, flags = "nonblock" }; attr.curmsgs is how many messages there are.

local ffi = require "ffi"
local whole = require "callgate.whole"

local LONG = 8 * ffi.sizeof "long"
local WRITABLE = { maxmsg = "mq_maxmsg", msgsize = "mq_msgsize" }

return {
  new = function(ctype, value)
    if type(value) ~= "table" or #value > 0 then
      return nil
    end
    local self = ffi.new(ctype)
    for name, item in pairs(value) do
      name = tostring(name):gsub("^mq_", "")
      if name == "flags" then
        self.mq_flags = require("callgate.flags").c.O(item)
      elseif WRITABLE[name] then
        self[WRITABLE[name]] = whole(item, LONG, true, name)
      else
        error(("unknown attribute %q; there are flags, maxmsg and msgsize"):format(name), 3)
      end
    end
    return self
  end,
  aliases = { flags = "mq_flags", maxmsg = "mq_maxmsg", msgsize = "mq_msgsize", curmsgs = "mq_curmsgs" },
}
