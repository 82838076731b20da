-- Records of the headers as LuaJIT types: S.t.timespec(1.5), S.t.stat(), S.s.stat.
--
-- A record is declared when it is first wanted, under a private tag, with all it refers to. LuaJIT keeps
-- a tag and its metatable for ever, so copies of the library in one VM share what they declare, and
-- copies of different versions use different prefixes: they may know different layouts.

local ffi = require "ffi"
local constants = require "callgate.constants"
local errors = require "callgate.errors"
local record = require "callgate.record"

local types = {}

local got, raise = errors.got, errors.raise
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
local rows -- types/index.lua by record: "struct stat" -> { name, module }

-- `struct NAME` and `union NAME` in C text, renamed.
local function private(text)
  text = text:gsub("%f[%w_]struct ([%a_][%w_]*)", "struct " .. prefix .. "%1")
  return (text:gsub("%f[%w_]union ([%a_][%w_]*)", "union " .. prefix .. "%1"))
end

types.private = private

-- Puts what `key` ("struct stat") is made of into `order`, members first. What it only points to goes
-- to `later`: C takes a pointer to a tag that is not complete yet, and records may point at each other.
local function collect(key, order, later, seen)
  if texts[key] or seen[key] then
    return
  end
  local module = constants.module((key:gsub(" ", ".")))
  local text = module and module.records and module.records[key]
  if not text then
    return -- incomplete in the headers, too: only pointers to it exist
  end
  seen[key] = text
  local plain = text:gsub("%f[%w_]const ", "")
  for kind, tag, star in plain:gmatch "%f[%w_](%l+) ([%a_][%w_]*) ?(%*?)" do
    if kind == "struct" or kind == "union" then
      if star == "*" then
        later[#later + 1] = kind .. " " .. tag
      else
        collect(kind .. " " .. tag, order, later, seen)
      end
    end
  end
  order[#order + 1] = key
end

-- The record that a row of types/index.lua has on this target; nil where it has none.
function types.record_of(row)
  local instead = row.instead
  return instead and target.is(instead.on) and instead.record or row.record
end

-- What types/index.lua adds to the record `key`: its friendly name, and the kinds module.
local function friendly(key)
  if not rows then
    rows = {}
    for name, row in pairs(require "callgate.types.index") do
      for _, tag in ipairs { row.record, types.record_of(row) } do
        local other = rows[tag]
        if not (other and other.name < name) then
          rows[tag] = { name = name, module = row.module, prefix = row.prefix }
        end
      end
    end
  end
  local row = rows[key]
  return row and row.name or key:match " (.*)$", row and row.module and require(row.module) or NONE, row and row.prefix
end

-- `module` with short names for the fields that begin with `start`: imr_ifindex is ifindex, too.
local function with_short(module, start, text)
  local more, aliases = {}, {}
  for key, value in pairs(module) do
    more[key] = value
  end
  for _, field in ipairs(require("callgate.show").fields(text)) do
    local short = field.name:sub(1, #start) == start and field.name:sub(#start + 1)
    if short and not (module.index and module.index[short]) then
      aliases[short] = field.name
    end
  end
  for name, field in pairs(module.aliases or NONE) do
    aliases[name] = field
  end
  more.aliases = aliases
  return more
end

local function declare(key)
  local order, later, seen, helpers = {}, { key }, {}, {}
  for _, name in ipairs(later) do -- which grows on the way
    collect(name, order, later, seen)
  end
  for _, name in ipairs(order) do
    helpers[name] = { friendly(name) } -- before anything is declared: loading one may declare others
  end
  for _, name in ipairs(order) do
    if not texts[name] then
      local accessors = constants.module((name:gsub(" ", "."))).accessors
      ffi.cdef(private(name .. " " .. record.guarded(seen[name]) .. ";"))
      texts[name] = seen[name]
      ctypes[name] = ffi.typeof(private(name))
      local shown, module, short = unpack(helpers[name])
      module = short and with_short(module, short, texts[name]) or module
      record.metatype(ctypes[name], name:match "^%l+", shown, texts[name], module,
        accessors and accessors[name])
    end
  end
end

-- The ctype of a record by its C name ("struct stat"); nil where no header has it.
function types.record(key)
  if not ctypes[key] then
    declare(key)
  end
  return ctypes[key]
end

local function typedef(name)
  local module = constants.module("typedef." .. name)
  local text = module and module.typedefs and module.typedefs[name]
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
  elseif constants.header("struct." .. name) then
    return types.record("struct " .. name)
  elseif constants.header("union." .. name) then
    return types.record("union " .. name)
  end
  return typedef(name)
end

-- S.t.NAME: the ctype itself, for constructing, ffi.new, ffi.istype...; nil where there is no such type.
types.t = setmetatable({
  buffer = ffi.typeof "char[?]",
}, {
  __index = function(self, name)
    local found = name == "fd" and require("callgate.fd").type or type(name) == "string" and find(name)
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

-- S.pt.NAME(p): p, a pointer or buffer of any type, as a pointer to NAME.
types.pt = setmetatable({}, {
  __index = function(self, name)
    local ctype = types.t[name]
    if not ctype then
      return nil
    end
    local pointer = ffi.typeof("$ *", ctype)
    local is_memory = require("callgate.memory").is
    local function cast(value)
      if not is_memory(value) then
        raise(("S.pt.%s: expected a pointer or a buffer, got %s"):format(name, got(value)))
      end
      return ffi.cast(pointer, value)
    end
    rawset(self, name, cast)
    return cast
  end,
})

-- The ctype of a pointer to a record, for reading what lies in a buffer.
function types.pointer(name)
  return ffi.typeof("$ *", types.t[name])
end

-- An array of records: S.t.array("epoll_event", 64), or with what each is made from:
-- S.t.array("timespec", { 1, 2.5 }). Elements count from 0, as in C.
function types.t.array(name, init)
  local ctype = types.t[name]
  if type(ctype) ~= "cdata" or require("callgate.shared").descriptors[tonumber(ctype)] then
    raise(("S.t.array: no type %q"):format(tostring(name)))
  end
  local count = type(init) == "table" and #init or init
  if type(count) ~= "number" or count < 0 or count % 1 ~= 0 then
    raise(("S.t.array: expected a count or a table, got %s"):format(tostring(init)))
  end
  local ok, array = pcall(ffi.new, ffi.typeof("$[?]", ctype), count)
  if not ok then
    raise(("S.t.array: no memory for %.0f of %s"):format(count, name))
  end
  for i = 1, type(init) == "table" and count or 0 do
    array[i - 1] = ctype(init[i])
  end
  return array
end

return types
