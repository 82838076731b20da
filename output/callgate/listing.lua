-- The names of the headers as lists, and one header's alone: S.h["linux/input.h"].NAME. constants.lua has
-- these as its own, and loads them when they are first wanted.

local constants = require "callgate.constants"
local headers = require "callgate.headers"
local rows = require "callgate.rows"

local listing = {}

-- The headers of the lines of the index that may hold names that begin with `prefix`, each once.
local function headers_with(prefix)
  local found, seen = {}, {}
  local number = constants.line(constants.volume "init", prefix)
  local from = select(2, constants.line(constants.volume(number), prefix))
  for volume in constants.volume("init"):gmatch " ([^\n]+)" do
    if volume >= number then
      for name, words in constants.volume(volume):sub(from):gmatch "(%S+) ([^\n]+)" do
        if name > prefix and name:sub(1, #prefix) ~= prefix then
          return found
        end
        local header = constants.choose(words)
        if not seen[header] then
          seen[header] = true
          found[#found + 1] = header
        end
      end
      from = 1
    end
  end
  return found
end

-- All of a section of a header: name -> value; macros know `given` as M.
local function section(header, name, given)
  local all = {}
  for _, text in ipairs(headers.texts(header, name)) do
    for key, value in pairs(rows.all(text, given)) do
      all[key] = value
    end
  end
  return all
end

-- The sections that a header has on this target, as a set; nil where no target has the header.
local function sections(header)
  local line = headers.line(header)
  if line then
    local found = {}
    for name, on in line:gmatch "(%l+)(%S*) %d+" do
      found[name] = found[name] or headers.applies(on) or nil
    end
    return found
  end
end

-- All constants that begin with `prefix`, sorted; for listings and error messages.
function listing.names(prefix)
  local names = {}
  for _, header in ipairs(headers_with(prefix)) do
    for name in pairs(section(header, "constants")) do
      if name:sub(1, #prefix) == prefix and constants.header(name) == header then
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return names
end

-- All constants of a declared group: C's name -> value.
function listing.group(group)
  local row = require("callgate.groups")[group]
  local found = {}
  for _, header in ipairs(row.headers) do
    for name, value in pairs(section(header, "constants")) do
      if constants.belongs(row, name) then
        found[name] = value
      end
    end
  end
  return found
end

-- Whether any constant begins with `prefix`.
function listing.any(prefix)
  for _, header in ipairs(headers_with(prefix)) do
    for _, text in ipairs(headers.texts(header, "constants")) do
      if rows.any(text, prefix) then
        return true
      end
    end
  end
  return false
end

-- --- by header -----------------------------------------------------------------------------------------

local function find_header(header)
  for _, name in ipairs { "uapi/" .. header, "libc/" .. header, header } do
    local found = name:find "/" and sections(name)
    if found and next(found) then -- none where only other targets have it
      return name
    end
  end
end

-- All headers that define a name, sorted: "libc/aio.h", "uapi/asm/fcntl.h".
function listing.headers()
  local found = headers_with ""
  table.sort(found)
  return found
end

local SECTIONS = { "constants", "records", "aliases", "typedefs", "accessors" }

-- Everything of a header: its sections, each name -> value, macros as functions. nil where no target has it.
function listing.of(header)
  local there = sections(header)
  if there then
    local all = {}
    for _, name in ipairs(SECTIONS) do
      all[name] = section(header, name)
    end
    all.macros = {}
    for name in pairs(section(header, "macros")) do
      all.macros[name] = constants.macro_of(header, name)
    end
    return all
  end
end

local function unknown_header(header)
  local known = {}
  for i, path in ipairs(listing.headers()) do
    known[i] = path:gsub("^%l+/", "")
  end
  table.sort(known)
  local near = require("callgate.suggest").nearest(header, known)
  return near and ("did you mean %q?"):format(near) or 'give it as it is included, such as "linux/input.h"'
end

-- One header's view: its constants and macros, whatever other headers define. At [1] it has its name.
local header_mt = {
  __index = function(self, name)
    if type(name) ~= "string" then
      return nil
    end
    local value = headers.get(self[1], "constants", name)
    if value == nil then
      value = constants.macro_of(self[1], name)
    end
    rawset(self, name, value)
    return value
  end,
}

-- S.h["linux/input.h"].NAME: the kernel's header first, then the C library's. An unknown header is an
-- error, an unknown name in it nil.
listing.h = setmetatable({}, {
  __index = function(self, header)
    if type(header) ~= "string" or not header:find "^[%w_][%w_./+-]*%.h$" then
      local got = require("callgate.errors").got(header)
      error(('S.h: expected a header such as "linux/input.h", got %s'):format(got), 2)
    end
    local name = find_header(header)
    if not name then
      error(("S.h: no header %q; %s"):format(header, unknown_header(header)), 2)
    end
    local view = setmetatable({ name }, header_mt)
    rawset(self, header, view)
    return view
  end,
})

return listing
