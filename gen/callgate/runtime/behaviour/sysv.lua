-- System V IPC: keys and modes of the get calls, operations of the ctl calls by their tables
-- (operations/*.lua), messages from strings, segments as regions.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local constants = require "callgate.constants"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local memory = require "callgate.memory"
local operations = require "callgate.behaviour.operations"
local sys = require "callgate.sys"
local target = require "callgate.target"
local types = require "callgate.types"

local sysv = {}

local fail = errors.fail
local cast, sizeof = ffi.cast, ffi.sizeof
local tobit = bit.tobit

-- linux/ipc.h and linux/sem.h: the same everywhere
local IPC_CREAT, IPC_SET, IPC_STAT, GETALL, SETALL = 512, 1, 2, 13, 17

local OWNER = 384 -- 0600: what a new set, segment or queue is open to unless said

-- --- keys and numbers ----------------------------------------------------------------------------------

-- ftok(3) of the C library: low bits of the inode and the device below the number.
function sysv.ftok()
  local stat = require("callgate.calls").get "stat"
  return function(path, id)
    id = args.int(id, "ftok", 2, "id")
    local st, message, errno = stat(args.path(path, "ftok", 1, "path"))
    if not st then
      return nil, message, errno
    end
    local inode = tonumber(st.st_ino % 65536)
    return tobit(bit.bor(inode, bit.lshift(tonumber(st.st_dev % 256), 16), bit.lshift(bit.band(id, 255), 24)))
  end
end

local function to_key(value, call, group)
  local key = args.choice(value, call, 1, "key", group)
  if type(key) ~= "number" or key < -2147483648 or key > 4294967295 then
    return args.expected('a key of 32 bits or "private"', value, call, 1, "key")
  end
  return tobit(key)
end

-- The flags with the mode, whose default is the owner's where something is to be created.
local function with_mode(options, mode, call, position, group)
  options = args.flags(options, call, position, "flags", group)
  if mode == nil then
    mode = bit.band(options, IPC_CREAT) ~= 0 and bit.band(options, 511) == 0 and OWNER or 0
  else
    mode = args.mode(mode, call, position + 1, "mode")
  end
  return tobit(bit.bor(options, mode))
end

-- S.semget(key, count, flags, mode), S.shmget(key, size, flags, mode): a number
local function getter(call, group_name, label, convert)
  return function()
    local raw = sys[call]
    local keys, group = flags.group "IPC", flags.group(group_name)
    return function(key, count, options, mode)
      key = to_key(key, call, keys)
      count = count == nil and 0 or convert(count, call, 2, label)
      local id = raw(key, count, with_mode(options, mode, call, 3, group))
      if id == -1 then
        return fail()
      end
      return id
    end
  end
end

sysv.semget = getter("semget", "SEM", "count", args.int)
sysv.shmget = getter("shmget", "SHM", "size", args.size)

function sysv.msgget()
  local raw = sys.msgget
  local keys, group = flags.group "IPC", flags.group "MSQ"
  return function(key, options, mode)
    local id = raw(to_key(key, "msgget", keys), with_mode(options, mode, "msgget", 2, group))
    if id == -1 then
      return fail()
    end
    return id
  end
end

-- --- control -------------------------------------------------------------------------------------------

-- Rows of operations/<call>.lua by number.
local function by_number(call)
  local rows = {}
  for name, text in pairs(require("callgate.operations." .. call)) do
    local number = constants.get(name)
    if number then
      rows[number] = operations.read(text)
    end
  end
  return rows
end

local function assign(data, name, item)
  data[name] = item
end

-- The argument of "set": a table changes what it names and leaves the rest as it is.
local function changed(stat, kind, value, call, position)
  if type(value) ~= "table" then
    return operations.input(kind, value, call, position, "argument")
  end
  local data = types.t[kind]()
  if stat(data) == -1 then
    return nil
  end
  for name, item in pairs(value) do
    item = name == "mode" and args.mode(item, call, position, "mode") or item
    local ok, message = pcall(assign, data, name, item)
    if not ok then
      return args.misuse(call, position, "argument", (errors.plain(message)))
    end
  end
  return data
end

-- What an operation of `row` comes to; `act(word)` makes the call with the C argument.
local function control(row, act, stat, number, value, call, position)
  if not row or row.how == "value" then
    local result = act(args.word(value, call, position, "argument"))
    if result == -1 then
      return fail()
    elseif row then
      return true
    end
    return result
  end
  local data
  if row.how == "in" then
    data = changed(number == IPC_SET and stat, row.kind, value, call, position)
    if not data then
      return fail()
    end
  elseif row.how == "out" then
    data = value == nil and operations.output(row.kind) or operations.input(row.kind, value, call, position, "argument")
  end
  local result = act(data and cast("uintptr_t", cast("void *", data)) or 0)
  if result == -1 then
    return fail()
  elseif row.how == "out" and row.result then
    return result, data
  elseif row.result then
    return result
  end
  return row.how == "out" and data or true
end

-- How many semaphores a set has; nil when the kernel does not tell.
local function members(raw, id)
  local ds = types.t.semid_ds()
  if raw(id, 0, IPC_STAT, cast("uintptr_t", cast("void *", ds))) == -1 then
    return nil
  end
  return tonumber(ds.sem_nsems)
end

local values_t = ffi.typeof "uint16_t[?]"

local function get_all(raw, id)
  local count = members(raw, id)
  local values = count and values_t(count)
  if not values or raw(id, 0, GETALL, cast("uintptr_t", cast("void *", values))) == -1 then
    return fail()
  end
  local list = {}
  for i = 1, count do
    list[i] = values[i - 1]
  end
  return list
end

local function set_all(raw, id, list)
  local count = members(raw, id)
  if not count then
    return fail()
  end
  local values
  if type(list) == "table" then
    if #list ~= count then
      return args.misuse("semctl", 4, "argument", ("%d values for a set of %d"):format(#list, count))
    end
    values = values_t(count)
    for i = 1, count do
      local value = args.int(list[i], "semctl", 4, "argument")
      if value < 0 or value > 65535 then -- what an unsigned short would cut; semctl(2): ERANGE above SEMVMX
        return args.expected("values from 0 to 32767", value, "semctl", 4, "argument")
      end
      values[i - 1] = value
    end
  elseif type(list) == "cdata" then -- an array of the caller's
    values = args.pointer(list, "semctl", 4, "argument", count * ffi.sizeof "uint16_t")
  else
    return args.expected("a table of values", list, "semctl", 4, "argument")
  end
  if raw(id, 0, SETALL, cast("uintptr_t", cast("void *", values))) == -1 then
    return fail(values)
  end
  return true
end

-- The int of union semun lies in the upper half of the register on 64-bit big-endian machines
-- (ipc/sem.c: SETVAL).
local function semun(value)
  local number = args.int(value, "semctl", 4, "argument")
  if target.big_endian and target.registers == 64 then
    return bit.lshift(cast("int64_t", number), 32)
  end
  return number
end

-- S.semctl(id, 0, "setval", 3), S.semctl(id, 0, "getval") -> 3, S.semctl(id, 0, "getall") -> { 3, 0 }
function sysv.semctl()
  local raw = sys.semctl
  local group = flags.group "SEM_CMD"
  local rows = by_number "semctl"
  return function(id, number, operation, value)
    id = args.int(id, "semctl", 1, "id")
    number = number == nil and 0 or args.int(number, "semctl", 2, "number")
    operation = args.choice(operation, "semctl", 3, "operation", group)
    if operation == GETALL then
      return get_all(raw, id)
    elseif operation == SETALL then
      return set_all(raw, id, value)
    end
    local row = rows[operation]
    if row and row.how == "value" then
      value = semun(value)
    end
    return control(row, function(word)
      return raw(id, number, operation, word)
    end, function(data)
      return raw(id, number, IPC_STAT, cast("uintptr_t", cast("void *", data)))
    end, operation, value, "semctl", 4)
  end
end

local function controller(call, group_name)
  return function()
    local raw = sys[call]
    local group = flags.group(group_name)
    local rows = by_number(call)
    return function(id, operation, value)
      id = args.int(id, call, 1, "id")
      operation = args.choice(operation, call, 2, "operation", group)
      return control(rows[operation], function(word)
        return raw(id, operation, cast("void *", word))
      end, function(data)
        return raw(id, IPC_STAT, data)
      end, operation, value, call, 3)
    end
  end
end

-- S.msgctl(id, "stat") -> msqid_ds; S.shmctl(id, "set", { mode = "0640" }) -> true
sysv.msgctl = controller("msgctl", "MSQ_CMD")
sysv.shmctl = controller("shmctl", "SHM_CMD")

-- --- semaphores ----------------------------------------------------------------------------------------

local ROW = "a row { number, change, flags }"

-- An array of sembuf and its length, of a table of { number, change, flags } or of the caller's array.
local function sembufs(value, count, call, position)
  local sembuf = types.t.sembuf
  if type(value) == "table" then
    count = args.count(value, call, 2, "operations", ROW)
    local array = ffi.new(ffi.typeof("$[?]", sembuf), count)
    for i, item in ipairs(value) do
      local label = ("operations[%d]"):format(i)
      if type(item) ~= "table" and not ffi.istype(sembuf, item) then
        return args.expected(ROW, item, call, 2, label)
      end
      array[i - 1] = args.record(item, call, 2, label, sembuf)
    end
    return array, count
  elseif not memory.is_writable(value) then
    return args.expected("a table of rows { number, change, flags }", value, call, 2, "operations")
  end
  args.buffer(value, call, 2, "operations")
  count = count == nil and 1 or args.uint(count, call, position, "count")
  args.length(count * sizeof(sembuf), call, position, "count", value)
  return value, count
end

-- S.semop(id, { { 0, -1, "nowait" } })
function sysv.semop()
  local raw = sys.semop
  return function(id, list, count)
    id = args.int(id, "semop", 1, "id")
    local array, length = sembufs(list, count, "semop", 3)
    if raw(id, array, length) == -1 then
      return fail()
    end
    return true
  end
end

-- S.semtimedop(id, { { 0, -1 } }, 0.5)
function sysv.semtimedop()
  local raw = sys.semtimedop
  return function(id, list, timeout, count)
    id = args.int(id, "semtimedop", 1, "id")
    local array, length = sembufs(list, count, "semtimedop", 4)
    timeout = args.optional_record(timeout, "semtimedop", 3, "timeout", types.t.timespec)
    if raw(id, array, length, timeout) == -1 then
      return fail()
    end
    return true
  end
end

-- --- shared memory -------------------------------------------------------------------------------------

-- munmap detaches a segment as shmdt does (mm/vma.c: its vm_ops close), so that a region needs no other end.
function sysv.shmat()
  local raw, ctl = sys.shmat, sys.shmctl
  local group = flags.group "SHM"
  local region_t = require("callgate.region").type
  return function(id, addr, options)
    id = args.int(id, "shmat", 1, "id")
    addr = cast("void *", args.address(addr, "shmat", 2, "addr"))
    options = args.flags(options, "shmat", 3, "flags", group)
    local ds = types.t.shmid_ds()
    if ctl(id, IPC_STAT, ds) == -1 then
      return fail()
    end
    local result = raw(id, addr, options)
    if result == -1 then
      return fail()
    end
    return region_t(cast("void *", cast("intptr_t", result)), cast("size_t", ds.shm_segsz))
  end
end

function sysv.shmdt()
  local raw = sys.shmdt
  local region_t, set = require("callgate.region").type, require("callgate.region").set
  return function(addr)
    local own = ffi.istype(region_t, addr)
    if own and addr.addr == nil then
      return args.misuse("shmdt", 1, "addr", "it is unmapped")
    end
    local at = cast("void *", args.address(addr, "shmdt", 1, "addr"))
    if raw(at) == -1 then
      return fail()
    elseif own then
      set(addr, nil, 0)
    end
    return true
  end
end

-- --- messages ------------------------------------------------------------------------------------------

-- struct msgbuf of linux/msg.h: its type, then its text
local message_t = ffi.typeof "struct { long mtype; char mtext[?]; }"

local function new_message(size, call, label)
  local message = memory.array(message_t, size)
  if not message then
    return args.misuse(call, 2, label, ("no memory for a message of %s bytes"):format(tostring(size)))
  end
  return message
end
local TEXT = sizeof "long" -- where the text begins

-- S.msgsnd(id, "text", 5, "nowait")
function sysv.msgsnd()
  local raw = sys.msgsnd
  local group = flags.group "MSQ"
  return function(id, data, kind, options)
    id = args.int(id, "msgsnd", 1, "id")
    local length = args.length(nil, "msgsnd", 2, "data", args.data(data, "msgsnd", 2, "data"))
    kind = kind == nil and 1 or args.long(kind, "msgsnd", 3, "type")
    options = args.flags(options, "msgsnd", 4, "flags", group)
    local message = new_message(length, "msgsnd", "data")
    message.mtype = kind
    ffi.copy(cast("char *", message) + TEXT, data, length)
    if raw(id, message, length, options) == -1 then
      return fail()
    end
    return true
  end
end

-- S.msgrcv(id, 100) -> "text", 5; S.msgrcv(id, buffer) -> 4, 5
function sysv.msgrcv()
  local raw = sys.msgrcv
  local group = flags.group "MSQ"
  return function(id, size, kind, options)
    id = args.int(id, "msgrcv", 1, "id")
    local buffer
    if type(size) == "cdata" and not tonumber(size) then
      buffer = args.buffer(size, "msgrcv", 2, "size")
      size = args.length(nil, "msgrcv", 2, "size", buffer)
    else
      size = args.size(size, "msgrcv", 2, "size")
    end
    kind = kind == nil and 0 or args.long(kind, "msgrcv", 3, "type")
    options = args.flags(options, "msgrcv", 4, "flags", group)
    local message = new_message(size, "msgrcv", "size")
    local length = raw(id, message, size, kind, options)
    if length == -1 then
      return fail()
    end
    local text = cast("char *", message) + TEXT
    local mtype = require "callgate.kinds.exact"(message.mtype)
    if buffer then
      ffi.copy(buffer, text, length)
      return length, mtype
    end
    return ffi.string(text, length), mtype
  end
end

return sysv
