-- Names of the headers: which header defines one, and its value. Everything loads on first use.
--
-- The index is a list of volumes of lines "AF_ libc/bits/socket.h": from the first name not before
-- "AF_" on, up to the next line, names ("AF_INET", "struct.stat", "typedef.loff_t", "macro.major") are
-- that header's, if it has them at all. Header modules hold what all targets share, and deltas.

local firsts = require "callgate.index"
local target = require "callgate.target"

local constants = {}

local volumes = {} -- number -> { names = first names of the lines, headers = the line's header here }
local modules = {} -- "uapi/linux/fs.h" -> its table, deltas merged

-- A generated module is needed once: what stays is the table made of it.
local function read_once(path)
  local value = require(path)
  package.loaded[path] = nil
  return value
end

-- The header of a line that holds on this target: "uapi/asm/fcntl.h@mips+mipsel uapi/asm-generic/fcntl.h".
local function choose(words)
  for header, on in words:gmatch "(%S+)@(%S+)" do
    if target.is((on:gsub("%+", " "))) then
      return header
    end
  end
  return words:match "(%S+)$"
end

local function load_volume(number)
  local volume = { names = {}, headers = {} }
  for name, words in read_once(("callgate.index.%02d"):format(number)):gmatch "(%S+) ([^\n]+)" do
    local i = #volume.names + 1
    volume.names[i] = name
    volume.headers[i] = words:find("@", 1, true) and choose(words) or words
  end
  volumes[number] = volume
  return volume
end

-- A volume of the index, by its number.
function constants.volume(number)
  return volumes[number] or load_volume(number)
end

-- The place of the last of the sorted `names` that is not behind `name`, at least 1. LuaJIT compares
-- strings by bytes, whatever the locale (lj_str.c), and so does the generator.
local function place(names, name)
  local low, high = 1, #names
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if name < names[middle] then
      high = middle - 1
    else
      low = middle
    end
  end
  return low
end

-- Adds what a delta has; function-like macros form a list of makers.
local function add(module, part)
  for section, entries in pairs(part) do
    if section == "macros" then
      module.macros = module.macros or {}
      table.insert(module.macros, entries)
    elseif type(entries) == "table" then
      local into = module[section] or {}
      module[section] = into
      for name, value in pairs(entries) do
        into[name] = value
      end
    end
  end
end

local function module_path(header)
  return "callgate." .. header:gsub("%.h$", ""):gsub("%.", "_"):gsub("/", ".")
end

-- Small headers share a file by folder and first letter: "callgate.uapi.linux._f" (emit/merge.py).
local function bundle_path(header)
  local folder, letter = header:match "^(.*)/([^/])[^/]*$"
  return "callgate." .. folder:gsub("/", ".") .. "._" .. letter:lower()
end

local function is_missing(message, path)
  return message:find("module '" .. path .. "' not found", 1, true) ~= nil
end

-- The text of one header of a bundle, nil where it has none. It is looked for in the file: having Lua read all the
-- others takes several times as long. What is preloaded has no file.
local function bundled(path, header)
  local name = package.searchpath(path, package.path)
  local file = name and io.open(name, "rb")
  if not file then
    return read_once(path)[header]
  end
  local text = file:read "*a"
  file:close()
  local _, before = text:find('\n["' .. header .. '"] = [==[\n', 1, true)
  local after = before and text:find("]==],\n", before, true)
  return after and text:sub(before + 1, after - 1)
end

-- What is written of a header; nil where no target has it. Raises the error of a file that does not load.
local function read_module(header)
  local path = module_path(header)
  local ok, module = pcall(read_once, path)
  if not ok and is_missing(module, path) then
    path = bundle_path(header)
    ok, module = pcall(bundled, path, header:match "^%l+/(.*)$")
    if ok then
      local text = module
      return text and assert(loadstring("return {\n" .. text .. "}", "=" .. path))()
    elseif is_missing(module, path) then
      return nil
    end
  end
  if not ok then
    error(module, 0)
  end
  return module
end

-- The module of a header given as in the index, "uapi/linux/fs.h": its sections on this target.
local function module_of(header)
  local module = modules[header]
  if not module then
    module = read_module(header)
    if not module then
      return nil
    end
    local deltas = module.deltas or {}
    module.deltas = nil
    module.macros = module.macros and { module.macros }
    for _, delta in ipairs(deltas) do
      if target.is(delta.on) then
        add(module, delta.from and read_once(delta.from) or delta)
      end
    end
    modules[header] = module
  end
  return module
end

constants.of = module_of
constants.place = place

local SECTIONS = { struct = "records", union = "records", typedef = "typedefs", macro = "macros" }

local function has(module, name)
  local kind, rest = name:match "^(%l+)%.(.*)$"
  if not kind then
    return module.constants and module.constants[name] ~= nil
  elseif kind == "macro" then
    return constants.macros(module)[rest] ~= nil
  end
  local entries = module[SECTIONS[kind]]
  return entries and entries[kind == "typedef" and rest or kind .. " " .. rest] ~= nil
end

-- The module of the header that defines `name` ("O_CREAT", "struct.stat", "typedef.foo",
-- "macro.major"), and the header; nil where none does.
function constants.module(name)
  local number = place(firsts, name)
  local volume = volumes[number] or load_volume(number)
  local header = volume.headers[place(volume.names, name)]
  local module = module_of(header)
  if has(module, name) then
    return module, header
  end
end

-- The header that defines `name`, or nil.
function constants.header(name)
  local _, header = constants.module(name)
  return header
end

-- A constant's value, nil where no header has that name.
function constants.get(name)
  local module = constants.module(name)
  return module and module.constants and module.constants[name]
end

local made = {} -- module -> name -> function

-- The function-like macros of a header's module: name -> function.
function constants.macros(module)
  local found = made[module]
  if not found then
    found = {}
    for _, maker in ipairs(module.macros or {}) do
      for name, fn in pairs(maker(require "callgate.macro")) do
        found[name] = require "callgate.guard"(name, fn)
      end
    end
    made[module] = found
  end
  return found
end

-- A function-like macro as a Lua function, nil where there is none that translates.
function constants.macro(name)
  local module = constants.module("macro." .. name)
  return module and constants.macros(module)[name]
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

-- constants.names, any, headers and h are for listings and for who asks by header: see listing.lua.
return setmetatable(constants, {
  __index = function(self, name)
    for key, value in pairs(require "callgate.listing") do
      rawset(self, key, value)
    end
    return rawget(self, name)
  end,
})
