-- Calls whose operation decides what their arguments are: prctl, ptrace, arch_prctl, io_uring_register
-- (operations/*.lua, from spec/operations).

local ffi = require "ffi"
local args = require "callgate.args"
local arrays = require "callgate.behaviour.arrays"
local constants = require "callgate.constants"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local operations = require "callgate.behaviour.operations"
local sys = require "callgate.sys"
local target = require "callgate.target"
local types = require "callgate.types"

local cast = ffi.cast
local name_t = ffi.typeof "char[16]" -- linux/sched.h: TASK_COMM_LEN
local MOST_BYTES = 16384 -- more than any set of registers has

-- --- one argument --------------------------------------------------------------------------------------

-- Memory as the number that C declares.
local function address(memory)
  return cast("uintptr_t", cast("const void *", type(memory) == "string" and cast("const char *", memory) or memory))
end

local function bytes(data, call, position)
  local iov = types.t.iovec()
  iov.iov_base = cast("void *", type(data) == "string" and cast("const char *", data) or data)
  iov.iov_len = args.length(nil, call, position, "argument", data)
  return iov
end

-- how -> function(part, value, call, position) -> the word that the kernel gets, the memory that it points to
local how = {}

function how.word(_, value, call, position)
  return args.word(value, call, position, "argument"), value
end

how[""] = how.word
how.address = how.word

function how.value(part, value, call, position)
  if type(value) == "string" then
    return args.expected("a number", value, call, position, "argument")
  end
  return how.word(part, value, call, position)
end

function how.choice(part, value, call, position)
  return value == nil and 0 or args.choice(value, call, position, "argument", flags.group(part.kind))
end

function how.flags(part, value, call, position)
  return args.flags(value, call, position, "argument", flags.group(part.kind))
end

-- The third result is how many elements there are: what "count" after it stands for.
function how.array(part, value, call, position)
  local array, count = arrays.make(part.kind, value, call, position, "argument")
  return address(array), { array, value }, count
end

how["in"] = function(part, value, call, position)
  if value == nil and part.optional then
    return 0
  elseif part.kind == "bytes" then
    local iov = bytes(args.data(value, call, position, "argument"), call, position)
    return address(iov), { iov, value }
  end
  local data = operations.input(part.kind, value, call, position, "argument")
  return address(data), data
end

function how.out(part, value, call, position)
  if part.kind == "name" then
    local buffer = value
    if value == nil then
      buffer = name_t()
    else
      args.length(ffi.sizeof(name_t), call, position, "argument", args.buffer(value, call, position, "argument"))
    end
    return address(buffer), buffer
  elseif part.kind == "bytes" then
    local buffer = value == nil and ffi.new("char[?]", MOST_BYTES) or args.buffer(value, call, position, "argument")
    local iov = bytes(buffer, call, position)
    return address(iov), { iov = iov, buffer = buffer, given = value }
  elseif value ~= nil then
    return how["in"](part, value, call, position)
  end
  local data = operations.output(part.kind)
  return address(data), data
end

function how.both(part, value, call, position)
  return (value == nil and how.out or how["in"])(part, value, call, position)
end

-- --- what comes back -----------------------------------------------------------------------------------

local function value_of(kind, data)
  if kind == "name" then
    return ffi.string(data)
  elseif kind == "bytes" then
    return data.given or ffi.string(data.buffer, data.iov.iov_len)
  end
  return operations.value(kind, data)
end

local function finish(row, result, kind, data)
  if row.result == "fd" then
    return operations.descriptor(row, result)
  elseif kind then
    local value = value_of(kind, data)
    if row.result == "boolean" then
      return value ~= 0
    elseif row.result == "number" then
      return exact(result), value
    end
    return value
  elseif row.result == "boolean" then
    return result ~= 0
  elseif row.result == "number" then
    return exact(result)
  end
  return true
end

-- --- rows ----------------------------------------------------------------------------------------------

local UNTYPED = { parts = {}, result = "number" }
for i = 1, 5 do
  UNTYPED.parts[i] = { how = "word" }
end

local WORDS = { name = true, bytes = true, string = true, path = true, data = true } -- kinds that are no records

-- Whether a part is of a record that this machine's headers lack.
local function is_unknown(part)
  local record = part.how == "out" or part.how == "in" or part.how == "both"
  return record and not WORDS[part.kind] and not operations.SCALARS[part.kind] and types.t[part.kind] == nil
end

-- { parts = { { how = "out", kind = "siginfo" }... }, result = "number" } of the text of a row of `call`.
local function read(text, call)
  local head, last = text:match "^(.-) ?(%-> [%w_ ]+)$"
  local row = operations.read(last or "")
  row.parts = {}
  for part in (head or text):gmatch "[^,]+" do
    part = operations.read(part:match "^%s*(.-)%s*$")
    if is_unknown(part) then
      return UNTYPED
    end
    if part.how ~= "none" then
      if part.how == "size" then
        part.size = types.s[part.kind]
      end
      part.optional = call == "prctl" and #row.parts > 0 -- a name of memory, a filter that strict mode has none of
      row.parts[#row.parts + 1] = part
    end
  end
  return row
end

-- Rows by number, since an operation may be given as one; read when they are first used.
local function by_number(name)
  local texts, rows = {}, {}
  for operation, text in pairs(require("callgate.operations." .. name)) do
    local number = constants.get(operation)
    if number then
      texts[number] = text
    end
  end
  return function(number)
    local row = rows[number]
    if not row then
      row = texts[number] and read(texts[number], name) or UNTYPED
      rows[number] = row
    end
    return row
  end
end

-- Makes the function of a call with `most` arguments beyond the operation; `label` is what it calls that, and
-- `name_of` makes what converts it. With `pointer` a descriptor comes before the operation, and C declares the first
-- argument after it as a pointer.
local function maker(call, name_of, label, most, pointer)
  local before = pointer and 2 or 1 -- arguments in front
  local function prepare()
    local raw = sys[call]
    local convert = name_of()
    local row_of = by_number(call)
    return function(fd, operation, ...)
      local fd_number = pointer and args.fd(fd, call, 1, "fd")
      operation = convert(operation, call, before, label)
      local row = row_of(operation)
      local words, kept, given, count, kind, data = {}, { ... }, 0, 0, nil, nil
      for i = 1, most do
        local part = row.parts[i]
        if not part then
          words[i] = 0
        elseif part.how == "count" then
          words[i] = count
        elseif part.size or tonumber(part.how) then
          words[i] = part.size or tonumber(part.how)
        else
          given = given + 1
          words[i], kept[given], count = how[part.how](part, kept[given], call, given + before)
          if part.how == "out" or part.how == "both" then
            kind, data = part.kind, kept[given]
          end
        end
      end
      local result
      if pointer then
        result = raw(fd_number, operation, cast("void *", words[1]), unpack(words, 2, most))
      else
        result = raw(operation, unpack(words, 1, most))
      end
      if result == -1 then
        return errors.fail(kept) -- which keeps what the words point to until here
      end
      return finish(row, result, kind, data)
    end
  end
  return function()
    if not target.numbers[call] then
      return nil -- as every call that this machine's table lacks
    end
    local perform = prepare()
    if pointer then
      return perform
    end
    return function(...)
      return perform(nil, ...)
    end
  end
end

-- The names of a group, and those of the rows themselves.
local function of_group(group)
  return function()
    local names = flags.group(group)
    return function(value, call, position, label)
      return args.choice(value, call, position, label, names)
    end
  end
end

local function of_rows(name, prefix, further)
  return function()
    return operations.named(name, prefix, further)
  end
end

-- S.prctl("set_name", "x"), S.prctl "get_name" -> "x"
-- S.ptrace("peekdata", pid, address) -> the word there
-- ring:register("files", { fd, fd2 }) -> true
return {
  prctl = maker("prctl", of_group "PR", "operation", 4),
  ptrace = maker("ptrace", of_group "PTRACE", "request", 3),
  arch_prctl = maker("arch_prctl", of_group "ARCH", "operation", 1),
  io_uring_register = maker("io_uring_register", of_rows("io_uring_register", "IORING_", "IORING_REGISTER_"),
    "operation", 2, true),
}
