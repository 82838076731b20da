-- The kern.lua variables of lua(4): a name -> the core's name of it in state.config, and its type.

local BOOL, INT = "bool", "int" -- CTLTYPE_BOOL, CTLTYPE_INT

return {
  ["kern.lua.require"] = { "require", BOOL },
  ["kern.lua.autoload"] = { "autoload", BOOL },
  ["kern.lua.bytecode"] = { "bytecode", BOOL },
  ["kern.lua.maxcount"] = { "maxcount", INT },
  ["kern.lua.verbose"] = { "verbose", INT },
}
