-- Arguments that were found good before, for the interpreter: there a check by the FFI (ffi.istype, a
-- field, ffi.typeof) costs more than the system call's own conversion, a table access a tenth of it.
-- Compiled code has those checks for nothing and leaves the tables empty.
--
-- What an argument is must not change while it is in its table: a type and a size never do; closing a
-- descriptor takes it out. Keys are weak, so nothing is kept alive.

local ffi = require "ffi"
local shared = require "callgate.shared"

local known = {}

-- Whether there is anything to gain. Asked once: what is loaded before jit.off() only stays slower.
local interpreted = not jit.status()
known.interpreted = interpreted

local NONE = {} -- no metatable, never written to: compiled code tells at once that nothing is in it

local function weak()
  return interpreted and setmetatable({}, { __mode = "k" }) or NONE
end

-- Descriptor objects -> their number. Shared with every copy of the library, since any may close one.
known.descriptors = interpreted and shared.numbers or NONE

-- Buffers that the kernel may write to -> their bytes. Not pointers, which do not tell.
known.rooms = weak()

-- Paths without a zero byte -> their bytes, which last as long as the path: a call's argument as it is passed.
known.paths = interpreted and {} or NONE

local MOST = 512 -- paths kept: strings have no weak keys
local count = 0

-- Keeps `path` for the next time.
function known.keep_path(path)
  if interpreted then
    if count == MOST then
      count = 0
      for key in pairs(known.paths) do
        known.paths[key] = nil
      end
    end
    count = count + 1
    known.paths[path] = ffi.cast("const char *", path)
  end
end

-- A table for names -> the number that a parameter makes of them.
function known.names()
  return interpreted and {} or NONE
end

-- Keeps what a name stands for in such a table; nothing that is no name.
function known.keep_name(names, name, number)
  if interpreted and type(name) == "string" then
    names[name] = number
  end
end

local records = {} -- ctype -> records of it -> their address

-- The records (or pointers to them) of a type that may be passed, and the address of each, which costs the FFI less
-- to pass than the record.
function known.records(ctype)
  records[ctype] = records[ctype] or weak()
  return records[ctype]
end

-- Keeps `value` for the next time. One found by a type that no call asked for is not kept.
function known.keep_record(ctype, value)
  if interpreted and records[ctype] then
    records[ctype][value] = ffi.cast("void *", value)
  end
end

return known
