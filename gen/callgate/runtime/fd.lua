-- File descriptors as objects: closed exactly once, by close() or by the collector.
--
-- One C layout, several metatypes: the plain descriptor and the kinds with methods of their own
-- (epoll sets, timers...). The types are anonymous, so no name can clash and reloading is safe.

local ffi = require "ffi"
local bit = require "bit"
local errors = require "callgate.errors"
local target = require "callgate.target"

ffi.cdef [[int callgate_i_i(long, int) __asm__("syscall");]]

local C = ffi.C
local fill, gc, new, typeof, tobit = ffi.fill, ffi.gc, ffi.new, ffi.typeof, bit.tobit
local get_errno = ffi.errno
local nr_close = target.numbers.close
local EBADF = 9 -- asm-generic/errno-base.h: the same on every architecture
local fail, failed = errors.fail, errors.failed

-- ctype ids of all kinds -> their names: `ids[tonumber(ffi.typeof(value))]` compiles to a constant. Every
-- copy of the library shares it: a descriptor of a copy loaded earlier is one still.
local shared = require "callgate.shared"
local ids, numbers = shared.descriptors, shared.numbers

local descriptors = { ids = ids }

local function is_descriptor(value)
  return type(value) == "cdata" and ids[tonumber(typeof(value))] ~= nil and tonumber(value) == nil
end

local function refuse(call, value)
  errors.raise(("%s: argument 1 (fd): expected a descriptor, got %s; call it with a colon"):format(call,
    errors.got(value)))
end

-- Closes the descriptor. A second close is nil, message, EBADF: whoever owns the number by then
-- keeps it. On Linux the number is free again whatever close(2) returns, EINTR included.
local function close(self)
  local number = numbers[self]
  if number then
    numbers[self] = nil
  else
    if not is_descriptor(self) then
      refuse("close", self)
    end
    number = self.fd
    if number < 0 then
      return failed(EBADF)
    end
  end
  fill(self, 4, 255) -- to -1: what costs the interpreter least
  gc(self, nil) -- nothing is left for the collector, whose finalizers cost more than the close itself
  if C.callgate_i_i(nr_close, number) == -1 then
    return fail()
  end
  return true
end

-- Hands ownership out: the collector will not close it any more.
local function nogc(self)
  if not is_descriptor(self) then
    refuse("nogc", self)
  end
  return gc(self, nil)
end

-- Methods of every kind; a call that takes a descriptor first becomes one when it is first wanted.
local base = setmetatable({ close = close, nogc = nogc }, {
  __index = function(self, name)
    local fn = require("callgate.calls").method(name)
    if fn then
      rawset(self, name, fn)
    end
    return fn
  end,
})

-- A finalizer may run between a failing call and the reading of its errno: it must leave it alone.
local function collect(self)
  local number = self.fd
  if number >= 0 then
    fill(self, 4, 255) -- to -1: what costs the interpreter least
    if numbers[self] then
      numbers[self] = nil
    end
    local saved = get_errno()
    C.callgate_i_i(nr_close, number)
    get_errno(saved)
  end
end

local function equal(a, b)
  return is_descriptor(a) and is_descriptor(b) and a.fd == b.fd
end

local function joined(a, b)
  return tostring(a) .. tostring(b)
end

-- Only a number becomes a descriptor: an object made from another would own its number twice.
local function construct(ctype, number)
  if type(number) ~= "number" or number ~= tobit(number) or number < 0 then
    local got = is_descriptor(number) and tostring(number) .. ", which owns its number already" or errors.got(number)
    errors.raise("S.t.fd: expected the number of an open descriptor, got " .. got)
  end
  return new(ctype, number)
end

-- Makes a kind of descriptor: `methods` (a table, or one that resolves lazily) stand before the common
-- ones. Returns its ctype; calling that with a number makes an object that owns it.
function descriptors.new_kind(name, methods)
  local own = methods or {}
  local ctype = ffi.metatype("struct { const int fd; }", { -- which a program may read, but not change
    __index = methods and setmetatable({}, {
      __index = function(self, key)
        local fn = own[key] or base[key]
        rawset(self, key, fn)
        return fn
      end,
    }) or base,
    __new = construct,
    __gc = collect,
    __eq = equal,
    __concat = joined,
    __newindex = function(_, field)
      errors.raise(("%s: a descriptor has no field %s to be set"):format(name, errors.shown(field)))
    end,
    __tostring = function(self)
      return self.fd < 0 and ("closed %s"):format(name) or ("%s %d"):format(name, self.fd)
    end,
  })
  ids[tonumber(ctype)] = name
  return ctype
end

-- An object of a kind that owns a number the kernel has just given: nothing is left to check.
descriptors.own = new

-- The plain descriptor.
descriptors.type = descriptors.new_kind "fd"

local kinds = { fd = descriptors.type }

-- The ctype of a kind by its name; its own methods are those that the tables of calls give it.
function descriptors.kind(name)
  local ctype = kinds[name]
  if not ctype then
    ctype = descriptors.new_kind(name, setmetatable({}, {
      __index = function(_, method)
        return require("callgate.calls").method(method, name)
      end,
    }))
    kinds[name] = ctype
  end
  return ctype
end

-- The number of a descriptor object of any kind, -1 when closed; nil for anything else.
function descriptors.number(value)
  if type(value) == "cdata" and ids[tonumber(typeof(value))] then
    return value.fd
  end
end

descriptors.standard = { stdin = 0, stdout = 1, stderr = 2 }

return descriptors
