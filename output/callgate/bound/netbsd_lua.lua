-- luacheck: no max line length
-- <sys/lua.h> for LuaJIT
-- Written by Callgate 0.1.0 for x86_64-netbsd, aarch64-netbsd, i386-netbsd.
-- Do not edit it: `callgate bind` writes it again. It needs LuaJIT's ffi and bit, and nothing else.

local B = {
  name = "netbsd_lua",
  machines = "64bit 32bit",
  systems = "",
  by_abi = true,
  libraries = {  },
  prefixes = {  },
  sections = { "constants", "addresses", "functions", "symbols", "variables", "aliases", "typedefs", "records", "accessors", "left", "macro_names" },
  constants = {
    MAX_LUA_NAME = 16,
    MAX_LUA_DESC = 64,
    LUA_MAX_MODNAME = 32,
    LUACREATE = 0xc0506c01,
    LUADESTROY = 0xc0506c02,
    LUAREQUIRE = 0xc0306c03,
    LUALOAD = 0xc4106c04,
  },
  records = {
    ["struct lua_create"] = [[a42515e2c2 {
  char name[16];
  char desc[64];
}]],
    ["struct lua_info"] = [[5fd9a28569 {
  int num_states;
  struct lua_state_info *states;
}]],
    ["struct lua_load"] = [[50db30a417 {
  char state[16];
  char path[1024];
}]],
    ["struct lua_require"] = [[1ae5791cfc {
  char state[16];
  char module[32];
}]],
    ["struct lua_state_info"] = [[98ab045f50 {
  char name[16];
  char desc[64];
  _Bool user;
}]],
  },
  deltas = {
    {
      on = "64bit",
      constants = {
        LUAINFO = 0xc0106c00,
      },
    },
    {
      on = "32bit",
      constants = {
        LUAINFO = 0xc0086c00,
      },
    },
  },
}

-- --- the loader: the same in every bound file ------------------------------------------------------------

-- luacheck: globals B

local ffi = require "ffi"

-- What is so on this machine only.
local word = B.by_abi and (ffi.abi "64bit" and "64bit" or "32bit") or ffi.arch
local function has(words, one)
  return (" " .. words .. " "):find(" " .. one .. " ", 1, true) ~= nil
end
if not has(B.machines, word) or not (B.by_abi or has(B.systems, ffi.os)) then
  local here = ("%s on %s"):format(ffi.arch, ffi.os)
  error(("%s is bound for %s on %s, not for %s"):format(B.name, B.machines, B.systems, here), 0)
end
for _, section in ipairs(B.sections) do
  B[section] = B[section] or {}
  for _, delta in ipairs(B.deltas) do
    for name, text in pairs(has(delta.on, word) and delta[section] or {}) do
      B[section][name] = text
    end
  end
end

local M = B.constants

-- Private names say what they mean: a record's has the hash of its text and of all it refers to, a
-- function's its whole prototype. So whoever declares one again, this file loaded twice or another
-- file, declares the same.
local escaped = setmetatable({}, {
  __index = function(self, char)
    local text = ("_%02x"):format(char:byte())
    self[char] = text
    return text
  end,
})

local pending = {} -- records that a text has mentioned, and that are still to be declared

local function tags(kind)
  return setmetatable({}, {
    __index = function(self, name)
      local key = kind .. " " .. name
      local tag = ("%s cg_%s_%s"):format(kind, B.records[key]:match "^%x+", name)
      ffi.cdef(tag .. ";")
      pending[#pending + 1] = key
      self[name] = tag
      return tag
    end,
  })
end

local structs, unions = tags "struct", tags "union"

local function private(text)
  text = text:gsub("struct ([%a_][%w_]*)", structs)
  return text:find("union ", 1, true) and text:gsub("union ([%a_][%w_]*)", unions) or text
end

local declared = {} -- "struct z_stream_s" -> true

local complete

-- Declares the records that a record has in it; what it points at may come later.
local function complete_members(body, pattern)
  for key, following in body:gmatch(pattern) do
    if following ~= "*" then
      complete(key)
    end
  end
end

function complete(key)
  local body = not declared[key] and B.records[key]:match "^%x+ (.+)"
  declared[key] = true
  if not body then
    return -- of which only pointers exist
  end
  local text = private(key .. " " .. body .. ";")
  complete_members(body, "(struct [%a_][%w_]*) ?(%S)")
  if body:find("union ", 1, true) then
    complete_members(body, "(union [%a_][%w_]*) ?(%S)")
  end
  local ctype = ffi.typeof(private(key))
  if not ffi.sizeof(ctype, 0) then -- else another copy has declared it
    ffi.cdef(text)
    if B.accessors[key] then
      B.bit_fields(ffi, ctype, B.accessors[key])
    end
  end
end

-- C text with private names, all that it leads to declared.
local function declare(text)
  text = private(text)
  while pending[1] do
    complete(table.remove(pending))
  end
  return text
end

local function typeof(text)
  return ffi.typeof(declare(text))
end

local function load(name)
  local loaded, found = pcall(ffi.load, name)
  if not loaded and name:find "^[^/]+%.[^/]+$" and not name:find "%.so" then
    local again, other = pcall(ffi.load, name .. ".so") -- LuaJIT adds no ending to glib-2.0
    if again then
      return again, other
    end
  end
  return loaded, found
end

local libraries = { not B.libraries[1] and ffi.C or nil } -- those that are loaded
local absent = {} -- why the others are not
local tried = 0

-- The library of that number, of those that can be loaded: what is searched when the ones before it have not what is
-- wanted. nil past the last one.
local function library(number)
  while not libraries[number] and tried < #B.libraries do
    tried = tried + 1
    local loaded, found = load(B.libraries[tried])
    local list = loaded and libraries or absent
    list[#list + 1] = loaded and found or tostring(found)
  end
  return libraries[number]
end

local function symbol_of(lib, id)
  return lib[id]
end

local function no_symbol(real)
  local why = table.concat(absent, "; ")
  if not libraries[1] then
    error(("%s: no library: %s"):format(B.name, why), 0)
  end
  local where = B.libraries[1] and table.concat(B.libraries, ", ") or "this process: bind it with --library NAME"
  error(("%s: %s is in the headers, but not in %s%s"):format(B.name, real, where, why ~= "" and ": " .. why or ""), 0)
end

-- The private name of a function or a variable, declared, and the library that has it.
local function symbol(name, text)
  local real = B.symbols[name] or name
  local own = declare(text)
  local id = "cg_" .. (real .. " " .. own):gsub("%W", escaped)
  local number, is_declared = 1, false
  while library(number) do
    local found, value = pcall(symbol_of, library(number), id)
    if not found and not is_declared then
      ffi.cdef(("%s __asm__(%q);"):format(own:gsub("%$", id), real))
      is_declared = true
      found, value = pcall(symbol_of, library(number), id)
    end
    if found then
      return library(number), id, value
    end
    number = number + 1
  end
  return no_symbol(real)
end

-- --- types -----------------------------------------------------------------------------------------------

local function is_there(value)
  return type(value) ~= "nil" -- a null pointer equals nil
end

local function with_prefixes(name, find)
  local found = find(name)
  for _, prefix in ipairs(is_there(found) and {} or B.prefixes) do
    found = find(prefix .. name)
    if is_there(found) then
      break
    end
  end
  return found
end

local function type_called(name)
  local text = B.typedefs[name]
  if text then
    return typeof(text)
  end
  for _, kind in ipairs { "", "struct ", "union ", "enum " } do
    local key = kind .. name
    if B.records[key] then
      return typeof(key)
    elseif B.typedefs[key] then
      return typeof(B.typedefs[key])
    end
  end
  local of = name:match "^declaration (.*)" -- the type that a name is told to have
  text = of and (B.functions[of] or B.variables[of] or B.typedefs[of])
  return text and typeof((text:gsub("%$", "")))
end

-- The nearest of the names that the file has.
local function nearest(name, ...)
  local best, least = nil, math.max(2, math.floor(#name / 3)) + 1
  for _, names in ipairs { ... } do
    for other in pairs(names) do
      if math.abs(#other - #name) < least then
        local row = {}
        for j = 0, #other do
          row[j] = j
        end
        for i = 1, #name do
          local before = row[0]
          row[0] = i
          for j = 1, #other do
            local cost = name:byte(i) == other:byte(j) and 0 or 1
            before, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, before + cost)
          end
        end
        if row[#other] < least or (row[#other] == least and best and other < best) then
          best, least = other, row[#other]
        end
      end
    end
  end
  return best
end

local function unknown(what, name, ...)
  name = tostring(name)
  local why = with_prefixes(name, function(whole)
    return B.left[whole]
  end)
  if why then
    return error(("%s: %s is left out: %s"):format(B.name, name, why), 3)
  end
  local near = nearest(name, ...)
  local hint = near and ("; did you mean %q?"):format(near) or ""
  return error(("%s: no %s %q%s"):format(B.name, what, name, hint), 3)
end

local function untagged(names)
  local found = {}
  for name in pairs(names) do
    found[name:match "[%w_]+$"] = true
  end
  return found
end

M.t = setmetatable({}, {
  __index = function(self, name)
    local found = type(name) == "string" and with_prefixes(name, type_called)
    if not found then
      return unknown("type", name, untagged(B.typedefs), untagged(B.records))
    end
    rawset(self, name, found)
    return found
  end,
})

-- Lua numbers go to the `...` of variadic functions as double: these make C's integers of them.
local casts = { int = "int", unsigned = "unsigned int", long = "long", size_t = "size_t", double = "double" }
for name, ctype in pairs(casts) do
  M[name] = ffi.typeof(ctype)
end

-- --- names -----------------------------------------------------------------------------------------------

local macros

local function macro(name)
  if not macros then
    local modules = {
      ffi = ffi,
      bit = require "bit",
      ["callgate.errors"] = {
        raise = function(text)
          error(text, 3)
        end,
      },
      ["callgate.types"] = { t = M.t, record = function(key)
        return B.records[key] and typeof(key)
      end },
    }
    macros = B.macros(B.helpers(function(module)
      return modules[module]
    end), M)
  end
  return macros[name]
end

local function find(name)
  local text = B.functions[name]
  if text then
    return (select(3, symbol(name, text)))
  end
  text = B.addresses[name]
  if text then
    local kind, value = text:match "^(.*) = (%-?%d+)$"
    return ffi.cast(typeof(kind), ffi.cast("intptr_t", loadstring(("return %sLL"):format(value))()))
  end
  local other = B.aliases[name]
  if other and not B.variables[other] then -- a variable has another value next time
    return M[other]
  end
  if B.macro_names[name] then
    return macro(B.macro_names[name])
  end
end

-- A constant by its whole name, where the file has it without the prefix.
local function unstripped(name)
  for _, prefix in ipairs(B.prefixes) do
    if name:sub(1, #prefix) == prefix then
      return rawget(M, name:sub(#prefix + 1))
    end
  end
end

local function variable(name)
  local real = B.aliases[name] or name
  local text = B.variables[real]
  return text and { symbol(real, text) }
end

local places = {} -- variable -> { library, private name }

local function place_of(name)
  local place = places[name] or with_prefixes(name, variable)
  places[name] = place
  return place
end

return setmetatable(M, {
  __index = function(_, name)
    local known = places[name]
    if known then
      return known[1][known[2]] -- its value now
    elseif type(name) == "string" then
      local found = with_prefixes(name, find)
      if not is_there(found) then
        found = unstripped(name)
      end
      if is_there(found) then
        rawset(M, name, found)
        return found
      end
      local place = place_of(name)
      if place then
        return place[1][place[2]]
      end
    end
    return unknown("name", name, M, B.functions, B.macro_names, B.variables, B.addresses, B.aliases)
  end,
  __newindex = function(_, name, value)
    local place = type(name) == "string" and place_of(name)
    if place then
      place[1][place[2]] = value
    else
      return unknown("variable", name, B.variables)
    end
  end,
})
