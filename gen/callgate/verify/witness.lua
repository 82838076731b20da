-- LuaJIT as a witness: what the generated library says of itself, one line of answer per line asked.
--
-- Reads questions from the file that is its argument, words separated by tabs, and writes to standard
-- output, values separated by tabs: i<decimal>, f<%.17g>, s<hexadecimal bytes>, or one !<reason>.
--
--   module HEADER          number of constants and of records; it is meant from here on
--   constant NAME          its value in that module
--   name NAME              the value that the index of names leads to
--   numbers                how many system calls there are
--   number NAME            a system call's number
--   record KEY             size, alignment; and that record is meant from here on
--   typedef NAME [signed]  size, alignment, signedness
--   declaration NAME       whether a bound file's function, object or type can be declared: 1
--   address NAME           a bound file's pointer as a number
--   field PATH PART...     of the record: offset, then what each PART asks (see `parts`)
--   bits PATH              of the record: position and width in bits, signedness
--
-- A field is measured by use: its bytes are those that change when all its bits are set.

-- Each question is asked once: there is nothing to compile, and some machines' compilers err or hang.
jit.off()

local ffi = require "ffi"

local file, bound = ... -- the questions; and the file of `callgate bind`, if they are about one
local constants, types
if bound then
  local binding = dofile(bound)
  types = { t = binding.t, record = function(key)
    return binding.t[key]
  end }
  constants = { get = function(name)
    return binding[name]
  end }
else
  constants, types = require "callgate.constants", require "callgate.types"
end

local WORD = 8 -- bytes of the largest scalar: memory is aligned to it
local SLACK = 256 -- bytes behind the record, where elements of flexible arrays lie

local module -- of the latest `module`
local record = {} -- of the latest `record`: ctype, size, memory, and where it lies there: buffer, pointer

-- --- values ------------------------------------------------------------------------------------------

local function encode(value)
  local kind = type(value)
  if kind == "string" then
    return "s" .. value:gsub(".", function(char)
      return ("%02x"):format(char:byte())
    end)
  elseif kind == "cdata" then
    return "i" .. tostring(value):match "^(-?%d+)U?LL$"
  elseif kind ~= "number" then
    error("it is " .. tostring(value), 0)
  elseif value % 1 == 0 and math.abs(value) < 2 ^ 63 then
    return ("i%.0f"):format(value)
  end
  return ("f%.17g"):format(value)
end

local function count(set)
  local n = 0
  for _ in pairs(set or {}) do
    n = n + 1
  end
  return n
end

-- --- memory ------------------------------------------------------------------------------------------

local function clear(byte)
  ffi.fill(record.buffer, record.size + SLACK, byte)
end

-- Places the record so that what lies at `offset` in it is aligned: ARM and MIPS fault on some accesses
-- that are not, as those to members of packed records are elsewhere.
local function place(offset)
  record.buffer = ffi.cast("uint8_t *", record.memory) + -offset % WORD
  record.pointer = ffi.cast(ffi.typeof("$ *", record.ctype), record.buffer)
end

local function address(value)
  return tonumber(ffi.cast("char *", value) - ffi.cast("char *", record.buffer))
end

-- The member that `path` ("a.b[0].c") leads to: what holds it, and its name or index there.
local function resolve(path)
  local holder, name = record.pointer or error("its record cannot be made", 0), nil
  for step in path:gmatch "[^.%[%]]+" do
    if name then
      holder = holder[name]
    end
    name = step == "0" and 0 or step
  end
  return holder, name
end

local function is_aggregate(value)
  return type(value) == "cdata" and tostring(ffi.typeof(value)):find("&", 1, true) ~= nil
end

-- Sets all bits of a scalar and no others; returns what it then reads as.
local function set_all(holder, name)
  clear(0xff)
  local ones = holder[name]
  if is_aggregate(ones) then
    error("it is " .. tostring(ffi.typeof(ones)) .. ", not a scalar", 0)
  end
  clear(0)
  -- A float of all ones is a NaN that LuaJIT does not make its own (lj_cconv.c: "numbers are NOT
  -- canonicalized here"): it reads as nil. Of 1/3 all bytes are set.
  -- RISC-V makes it the canonical NaN, of which some bytes are 0.
  if ones == nil or ones ~= ones then
    holder[name] = 1 / 3
  else
    holder[name] = ones
  end
  return ones
end

-- Offset and size in bytes of what is set in the buffer.
local function bytes_set()
  local bytes = ffi.string(record.buffer, record.size + SLACK)
  local first = bytes:find "[^%z]"
  if not first then
    error("setting it changes no byte", 0)
  end
  local _, last = bytes:find ".*[^%z]"
  return first - 1, last - first + 1
end

-- Position and width of the one run of bits that is set in the buffer, counted from the least
-- significant bit of the first byte; from the most significant one on big-endian machines.
local function bits_set()
  local offset, size = bytes_set()
  local first, last
  for i = 0, size * 8 - 1 do
    local byte, shift = record.buffer[offset + math.floor(i / 8)], i % 8
    if math.floor(byte / 2 ^ (ffi.abi "be" and 7 - shift or shift)) % 2 == 1 then
      first = first or i
      if last and last ~= i - 1 then
        error("its bits are not in one run", 0)
      end
      last = i
    end
  end
  return offset * 8 + first, last - first + 1
end

local function sign(ones)
  if type(ones) == "boolean" then
    return 0
  end
  return ones < 0 and 1 or 0
end

-- The offset that LuaJIT tells of a member; nil for those that the library adds to its type.
local function told_offset(holder, name)
  local whole = rawequal(holder, record.pointer) -- == compares addresses
  local offset, position, width = ffi.offsetof(whole and record.ctype or holder, name)
  return offset and offset + (whole and 0 or address(holder)), position, width
end

local function agree(told, seen, what)
  if told and told ~= seen then
    error(("LuaJIT tells the %s %d, but it is %d"):format(what, told, seen), 0)
  end
  return seen
end

-- --- the questions -----------------------------------------------------------------------------------

-- What may be asked of a field besides its offset. Each gets the field's holder, name and the number
-- behind the colon: how many array dimensions to go in.
local parts = {}

local function element(holder, name, depth)
  for _ = 1, depth do
    holder, name = holder[name], 0
  end
  return holder, name
end

local function size_at(holder, name, depth)
  holder, name = element(holder, name, depth)
  local value = holder[name]
  if is_aggregate(value) then
    return ffi.sizeof(value)
  end
  set_all(holder, name)
  local _, size = bytes_set()
  return size
end

parts.size = size_at

parts.element = size_at

function parts.length(holder, name, depth)
  return size_at(holder, name, depth - 1) / size_at(holder, name, depth)
end

function parts.signed(holder, name, depth)
  return sign(set_all(element(holder, name, depth)))
end

-- As resolve(), with the member aligned; and its offset, as told_offset() returns it.
local function resolve_aligned(path)
  place(0)
  local offset, position, width = told_offset(resolve(path))
  place(offset or 0)
  local holder, name = resolve(path)
  return holder, name, offset, position, width
end

local function ask_field(path, ...)
  local holder, name, told = resolve_aligned(path)
  local value = holder[name]
  local answers = {}
  if is_aggregate(value) then
    answers[1] = agree(told, address(value), "offset")
  else
    set_all(holder, name)
    answers[1] = agree(told, (bytes_set()), "offset")
  end
  for _, part in ipairs { ... } do
    local what, depth = part:match "^(%l+):(%d+)$"
    answers[#answers + 1] = parts[what](holder, name, tonumber(depth))
  end
  return unpack(answers)
end

local function ask_bits(path)
  local holder, name, offset, shift, told_width = resolve_aligned(path)
  local ones = set_all(holder, name)
  local position, width = bits_set()
  if shift and not ffi.abi "be" then
    agree(offset * 8 + shift, position, "position")
    agree(told_width, width, "width")
  end
  return position, width, sign(ones)
end

local function ask_record(key)
  record = { size = 0 }
  record.ctype = types.record(key)
  if not record.ctype then
    error("the library has no such record", 0)
  end
  -- of a record with a flexible array only the size with a number of elements is known
  record.size = ffi.sizeof(record.ctype, 0) or error("it has no size", 0)
  record.memory = ffi.new("uint8_t[?]", WORD + record.size + SLACK)
  place(0)
  return record.size, ffi.alignof(record.ctype)
end

local function ask_typedef(name, part)
  local ctype = types.t[name]
  if not ctype then
    error("the library has no such type", 0)
  end
  local size, align = ffi.sizeof(ctype, 0), ffi.alignof(ctype)
  if part == "signed" then
    return size, align, sign(tonumber(ffi.cast(ctype, -1LL)))
  end
  return size, align
end

local questions = {
  record = ask_record,
  field = ask_field,
  bits = ask_bits,
  typedef = ask_typedef,
  module = function(name)
    module = {}
    module = constants.of(name)
    return count(module.constants), count(module.records)
  end,
  constant = function(name)
    return module.constants[name]
  end,
  name = function(name)
    return constants.get(name)
  end,
  declaration = function(name)
    return types.t["declaration " .. name] and 1 or 0
  end,
  address = function(name)
    return ffi.cast("uintptr_t", constants.get(name)) + 0ULL
  end,
  numbers = function()
    return count(require("callgate.target").numbers)
  end,
  number = function(name)
    return require("callgate.target").numbers[name]
  end,
}

local function line_of(ok, ...)
  if not ok then
    return "!" .. tostring((...)):gsub("[\t\r\n]+", " ")
  end
  local values = { n = select("#", ...), ... }
  for i = 1, values.n do
    local encoded, text = pcall(encode, values[i])
    if not encoded then
      return "!" .. text
    end
    values[i] = text
  end
  return table.concat(values, "\t")
end

io.stdout:setvbuf "line" -- what was answered before a crash is not lost
for line in io.lines(file) do
  local words = {}
  for word in line:gmatch "[^\t]+" do
    words[#words + 1] = word
  end
  io.write(line_of(pcall(questions[words[1]], unpack(words, 2))), "\n")
end
