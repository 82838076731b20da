-- The names of the headers as lists, and one header's alone: S.h["linux/input.h"].NAME. constants.lua has
-- these as its own, and loads them when they are first wanted.

local firsts = require "callgate.index"
local constants = require "callgate.constants"

local listing = {}
local module_of, place = constants.of, constants.place

-- Calls visit(header) for each line of the index that may hold names that begin with `prefix`.
local function each_header(prefix, visit)
  local number = place(firsts, prefix)
  while number <= #firsts do
    local volume = constants.volume(number)
    local i = place(volume.names, prefix)
    while volume.names[i] and (volume.names[i] <= prefix or volume.names[i]:sub(1, #prefix) == prefix) do
      visit(volume.headers[i])
      i = i + 1
    end
    if volume.names[i] then
      return
    end
    number = number + 1
  end
end

-- All constants that begin with `prefix`, sorted; for listings and error messages.
function listing.names(prefix)
  local names, seen = {}, {}
  each_header(prefix, function(header)
    if seen[header] then
      return
    end
    seen[header] = true
    for name in pairs(module_of(header).constants or {}) do
      if name:sub(1, #prefix) == prefix and constants.header(name) == header then
        names[#names + 1] = name
      end
    end
  end)
  table.sort(names)
  return names
end

-- Whether any constant begins with `prefix`.
function listing.any(prefix)
  return listing.names(prefix)[1] ~= nil
end

-- --- by header -----------------------------------------------------------------------------------------

local function find_module(header)
  for _, name in ipairs { "uapi/" .. header, "libc/" .. header, header } do
    local found = name:find "/" and module_of(name)
    if found and next(found) then -- it is empty where only other targets have it
      return found
    end
  end
end

-- All headers that define a name, sorted: "libc/aio.h", "uapi/asm/fcntl.h".
function listing.headers()
  local headers, seen = {}, {}
  for number = 1, #firsts do
    for _, header in ipairs(constants.volume(number).headers) do
      if not seen[header] then
        seen[header] = true
        headers[#headers + 1] = header
      end
    end
  end
  table.sort(headers)
  return headers
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

-- One header's view: its constants and macros, whatever other headers define.
local header_mt = {
  __index = function(self, name)
    local module = rawget(self, 1)
    local value = module.constants and module.constants[name]
    if value == nil then
      value = constants.macros(module)[name]
    end
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
    local module = find_module(header)
    if not module then
      error(("S.h: no header %q; %s"):format(header, unknown_header(header)), 2)
    end
    local view = setmetatable({ module }, header_mt)
    rawset(self, header, view)
    return view
  end,
})

return listing
