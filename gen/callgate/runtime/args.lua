-- What callers pass -> what the kernel takes. A misuse is a Lua error that names the function, the
-- argument, the value and the nearest valid name; it never reaches the kernel.
--
-- Every converter is called as convert(value, call, position, label[, extra]): call, position and label
-- only for the message.

local ffi = require "ffi"
local bit = require "bit"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local known = require "callgate.known"
local memory = require "callgate.memory"
local record = require "callgate.record"

local fd_type, fd_ids = descriptors.type, descriptors.ids
local istype, typeof = ffi.istype, ffi.typeof
local tobit = bit.tobit
local lookup, one, cleared = flags.lookup, flags.one, flags.cleared
local either, without = flags.either, flags.without
local size_of, integer_of = memory.size, memory.number
local is_memory, is_writable, new_array = memory.is, memory.is_writable, memory.array
local interpreted, rooms, numbers = known.interpreted, known.rooms, known.descriptors

local misuse, expected = errors.misuse, errors.expected

local args = { misuse = misuse, expected = expected }

-- --- descriptors -----------------------------------------------------------------------------------

local function slow_fd(value, call, position, label)
  local number = descriptors.standard[value] or descriptors.number(value)
  if number == nil and type(value) == "cdata" then
    number = integer_of(value)
    number = number and number == tobit(number) and number or nil
  elseif number == -1 then
    misuse(call, position, label, "closed descriptor")
  end
  if number == nil then
    expected('a descriptor, its number, or "stdin", "stdout" or "stderr"', value, call, position, label)
  end
  return number
end

-- A descriptor: an object, a number, "stdin", "stdout" or "stderr".
function args.fd(value, call, position, label)
  if (istype(fd_type, value) or type(value) == "cdata" and fd_ids[tonumber(typeof(value))])
    and tonumber(value) == nil then -- a type has a number, and is no descriptor
    local number = value.fd
    if number >= 0 then
      if interpreted then
        numbers[value] = number
      end
      return number
    end
  elseif type(value) == "number" and value == tobit(value) then
    return value
  end
  return slow_fd(value, call, position, label)
end

local AT_FDCWD = -100 -- linux/fcntl.h: the same everywhere

-- A directory for relative paths; nil, or "fdcwd", is the working directory.
function args.dirfd(value, call, position, label)
  if value == nil or value == "fdcwd" then
    return AT_FDCWD
  elseif type(value) == "string" and not descriptors.standard[value] then
    return expected("a directory's descriptor, or nil for the working directory", value, call, position, label)
  end
  return args.fd(value, call, position, label)
end

-- --- numbers ---------------------------------------------------------------------------------------

local function whole(value)
  return type(value) == "number" and value % 1 == 0
end

-- A signed integer of 32 bits: a count, a process, a small number.
function args.int(value, call, position, label)
  if type(value) == "number" and value == tobit(value) then
    return value
  end
  local number = type(value) == "cdata" and integer_of(value)
  if number and number == tobit(number) then
    return number
  end
  return expected("an integer of 32 bits", value, call, position, label)
end

-- An unsigned integer of 32 bits; negative ones are taken as C does, -1 being 4294967295 ("no user").
function args.uint(value, call, position, label)
  local number = type(value) == "cdata" and integer_of(value) or value
  if whole(number) and number >= -2147483648 and number <= 4294967295 then
    return number < 0 and number + 4294967296 or number
  end
  return expected("an integer from 0 to 4294967295", value, call, position, label)
end

local MAX_EXACT = 9007199254740992 -- 2^53: beyond it a Lua number skips integers

-- A number of bytes, from 0.
function args.size(value, call, position, label)
  if type(value) == "number" and value >= 0 and value <= MAX_EXACT and value % 1 == 0 then
    return value
  end
  local number = type(value) == "cdata" and integer_of(value)
  if number and (istype("uint64_t", value) or (istype("int64_t", value) and value >= 0)) then
    return value
  end
  return expected("a size >= 0", value, call, position, label)
end

-- A signed quantity of 64 bits: an offset, a time in nanoseconds.
function args.long(value, call, position, label)
  if type(value) == "number" and value >= -MAX_EXACT and value <= MAX_EXACT and value % 1 == 0 then
    return value
  end
  local number = type(value) == "cdata" and integer_of(value)
  if number then
    return (istype("int64_t", value) or istype("uint64_t", value)) and value or number
  end
  return expected("an integer (a number, or int64_t beyond 2^53)", value, call, position, label)
end

-- A file's mode: 420, "0644" or "644" (octal), "u=rw,g=r,o=r", "rusr, wusr" (S_IRUSR...).
function args.mode(value, call, position, label)
  if type(value) == "string" then
    local number = require("callgate.mode").number(value)
    if number then
      return number
    end
  elseif type(value) == "number" and value >= 0 and value <= 65535 and value % 1 == 0 then
    return value
  end
  return expected('a mode such as "0644", "u=rw,g=r" or 420', value, call, position, label)
end

function args.boolean(value, call, position, label)
  if type(value) == "boolean" then
    return value and 1 or 0
  end
  return args.int(value, call, position, label)
end

-- --- names -----------------------------------------------------------------------------------------

-- " of O_*"; nothing where the names have no prefix in common.
local function of_group(group)
  local prefix = flags.prefix(group)
  return prefix ~= "" and (" of %s*"):format(prefix) or ""
end

-- Whether a number beyond 32 bits has no bit there but those of the group's names (CLONE_INTO_CGROUP).
local function is_wide(group, value)
  local all = 0
  for _, name in ipairs(flags.names(group)) do
    local one_bit = lookup(group, name)
    if type(one_bit) == "number" and one_bit > 4294967295 then
      all = either(all, one_bit)
    end
  end
  return without(value, all) <= 4294967295
end

local function slow_name(value, call, position, label, group)
  if type(value) == "string" then
    local _, unknown = lookup(group, value)
    return misuse(call, position, label, flags.unknown(group, unknown))
  end
  local number = type(value) == "cdata" and integer_of(value)
  if number then
    return number > -MAX_EXACT and number < MAX_EXACT and number or value
  elseif type(value) == "number" and value % 1 == 0 and value > 0 and value <= MAX_EXACT and is_wide(group, value) then
    return value
  end
  local wanted = type(value) == "number" and "a whole number of 32 bits" or "a number"
  return expected(("names%s or %s"):format(of_group(group), wanted), value, call, position, label)
end

-- Flags that combine: a number, "rdwr, creat", "O_RDWR|O_CREAT", nil for none.
function args.flags(value, call, position, label, group)
  if value == nil then
    return 0
  elseif type(value) == "string" then
    local number = lookup(group, value)
    if number then
      return number
    end
  elseif type(value) == "number" and value % 1 == 0 and value >= -2147483648 and value <= 4294967295 then
    return value < 0 and value + 4294967296 or value -- what LuaJIT's bit operations return is signed
  end
  return slow_name(value, call, position, label, group)
end

-- The same where the library sets flags by default, to numbers too ("cloexec": as Python's os.open does);
-- "~cloexec" turns it off.
function args.flags_with(value, call, position, label, group, default)
  if value == nil then
    return default
  end
  local number = args.flags(value, call, position, label, group)
  if type(value) == "string" then
    default = without(default, cleared(group, value))
  end
  return either(number, default)
end

-- One value of a set: a number or its name.
function args.choice(value, call, position, label, group)
  if type(value) == "string" then
    local number, unknown = one(group, value)
    if number then
      return number
    elseif not unknown then
      return expected("one name" .. of_group(group), value, call, position, label)
    end
  elseif type(value) == "number" and value % 1 == 0 and value >= -2147483648 and value <= 4294967295 then
    return value
  end
  return slow_name(value, call, position, label, group)
end

-- --- text ------------------------------------------------------------------------------------------

local text_box = ffi.new "const char *[1]"

local function put(value)
  text_box[0] = value
end

-- Whether `value` is memory that C takes for text: char or byte arrays and pointers.
local function is_text(value)
  return is_memory(value) and (pcall(put, value))
end

-- A path or another string for the kernel, which ends it at a zero byte: one inside is a misuse.
function args.path(value, call, position, label)
  if type(value) == "string" then
    if value:find("\0", 1, true) then
      misuse(call, position, label, "a path cannot contain a zero byte: " .. errors.shown(value))
    end
    known.keep_path(value)
    return value
  elseif is_text(value) then
    return value -- a char buffer of the caller's
  end
  return expected("a path (a string)", value, call, position, label)
end

function args.optional_path(value, call, position, label)
  if value == nil then
    return nil
  end
  return args.path(value, call, position, label)
end

-- A string for the kernel that is not a path.
function args.string(value, call, position, label)
  if type(value) == "string" then
    if value:find("\0", 1, true) then
      misuse(call, position, label, "cannot contain a zero byte: " .. errors.shown(value))
    end
    return value
  elseif is_text(value) then
    return value
  end
  return expected("a string", value, call, position, label)
end

-- --- memory ----------------------------------------------------------------------------------------

local function no_memory(wanted, value, call, position, label)
  if type(value) == "cdata" and memory.regions[tonumber(typeof(value))] then
    wanted = wanted .. ', which region:as("uint8_t", offset) is'
  end
  return expected(wanted, value, call, position, label)
end

-- What the kernel reads: a string or a buffer.
function args.data(value, call, position, label)
  if type(value) == "string" then
    return value
  elseif is_memory(value) then
    if interpreted and is_writable(value) then
      rooms[value] = size_of(value) or nil
    end
    return value
  end
  return no_memory("a string or a buffer", value, call, position, label)
end

-- What the kernel writes to: a buffer. A string is Lua's own and must not change.
function args.buffer(value, call, position, label)
  if is_writable(value) then
    if interpreted then
      rooms[value] = size_of(value) or nil
    end
    return value
  end
  return no_memory("a buffer (cdata)", value, call, position, label)
end

-- A pointer of any kind, nil for none; to at least `least` bytes as far as one can know.
function args.pointer(value, call, position, label, least)
  if value == nil then
    return nil -- a null pointer may be of a type that C does not convert
  elseif is_writable(value) then
    local size = least and size_of(value)
    if size and size < least then
      misuse(call, position, label, ("%d bytes are too few: the kernel takes them for %d"):format(size, least))
    end
    return value
  end
  return expected("a pointer (cdata) or nil", value, call, position, label)
end

local function slow_length(count, call, position, label, data, room)
  count = count == nil and room or count
  if not count then
    return expected("a size: a pointer does not tell how much it points to", count, call, position, label)
  end
  count = args.size(count, call, position, label)
  if room and count > room then
    misuse(call, position, label, ("%s bytes, but %s has %d"):format(tostring(count),
      type(data) == "string" and "the string" or "the buffer", room))
  end
  return count
end

-- How many bytes of `data` to use: `count`, by default all of a string or buffer; never more than
-- there are. How far a pointer may go only its owner knows.
function args.length(count, call, position, label, data)
  local room = rooms[data] or type(data) == "string" and #data or size_of(data)
  if type(count) == "number" and count >= 0 and count % 1 == 0 and count <= (room or MAX_EXACT) then
    return count
  end
  return slow_length(count, call, position, label, data, room)
end

-- What users know a record by.
local function record_name(ctype)
  local name = tostring(ctype):gsub("^ctype<", ""):gsub(">$", ""):gsub("callgate%d*_", ""):gsub("^struct ", "")
  return require("callgate.types.names")["struct " .. name] or name
end

local function one_of(ctype)
  local name = record_name(ctype)
  return (name:find "^[aeiou]" and "an " or "a ") .. name
end

-- A record with elements in its flexible array is of a type of its own.
local function is_twin(value, ctype)
  return type(value) == "cdata" and record.twins[tonumber(typeof(value))] == ctype
end

local function slow_record(value, call, position, label, ctype)
  if is_twin(value, ctype) then
    return value
  end
  if value ~= nil and not (type(value) == "cdata" and tostring(value):find "^ctype<") then
    local ok, made = pcall(ctype, value)
    if ok then
      return made
    elseif not tostring(made):find(record.UNFIT, 1, true) then -- the constructor knows better what is wrong
      local text, name = tostring(made):gsub("^[^:\n]*:%d+: ", ""), record_name(ctype) .. ": "
      local bare = text:sub(1, #name) == name and text:sub(#name + 1)
      return misuse(call, position, label, bare and not bare:find '^field "' and bare or text)
    end
  end
  return expected(one_of(ctype) .. " or what makes one", value, call, position, label)
end

-- A record of that type: one, a pointer to one, or what its constructor takes.
function args.record(value, call, position, label, ctype)
  if istype(ctype, value) and tonumber(value) == nil then -- a type has a number, and is no record
    known.keep_record(ctype, value)
    return value
  end
  return slow_record(value, call, position, label, ctype)
end

-- Like record, with nil for none.
function args.optional_record(value, call, position, label, ctype)
  if value == nil then
    return nil -- a null pointer may be of a type that C does not convert
  elseif istype(ctype, value) and tonumber(value) == nil then
    return value
  end
  return slow_record(value, call, position, label, ctype)
end

-- A record that the kernel fills in: the caller's, or a new one.
function args.out(value, call, position, label, ctype)
  if istype(ctype, value) and tonumber(value) == nil then
    known.keep_record(ctype, value)
    return value
  elseif value == nil then
    return ctype()
  elseif is_twin(value, ctype) then
    return value
  end
  return expected(one_of(ctype) .. " to fill in", value, call, position, label)
end

-- How many items a list has. Lua counts one with holes as it likes: what lies behind a hole would be dropped, or be
-- zeros to the kernel.
function args.count(items, call, position, label, what)
  local count = math.floor(table.maxn(items))
  for i = 1, count do
    if type(items[i]) == "nil" then
      expected(what, nil, call, position, ("%s[%d]"):format(label, i))
    end
  end
  return count
end

-- --- arguments that C declares otherwise than they are used -------------------------------------------

-- A string for the kernel, or nil for none.
function args.optional_string(value, call, position, label)
  if value == nil then
    return nil
  end
  return args.string(value, call, position, label)
end

-- What the kernel reads, or nil for nothing.
function args.optional_data(value, call, position, label)
  if value == nil then
    return nil
  end
  return args.data(value, call, position, label)
end

-- A new buffer of as many bytes as the caller asks for.
function args.new_buffer(size, call, position, label)
  size = args.size(size, call, position, label)
  local buffer = new_array("uint8_t[?]", size)
  if not buffer then
    misuse(call, position, label, ("no memory for a buffer of %s bytes"):format(errors.shown(size)))
  end
  return buffer, size
end

ffi.cdef [[
void *callgate_scratch_malloc(size_t) __asm__("malloc");
void callgate_scratch_free(void *) __asm__("free");
]]

local C = ffi.C
local MOST = 2147479552 -- MAX_RW_COUNT of linux/fs.h: no call moves more bytes at once
local KEPT = 1048576 -- a larger scratch buffer is not kept
local scratch, scratch_size = ffi.new("char[?]", 4096), 4096

-- A buffer for a call whose bytes become a string at once, the same one again and again, and how many
-- of `size` bytes it has room for.
function args.scratch(size)
  if size <= scratch_size then
    return scratch, size
  end
  size = tonumber(size <= MOST and size or MOST)
  if size > KEPT then -- most of it may never be touched: LuaJIT would fill it with zeros
    local memory_of = C.callgate_scratch_malloc(size)
    if memory_of == nil then
      errors.raise(("no memory for a buffer of %d bytes"):format(size))
    end
    return ffi.gc(ffi.cast("char *", memory_of), C.callgate_scratch_free), size
  end
  scratch, scratch_size = new_array("char[?]", size), size
  return scratch, size
end

-- address, word and source: see addresses.lua.
return setmetatable(args, {
  __index = function(self, name)
    for key, convert in pairs(require "callgate.addresses") do
      rawset(self, key, convert)
    end
    return rawget(self, name)
  end,
})
