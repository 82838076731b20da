-- What a userfaultfd tells: message.event ("pagefault"), message.address, message.flags.

local exact = require "callgate.kinds.exact"

local EVENTS -- number -> name

local function names()
  EVENTS = {}
  local group = require("callgate.flags").group "UFFD_EVENT"
  for _, name in ipairs(require("callgate.flags").names(group)) do
    EVENTS[group[name]] = name
  end
  return EVENTS
end

return {
  index = {
    name = function(self) return (EVENTS or names())[self.event] end,
    address = function(self) return exact(self.arg.pagefault.address) end,
    flags = function(self) return exact(self.arg.pagefault.flags) end,
  },
}
