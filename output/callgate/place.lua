-- Where the library's files are. Modules load when they are first touched, which may be after a chdir, or under another
-- root: what package.path does not find any more is looked for where the library was found at first, and where that is
-- out of reach, the error says so.

local named = debug.getinfo(1, "S").source:match "^@(.*)place%.lua$" -- as the names of loaded chunks begin

-- One Lua file of many modules, or a program that has them inside.
if not named then
  return {}
end

-- Kept where a reload finds it: by then a relative name may mean another folder.
local registry = debug.getregistry()
registry.callgate_places = registry.callgate_places or {}
local known = registry.callgate_places[named]
if known then
  return known
end

local function absolute(path)
  if path:sub(1, 1) == "/" then
    return path
  end
  local ffi = require "ffi"
  ffi.cdef [[char *callgate_getcwd(char *, size_t) __asm__("getcwd");]]
  local size = 4096 -- PATH_MAX of linux/limits.h
  local buffer = ffi.new("char[?]", size)
  return ffi.C.callgate_getcwd(buffer, size) == nil and path or ffi.string(buffer) .. "/" .. path
end

-- `complete` is set when no file is needed any more: see preload.lua.
local place = { directory = absolute(named), complete = false }
registry.callgate_places[named] = place

-- What a file of the library is as a chunk: it has the name that package.path would have given it.
function place.chunk(file, text)
  return loadstring(text, "@" .. named .. file)
end

local function text_of(file)
  local handle, message = io.open(place.directory .. file, "rb")
  if not handle then
    return nil, message
  end
  local text = handle:read "*a"
  handle:close()
  return text
end
place.text_of = text_of

local function out_of_reach(name, message)
  local text = ("%s: the library's files are out of reach (%s): call S.preload() before chroot, a limit on "
    .. "descriptors, or whatever else hides files"):format(name, message)
  local errors = package.loaded["callgate.errors"]
  return errors and errors.raise(text) or error(text, 0)
end

-- After all other loaders.
table.insert(package.loaders, function(name)
  local path = name:match "^callgate%.(.*)$"
  if not path or place.complete then
    return nil
  end
  path = path:gsub("%.", "/")
  for _, file in ipairs { path .. ".lua", path .. "/init.lua" } do
    local text = text_of(file)
    if text then
      local chunk, wrong = place.chunk(file, text)
      return chunk or error(wrong, 0)
    end
  end
  local there, message = text_of "place.lua"
  if not there then
    return out_of_reach(name, message)
  end
  return ("\n\tno file '%s%s.lua'"):format(place.directory, path)
end)

return place
