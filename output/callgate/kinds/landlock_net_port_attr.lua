-- A landlock rule for ports: { port = 80, access = "bind_tcp" }.

return {
  newindex = {
    access = function(self, value)
      self.allowed_access = require("callgate.flags").c.LANDLOCK_ACCESS_NET(value)
    end,
  },
  aliases = { access = "allowed_access" },
}
