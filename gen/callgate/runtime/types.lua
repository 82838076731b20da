-- Records of the headers as LuaJIT types: S.t.timespec(1.5), S.t.stat(), S.s.stat.
--
-- A record is declared when it is first wanted, under a private tag, with all it refers to. LuaJIT keeps
-- a tag and its metatable for ever, so copies of the library in one VM share what they declare, and
-- copies of different versions use different prefixes: they may know different layouts.

local ffi = require "ffi"
local constants = require "callgate.constants"
local headers = require "callgate.headers"
local record = require "callgate.record"

local types = {}

local NONE = {}

local target = require "callgate.target"
local copies = require "callgate.shared"
local version = ("%s, Linux %s on %s"):format(target.version, target.kernel, target.name)
local mine = copies.types[version]
if not mine then
  copies.versions = copies.versions + 1
  mine = { prefix = copies.versions == 1 and "callgate_" or ("callgate%d_"):format(copies.versions) }
  mine.ctypes, mine.texts, mine.twins = {}, {}, record.twins
  copies.types[version] = mine
end
record.twins = mine.twins

local prefix = mine.prefix
local ctypes = mine.ctypes -- "struct stat" -> ctype
local texts = mine.texts -- "struct stat" -> the text of its declaration

local RECORDS = { "struct", "union" }

-- Where the tag begins of the next record of that kind which `text` names from `at` on. Found without patterns: those
-- look at each character, which took a third of the time of a large record's first touch.
local function tag_in(text, kind, at)
  local word = kind .. " "
  local first, last = text:find(word, at, true)
  while first and (first > 1 and text:find("^[%w_]", first - 1) or not text:find("^[%a_]", last + 1)) do
    first, last = text:find(word, last + 1, true)
  end
  return last and last + 1
end

-- `struct NAME` and `union NAME` in C text, renamed.
local function private(text)
  for _, kind in ipairs(RECORDS) do
    local parts, from, tag = {}, 1, tag_in(text, kind, 1)
    while tag do
      parts[#parts + 1] = text:sub(from, tag - 1)
      from, tag = tag, tag_in(text, kind, tag)
    end
    parts[#parts + 1] = text:sub(from)
    text = table.concat(parts, prefix)
  end
  return text
end

types.private = private

-- The text of a record and the header that has it. It is mostly one of those in `near`, a list of headers, which saves
-- asking the index: a name is one record's alone.
local function find_record(key, near)
  for i = #near, 1, -1 do
    local text = headers.get(near[i], "records", key)
    if text then
      return text, near[i]
    end
  end
  local text, header = constants.find((key:gsub(" ", ".")))
  near[#near + 1] = header
  return text, header
end

-- Puts what `key` ("struct stat") is made of into `order`, members first. What it only points to goes
-- to `later`: C takes a pointer to a tag that is not complete yet, and records may point at each other.
local function collect(key, order, later, seen, near)
  if texts[key] or seen[key] then
    return
  end
  local text, header = find_record(key, near)
  if not text then
    return -- incomplete in the headers, too: only pointers to it exist
  end
  seen[key] = { text, header }
  for _, kind in ipairs(RECORDS) do
    local at = tag_in(text, kind, 1)
    while at do
      local tag, star = text:match("^([%w_]+) ?(%*?)", at)
      if star == "*" then
        later[#later + 1] = kind .. " " .. tag
      else
        collect(kind .. " " .. tag, order, later, seen, near)
      end
      at = tag_in(text, kind, at)
    end
  end
  order[#order + 1] = key
end

-- The record that a row of types/index.lua has on this target; nil where it has none.
function types.record_of(row)
  local instead = row.instead
  return instead and target.is(instead.on) and instead.record or row.record
end

local function is_of(row, key)
  return row and (row.record == key or types.record_of(row) == key)
end

-- What types/index.lua adds to the record `key`: its friendly name, the kinds module, the prefix of its fields.
local function friendly(key)
  local index, name = require "callgate.types.index", key:match " (.*)$"
  local row = index[name]
  if not is_of(row, key) then
    local other = require "callgate.types.names"[key]
    row = other and index[other]
    if not is_of(row, key) then
      return name
    end
    name = other
  end
  return name, row.module, row.prefix
end

-- What loads a kinds module; nil where there is none. Most are of members that nobody looks at.
local function loader(module, start, text)
  return (module or start) and function()
    local row = module and require(module) or NONE
    return start and require "callgate.short"(row, start, text) or row
  end
end

local function declare(key)
  local order, later, seen, near = {}, { key }, {}, {}
  for _, name in ipairs(later) do -- which grows on the way
    collect(name, order, later, seen, near)
  end
  for _, name in ipairs(order) do
    if not texts[name] then
      local text, header = unpack(seen[name])
      ffi.cdef(private(name .. " " .. record.guarded(text) .. ";"))
      texts[name] = text
      ctypes[name] = ffi.typeof(private(name))
      local shown, module, start = friendly(name)
      record.metatype(ctypes[name], name:match "^%l+", shown, text, loader(module, start, text),
        headers.get(header, "accessors", name))
    end
  end
end

for _, fn in ipairs { tag_in, private, find_record, collect, friendly, declare } do
  jit.off(fn) -- see rows.lua
end

-- The ctype of a record by its C name ("struct stat"); nil where no header has it.
function types.record(key)
  if not ctypes[key] then
    declare(key)
  end
  return ctypes[key]
end

local function typedef(name)
  local text = constants.find("typedef." .. name)
  if not text then
    return nil
  end
  for kind, tag in text:gmatch "%f[%w_](%l+) ([%a_][%w_]*)" do
    if (kind == "struct" or kind == "union") and not types.record(kind .. " " .. tag) then
      ffi.cdef(private(("%s %s;"):format(kind, tag))) -- without a body: musl's pthread_t points to one
    end
  end
  return types.record(text) or ffi.typeof(private(text))
end

-- The type called `name`: a friendly name of types/index.lua, a struct, a union, a typedef.
local function find(name)
  local row = require("callgate.types.index")[name]
  if row and row.record then
    return types.record(types.record_of(row))
  elseif row then
    return require(row.module).type
  end
  return types.record("struct " .. name) or types.record("union " .. name) or typedef(name)
end

-- S.t.NAME: the ctype itself, for constructing, ffi.new, ffi.istype...; nil where there is no such type.
types.t = setmetatable({}, {
  __index = function(self, name)
    local found
    if name == "fd" then
      found = require("callgate.fd").type
    elseif name == "array" or name == "buffer" then
      found = types[name]
    else
      found = type(name) == "string" and find(name)
    end
    if found then
      rawset(self, name, found)
    end
    return found or nil
  end,
})

-- S.s.NAME: the size in bytes, without a flexible array's elements.
types.s = setmetatable({}, {
  __index = function(self, name)
    local ctype = types.t[name]
    local size = type(ctype) == "cdata" and ffi.sizeof(ctype) or nil
    if size then
      rawset(self, name, size)
    end
    return size
  end,
})

-- types.pt, pointer, array and buffer: see pointers.lua.
return setmetatable(types, {
  __index = function(self, name)
    for key, value in pairs(require "callgate.pointers") do
      rawset(self, key, value)
    end
    return rawget(self, name)
  end,
})
