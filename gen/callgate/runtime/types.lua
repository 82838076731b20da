-- Records of the headers as LuaJIT types: S.t.timespec(1.5), S.t.stat(), S.s.stat.
--
-- A record is declared when it is first wanted, under a private tag, with all it contains. Each
-- copy of the library that is loaded into one Lua VM takes a prefix of its own, so that copies, old
-- versions and reloads never meet.

local ffi = require "ffi"
local constants = require "callgate.constants"
local record = require "callgate.record"

local types = {}

local NONE = {}

local prefix, copy = "callgate_", 1
while ffi.sizeof("struct " .. prefix .. "library") do
  copy = copy + 1
  prefix = ("callgate%d_"):format(copy)
end
ffi.cdef(("struct %slibrary { int copy; };"):format(prefix))

local ctypes = {} -- "struct stat" -> ctype
local texts = {} -- "struct stat" -> the text of its declaration
local busy = {}

local function private(text)
  return (text:gsub("%f[%w_](%l+) ([%a_][%w_]*)", function(kind, tag)
    if kind == "struct" or kind == "union" then
      return kind .. " " .. prefix .. tag
    end
  end))
end

-- Declares `key` ("struct stat") and everything in it; false where no header has it.
local function declare(key)
  if texts[key] or busy[key] then
    return true
  end
  local module = constants.module((key:gsub(" ", ".")))
  local text = module and module.records[key]
  if not text then
    return false -- incomplete in the headers: only pointers to it exist
  end
  busy[key] = true
  for kind, tag in text:gmatch "%f[%w_](%l+) ([%a_][%w_]*)" do
    if kind == "struct" or kind == "union" then
      declare(kind .. " " .. tag)
    end
  end
  busy[key] = nil
  ffi.cdef(private(key .. " " .. text .. ";"))
  texts[key] = text
  return true
end

-- The ctype of a record by its C name ("struct stat"); nil where no header has it.
function types.record(key, row)
  local ctype = ctypes[key]
  if not ctype then
    if not declare(key) then
      return nil
    end
    local module = constants.module((key:gsub(" ", ".")))
    local accessors = module.accessors and module.accessors[key]
    ctype = ffi.metatype(private(key), record.metatype(key, texts[key], row or NONE, accessors))
    ctypes[key] = ctype
  end
  return ctype
end

-- The type called `name`: a friendly name of types/index.lua, a struct, a union, a typedef.
local function find(name)
  local row = require("callgate.types.index")[name]
  if row then
    local module = row.module and require(row.module) or NONE
    if not row.record then
      return module.type
    end
    return types.record(row.record, module)
  end
  if constants.header("struct." .. name) then
    return types.record("struct " .. name)
  elseif constants.header("union." .. name) then
    return types.record("union " .. name)
  end
  local module = constants.module("typedef." .. name)
  local text = module and module.typedefs[name]
  if text then
    local kind = text:match "^(%l+) [%a_][%w_]*$"
    if kind == "struct" or kind == "union" then
      return types.record(text)
    end
    return ffi.typeof(private(text))
  end
end

types.t = setmetatable({
  buffer = ffi.typeof "char[?]",
}, {
  __index = function(self, name)
    local found = type(name) == "string" and find(name)
    if found then
      rawset(self, name, found)
    end
    return found or nil
  end,
})

-- Sizes: S.s.stat.
types.s = setmetatable({}, {
  __index = function(self, name)
    local ctype = types.t[name]
    local size = ctype and ffi.sizeof(ctype)
    rawset(self, name, size)
    return size
  end,
})

-- The ctype of a pointer to a record, for reading what lies in a buffer.
function types.pointer(name)
  return ffi.typeof("$ *", types.t[name])
end

return types
