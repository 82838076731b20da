-- Names of the headers: which header defines one, and its value. Everything loads on first use.
--
-- The index is a list of sorted volumes; a volume tells for each of its names ("O_CREAT",
-- "struct.stat", "typedef.loff_t", "macro.major") the header that defines it ("uapi/linux/fs.h").

local firsts = require "callgate.index"

local constants = {}

local volumes = {} -- number -> { name = header }
local modules = {} -- "uapi/linux/fs.h" -> its table

local function volume_path(number)
  return ("callgate.index.%02d"):format(number)
end

-- The text of a volume is needed once: what stays is the table made of it.
local function read_volume(number)
  local path = volume_path(number)
  local groups = require(path)
  package.loaded[path] = nil
  return groups
end

local function load_volume(number)
  local volume = {}
  for header, names in pairs(read_volume(number)) do
    for name in names:gmatch "%S+" do
      volume[name] = header
    end
  end
  volumes[number] = volume
  return volume
end

-- The volume that would hold `name`: the last one whose first name is not behind it. LuaJIT compares
-- strings by bytes, whatever the locale (lj_str.c), and so does the generator.
local function volume_of(name)
  local low, high = 1, #firsts
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if name < firsts[middle] then
      high = middle - 1
    else
      low = middle
    end
  end
  return low
end

local function module_path(header)
  return "callgate." .. header:gsub("%.h$", ""):gsub("%.", "_"):gsub("/", ".")
end

-- The module of a header given as in the index: "uapi/linux/fs.h".
local function module_of(header)
  local module = modules[header]
  if not module then
    module = require(module_path(header))
    modules[header] = module
  end
  return module
end

-- The header that defines `name` ("O_CREAT", "struct.stat", "typedef.foo", "macro.major"), or nil.
function constants.header(name)
  local number = volume_of(name)
  return (volumes[number] or load_volume(number))[name]
end

-- The module of the header that defines `name`, and the header; nil where none does.
function constants.module(name)
  local header = constants.header(name)
  if header then
    return module_of(header), header
  end
end

-- A constant's value, nil where no header has that name.
function constants.get(name)
  local module = constants.module(name)
  return module and module.constants and module.constants[name]
end

local macros = {} -- module -> name -> function

local function macros_of(module)
  local made = macros[module]
  if not made then
    made = module.macros and module.macros(require "callgate.macro") or {}
    macros[module] = made
  end
  return made
end

-- A function-like macro as a Lua function, nil where there is none that translates.
function constants.macro(name)
  local module = constants.module("macro." .. name)
  return module and macros_of(module)[name]
end

-- All constants that begin with `prefix`, sorted; for listings and error messages. Loads no header.
function constants.names(prefix)
  local names = {}
  local number = volume_of(prefix)
  while number <= #firsts do
    local first = firsts[number]
    if prefix < first and first:sub(1, #prefix) ~= prefix then
      break
    end
    for name in pairs(volumes[number] or load_volume(number)) do
      if name:sub(1, #prefix) == prefix and not name:find(".", 1, true) then
        names[#names + 1] = name
      end
    end
    number = number + 1
  end
  table.sort(names)
  return names
end

-- Whether any constant begins with `prefix`.
function constants.any(prefix)
  return constants.names(prefix)[1] ~= nil
end

-- The constants of a declared group (groups.lua): C's name -> value.
function constants.group(name)
  local row = require("callgate.groups")[name]
  local found = {}
  for _, header in ipairs(row.headers) do
    for constant, value in pairs(module_of(header).constants or {}) do
      if constant:sub(1, #row.prefix) == row.prefix and not (row.except and row.except[constant]) then
        found[constant] = value
      end
    end
  end
  return found
end

-- --- by header -----------------------------------------------------------------------------------------

local function find_module(header)
  for _, unit in ipairs { "uapi/", "libc/", "" } do
    local name = unit .. header
    local ok, found = pcall(module_of, name)
    if ok and type(found) == "table" then
      return found
    elseif not ok and not found:find("module '" .. module_path(name) .. "' not found", 1, true) then
      error(found, 0) -- it is there and does not load
    end
  end
end

local function unknown_header(header)
  local known, seen = {}, {}
  for number = 1, #firsts do
    for path in pairs(read_volume(number)) do
      local name = path:gsub("^%l+/", "")
      if not seen[name] then
        seen[name] = true
        known[#known + 1] = name
      end
    end
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
    if value == nil and module.macros then
      value = macros_of(module)[name]
    end
    return value
  end,
}

-- S.h["linux/input.h"].NAME: the kernel's header first, then the C library's. An unknown header is an
-- error, an unknown name in it nil.
constants.h = setmetatable({}, {
  __index = function(self, header)
    if type(header) ~= "string" or not header:find "^[%w_][%w_./+-]*%.h$" then
      error(('S.h: expected a header such as "linux/input.h", got %s'):format(tostring(header)), 2)
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

return constants
