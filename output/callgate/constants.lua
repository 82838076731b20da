-- Names of the headers: which header defines one, and its value. Everything loads on first use.
--
-- The index is a list of volumes of lines "AF_ libc/bits/socket.h": from the first name not before
-- "AF_" on, up to the next line, names ("AF_INET", "struct.stat", "typedef.loff_t", "macro.major") are
-- that header's, if it has them at all.

local headers = require "callgate.headers"
local target = require "callgate.target"

local constants = {}

-- Of the sorted lines of `text`, the last whose first word is not behind `name`, the first where all are: what stands
-- behind that word, and where the line begins. LuaJIT compares strings by bytes, whatever the locale (lj_str.c), and so
-- does the generator.
local function line(text, name)
  local first, behind = 1, #text -- where the line begins: from first on, before behind
  while behind - first > 1 do
    local middle = math.floor((first + behind) / 2)
    local start = text:find("\n", middle - 1, true) + 1
    if start < behind and text:match("%S+", start) <= name then
      first = start
    else
      behind = middle
    end
  end
  return text:match("%S+ ([^\n]+)", first), first
end

jit.off(line) -- a name is looked up once: compiling this takes as long as a hundred of it

-- The header of a line that holds on this target: "uapi/asm/fcntl.h@mips+mipsel uapi/asm-generic/fcntl.h".
local function choose(words)
  for header, on in words:gmatch "(%S+)@(%S+)" do
    if target.is((on:gsub("%+", " "))) then
      return header
    end
  end
  return words:match "(%S+)$"
end

constants.line, constants.choose = line, choose

local volumes = {} -- "07" -> its text

-- A volume of the index.
function constants.volume(number)
  volumes[number] = volumes[number] or headers.read_once("callgate.index." .. number)
  return volumes[number]
end

local SECTIONS = { struct = "records", union = "records", typedef = "typedefs" }

-- What the headers say of `name` ("O_CREAT", "struct.stat", "typedef.foo", "macro.major"): the value, C text or
-- function, and the header that defines it; nil where none does.
function constants.find(name)
  local number = line(constants.volume "init", name)
  local words = line(constants.volume(number), name)
  local header = choose(words)
  local kind, rest = name:match "^(%l+)%.(.*)$"
  local value
  if not kind then
    value = headers.get(header, "constants", name)
  elseif kind == "macro" then
    value = constants.macro_of(header, rest)
  elseif SECTIONS[kind] then
    value = headers.get(header, SECTIONS[kind], kind == "typedef" and rest or kind .. " " .. rest)
  end
  if value ~= nil then
    return value, header
  end
end

-- The header that defines `name`, or nil.
function constants.header(name)
  local _, header = constants.find(name)
  return header
end

-- A constant's value, nil where no header has that name.
function constants.get(name)
  return (constants.find(name))
end

local made = {} -- header -> name -> function

-- A function-like macro of a header as a Lua function, nil where there is none that translates.
function constants.macro_of(header, name)
  made[header] = made[header] or {}
  local fn = made[header][name]
  if not fn and headers.texts(header, "macros")[1] then
    fn = headers.get(header, "macros", name, require "callgate.macro")
    fn = fn and require "callgate.guard"(name, fn)
    made[header][name] = fn
  end
  return fn
end

-- A function-like macro of whatever header defines it.
function constants.macro(name)
  return (constants.find("macro." .. name))
end

-- Whether `name` is spelled like the constants of a declared group, a row of groups.lua.
function constants.belongs(row, name)
  return name:sub(1, #row.prefix) == row.prefix and not (row.except and row.except[name])
end

-- The value of a constant of a declared group (groups.lua), by C's name; nil where the group has no such constant.
function constants.of_group(group, name)
  local row = require("callgate.groups")[group]
  local value = row.names and row.names[name]
  for i = value == nil and constants.belongs(row, name) and #row.headers or 0, 1, -1 do
    value = headers.get(row.headers[i], "constants", name)
    if value ~= nil then
      return value
    end
  end
  return value
end

-- constants.names, any, group, headers, of and h are for listings and for who asks by header: see listing.lua.
return setmetatable(constants, {
  __index = function(self, name)
    for key, value in pairs(require "callgate.listing") do
      rawset(self, key, value)
    end
    return rawget(self, name)
  end,
})
