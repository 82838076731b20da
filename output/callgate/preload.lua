-- S.preload(): reads all of the library's files, for programs that will lose sight of them (chroot, pivot_root,
-- landlock, a limit on descriptors). They are compiled when they are touched, as ever.

local place = require "callgate.place"

-- The files of a folder and of those in it, as their paths in the library.
local function files_below(folder, into)
  local entries, message, errno = require("callgate.calls").get "dir"(place.directory .. folder)
  if not entries then
    return nil, message, errno
  end
  for name, entry in entries do
    if entry.isdir and name ~= "." and name ~= ".." then
      local ok, why, number = files_below(folder .. name .. "/", into)
      if not ok then
        return nil, why, number
      end
    elseif name:find "%.lua$" then
      into[#into + 1] = folder .. name
    end
  end
  return into
end

local function preload()
  if not place.directory then
    return true -- there are no files
  end
  local files, message, errno = files_below("", {})
  if not files then
    return nil, message, errno
  end
  for _, file in ipairs(files) do
    local name = ("callgate." .. file:gsub("%.lua$", ""):gsub("/", ".")):gsub("%.init$", "")
    local text = not package.loaded[name] and place.text_of(file)
    if text then
      package.preload[name] = function(...)
        return assert(place.chunk(file, text))(...)
      end
    end
  end
  place.complete = true
  return true
end

return preload
