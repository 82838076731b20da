-- Calls whose operation decides what their arguments are: prctl, ptrace, arch_prctl (operations/*.lua, from
-- spec/operations.toml).

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local descriptors = require "callgate.fd"
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

local function bytes(data)
  local iov = types.t.iovec()
  iov.iov_base = cast("void *", type(data) == "string" and cast("const char *", data) or data)
  iov.iov_len = type(data) == "string" and #data or ffi.sizeof(data)
  return iov
end

-- how -> function(part, value, call, position) -> the word that the kernel gets, the memory that it points to
local how = {}

function how.value(_, value, call, position)
  return args.word(value, call, position, "argument"), value
end

how[""] = how.value
how.address = how.value

function how.choice(part, value, call, position)
  return value == nil and 0 or args.choice(value, call, position, "argument", flags.group(part.kind))
end

function how.flags(part, value, call, position)
  return args.flags(value, call, position, "argument", flags.group(part.kind))
end

how["in"] = function(part, value, call, position)
  if value == nil then
    return 0
  elseif part.kind == "bytes" then
    local iov = bytes(args.data(value, call, position, "argument"))
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
    local buffer = ffi.new("char[?]", MOST_BYTES)
    local iov = bytes(buffer)
    return address(iov), { iov = iov, buffer = buffer }
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
    return ffi.string(data.buffer, data.iov.iov_len)
  end
  return operations.value(kind, data)
end

local function finish(row, result, kind, data)
  if row.result == "fd" then
    return descriptors.type(tonumber(result))
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
  UNTYPED.parts[i] = { how = "value" }
end

-- { parts = { { how = "out", kind = "siginfo" }... }, result = "number" } of a row's text.
local function read(text)
  local row = { parts = {} }
  local head, result = text:match "^(.-) ?%-> (%w+)$"
  row.result = result
  for part in (head or text):gmatch "[^,]+" do
    part = operations.read(part:match "^%s*(.-)%s*$")
    if part.how ~= "none" then
      if part.how == "size" then
        part.size = types.s[part.kind]
      end
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
      row = texts[number] and read(texts[number]) or UNTYPED
      rows[number] = row
    end
    return row
  end
end

-- Makes the function of a call with `most` arguments beyond the operation; `label` is what it calls that.
local function maker(call, group, label, most)
  return function()
    if not target.numbers[call] then
      return nil
    end
    local raw = sys[call]
    local names = flags.group(group)
    local row_of = by_number(call)
    return function(operation, ...)
      operation = args.choice(operation, call, 1, label, names)
      local row = row_of(operation)
      local words, kept, given, kind, data = {}, { ... }, 0, nil, nil
      for i = 1, most do
        local part = row.parts[i]
        if not part then
          words[i] = 0
        elseif part.size or tonumber(part.how) then
          words[i] = part.size or tonumber(part.how)
        else
          given = given + 1
          words[i], kept[given] = how[part.how](part, kept[given], call, given + 1)
          if part.how == "out" or part.how == "both" then
            kind, data = part.kind, kept[given]
          end
        end
      end
      local result = raw(operation, unpack(words, 1, most))
      if result == -1 then
        return errors.fail(kept) -- which keeps what the words point to until here
      end
      return finish(row, result, kind, data)
    end
  end
end

-- S.prctl("set_name", "x"), S.prctl "get_name" -> "x"
-- S.ptrace("peekdata", pid, address) -> the word there
return {
  prctl = maker("prctl", "PR", "operation", 4),
  ptrace = maker("ptrace", "PTRACE", "request", 3),
  arch_prctl = maker("arch_prctl", "ARCH", "operation", 1),
}
