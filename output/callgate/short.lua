-- Short names of a record's fields: those of a struct whose fields all begin with tcpi_ do without it.

-- `module` with short names for the fields that begin with `start`: imr_ifindex is ifindex, too. They are read from
-- `text` when a name is first asked for that is none of the module's own.
return function(module, start, text)
  local more, aliases = {}, {}
  for key, value in pairs(module) do
    more[key] = value
  end
  for name, field in pairs(module.aliases or {}) do
    aliases[name] = field
  end
  more.aliases = setmetatable(aliases, {
    __index = function(self, name)
      setmetatable(self, nil)
      for _, field in ipairs(require "callgate.fields"(text)) do
        local short = field.name:sub(1, #start) == start and field.name:sub(#start + 1)
        if short and not self[short] and not (module.index and module.index[short]) then
          self[short] = field.name
        end
      end
      return self[name]
    end,
  })
  return more
end
