-- What the interfaces of other systems' Lua in a kernel check alike: klua, klua9, lunatik, devlunatik, lua4, luactl.
-- This needs callgate.errors alone, since luactl runs on a NetBSD, too.

local errors = require "callgate.errors"

local faces = {}

-- --- arguments -----------------------------------------------------------------------------------------

-- Raises unless the argument is of that type of Lua's.
function faces.typed(kind, value, call, position, label)
  if type(value) ~= kind then
    errors.expected("a " .. kind, value, call, position, label)
  end
  return value
end

-- Raises that a method got something else than its object: `what` is "a device".
function faces.no_object(what, value, call)
  errors.raise(("%s: expected %s, got %s; call it with a colon"):format(call, what, errors.got(value)))
end

-- --- settings ------------------------------------------------------------------------------------------

-- A field of a module that programs set, where it is used: raises unless it is `right`.
function faces.setting(name, expected, right, value)
  if not right then
    errors.raise(("%s: expected %s, got %s"):format(name, expected, errors.got(value)))
  end
  return value
end

-- Options of state.create: `own`, and over them those of the module's field `options`.
function faces.options(module, given, own)
  faces.setting(module .. ".options", "a table of options", type(given) == "table", given)
  for key, value in pairs(given) do
    own[key] = value
  end
  return own
end

-- --- names ---------------------------------------------------------------------------------------------

-- "; did you mean ...?" for a name that is no key of `known`, or nothing. All keys begin with `prefix`, which the
-- message shows, and the name may lack.
function faces.hint(name, known, prefix)
  local names = {}
  for each in pairs(known) do
    names[#names + 1] = each:sub(#prefix + 1)
  end
  table.sort(names)
  local near = type(name) == "string" and require("callgate.suggest").nearest(name, names, prefix)
  return near and ("; did you mean %q?"):format(prefix .. near) or ""
end

-- --- structs -------------------------------------------------------------------------------------------

local RECORD = {} -- the key of what an object shows: no program has it

-- A metatable for objects that show a struct of the kernel's, and a function that makes one of a record. `fields` maps
-- a name to the function that reads it from the record, or to the field of that name in it (true). Fields cannot be
-- set: nothing would come of it.
function faces.struct(name, fields, methods)
  local metatable = {}
  local function no_field(key)
    errors.raise(("%s has no field %q%s"):format(name, tostring(key), require("callgate.suggest").hint(key, fields)))
  end
  function metatable.__index(self, key)
    local read = fields[key]
    if read == true then
      return self[RECORD][key]
    elseif read then
      return read(self[RECORD])
    end
    return methods and methods[key] or no_field(key)
  end
  function metatable.__newindex(_, key)
    if fields[key] then
      errors.raise(("%s: %q cannot be set"):format(name, key))
    end
    no_field(key)
  end
  return metatable, function(record)
    return setmetatable({ [RECORD] = record }, metatable)
  end
end

return faces
