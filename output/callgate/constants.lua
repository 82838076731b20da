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

local bundles = {} -- path -> the small headers in it

-- Small headers share a file by folder and first letter: "callgate.uapi.linux._f" (emit/merge.py).
local function bundle_path(header)
  local folder, letter = header:match "^(.*)/([^/])[^/]*$"
  return "callgate." .. folder:gsub("/", ".") .. "._" .. letter:lower()
end

local function is_missing(message, path)
  return message:find("module '" .. path .. "' not found", 1, true) ~= nil
end

-- What is written of a header; nil where no target has it. Raises the error of a file that does not load.
local function read_module(header)
  local path = module_path(header)
  local ok, module = pcall(read_once, path)
  if not ok and is_missing(module, path) then
    path = bundle_path(header)
    ok, module = true, bundles[path]
    if not module then
      ok, module = pcall(read_once, path)
      bundles[path] = ok and module or nil
    end
    if ok then
      return module[header:match "^%l+/(.*)$"]
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

-- Calls visit(header) for each line of the index that may hold names that begin with `prefix`.
local function each_header(prefix, visit)
  local number = place(firsts, prefix)
  while number <= #firsts do
    local volume = volumes[number] or load_volume(number)
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
function constants.names(prefix)
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
  for _, name in ipairs { "uapi/" .. header, "libc/" .. header, header } do
    local found = name:find "/" and module_of(name)
    if found and next(found) then -- it is empty where only other targets have it
      return found
    end
  end
end

-- All headers that define a name, sorted: "libc/aio.h", "uapi/asm/fcntl.h".
function constants.headers()
  local headers, seen = {}, {}
  for number = 1, #firsts do
    for _, header in ipairs((volumes[number] or load_volume(number)).headers) do
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
  for i, path in ipairs(constants.headers()) do
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
constants.h = setmetatable({}, {
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

return constants
