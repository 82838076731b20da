-- What all copies of the library in one Lua VM have in common (reloads, a second copy of another
-- version). It lies in Lua's registry, since clearing package.loaded is how programs reload.

local registry = debug.getregistry()
registry.callgate = registry.callgate or {
  descriptors = {}, -- ctype ids of descriptor objects -> the kind's name
  numbers = setmetatable({}, { __mode = "k" }), -- open descriptor objects -> their number: see known.lua
  types = {}, -- version -> what types.lua has declared for it
  versions = 0,
}
return registry.callgate
