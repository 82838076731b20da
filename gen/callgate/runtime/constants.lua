-- Names of the headers: which header defines one, and its value. Everything loads on first use.

local firsts = require "callgate.index"

local constants = {}

local volumes = {} -- number -> { token = "uapi/linux/fs" }
local modules = {} -- "uapi/linux/fs" -> its table

-- The volume that would hold `token`: the last one whose first token is not behind it.
local function volume_of(token)
  local low, high = 1, #firsts
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if firsts[middle] <= token then
      low = middle
    else
      high = middle - 1
    end
  end
  return low
end

local function load_volume(number)
  local volume = {}
  for header, tokens in pairs(require(("callgate.index.%02d"):format(number))) do
    for token in tokens:gmatch "%S+" do
      volume[token] = header
    end
  end
  volumes[number] = volume
  return volume
end

-- The module of a header given as in the index: "uapi/linux/fs.h".
local function module_of(header)
  local module = modules[header]
  if not module then
    module = require("callgate." .. header:gsub("%.h$", ""):gsub("%.", "_"):gsub("/", "."))
    modules[header] = module
  end
  return module
end

-- The header that defines `token` ("O_CREAT", "struct.stat", "typedef.foo", "macro.major"), or nil.
function constants.header(token)
  local number = volume_of(token)
  return (volumes[number] or load_volume(number))[token]
end

-- The module of the header that defines `token`, and the header; nil where none does.
function constants.module(token)
  local header = constants.header(token)
  if header then
    return module_of(header), header
  end
end

-- A constant's value, nil where no header has that name.
function constants.get(name)
  local module = constants.module(name)
  return module and module.constants[name]
end

-- A function-like macro as a Lua function, nil where there is none that translates.
local macros = {}
function constants.macro(name)
  local found = macros[name]
  if found == nil then
    local module, header = constants.module("macro." .. name)
    if not module then
      return nil
    end
    local all = module.macros(require "callgate.macro")
    for other, fn in pairs(all) do
      if constants.header("macro." .. other) == header then
        macros[other] = fn
      end
    end
    found = macros[name]
  end
  return found
end

-- All constants that begin with `prefix` as name -> value; for listings and error messages.
function constants.with_prefix(prefix)
  local found = {}
  local number = volume_of(prefix)
  while number <= #firsts and (firsts[number] <= prefix or firsts[number]:sub(1, #prefix) == prefix) do
    for token in pairs(volumes[number] or load_volume(number)) do
      if token:sub(1, #prefix) == prefix and not token:find(".", 1, true) then
        found[token] = constants.get(token)
      end
    end
    number = number + 1
  end
  return found
end

-- The constants of a declared group (groups.lua), under C's names.
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

-- What one header defines, whatever other headers define: S.h["linux/input.h"].NAME.
local function find_module(header)
  for _, unit in ipairs { "uapi/", "libc/" } do
    local name = unit .. header
    local path = "callgate." .. name:gsub("%.h$", ""):gsub("%.", "_"):gsub("/", ".")
    if modules[name] or package.loaded[path] or package.searchpath(path, package.path) then
      return module_of(name)
    end
  end
end

local header_mt = {
  __index = function(self, name)
    local module = rawget(self, 1)
    local value = module.constants and module.constants[name]
    if value == nil and module.macros then
      value = module.macros(require "callgate.macro")[name]
    end
    return value
  end,
}

constants.h = setmetatable({}, {
  __index = function(self, header)
    local module = type(header) == "string" and find_module(header)
    if not module then
      error(("no header %q among those of the library; give it as it is included: %q"):format(
        tostring(header), "linux/input.h"), 2)
    end
    local view = setmetatable({ module }, header_mt)
    rawset(self, header, view)
    return view
  end,
})

return constants
