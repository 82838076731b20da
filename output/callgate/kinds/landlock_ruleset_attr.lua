-- What a landlock ruleset decides: { fs = "read_file, execute", net = "bind_tcp", scoped = "signal" }, and of
-- these what is denied without a word in the log: quiet_fs, quiet_net, quiet_scoped.

local FIELDS = {
  fs = { "handled_access_fs", "LANDLOCK_ACCESS_FS" }, net = { "handled_access_net", "LANDLOCK_ACCESS_NET" },
  quiet_fs = { "quiet_access_fs", "LANDLOCK_ACCESS_FS" }, quiet_net = { "quiet_access_net", "LANDLOCK_ACCESS_NET" },
  scoped = { "scoped", "LANDLOCK_SCOPE" }, quiet_scoped = { "quiet_scoped", "LANDLOCK_SCOPE" },
}

local aliases, groups = {}, {} -- short name -> field, field -> group of what it holds
for name, field in pairs(FIELDS) do
  aliases[name] = name ~= field[1] and field[1] or nil
  groups[field[1]] = field[2]
end

return {
  new = function(ctype, init)
    if type(init) ~= "table" then
      return nil
    end
    local self = ctype()
    for name, value in pairs(init) do
      local field = aliases[name] or name
      local group = groups[field]
      self[field] = group and require("callgate.flags").c[group](value) or value
    end
    return self
  end,
  aliases = aliases,
}
