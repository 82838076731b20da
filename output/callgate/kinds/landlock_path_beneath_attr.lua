-- A landlock rule for files: { parent = fd, access = "read_file, read_dir" }.

return {
  newindex = {
    parent = function(self, value)
      self.parent_fd = require("callgate.args").fd(value, "landlock_path_beneath_attr", 1, "parent")
    end,
    access = function(self, value)
      self.allowed_access = require("callgate.flags").c.LANDLOCK_ACCESS_FS(value)
    end,
  },
  aliases = { parent = "parent_fd", access = "allowed_access" },
}
