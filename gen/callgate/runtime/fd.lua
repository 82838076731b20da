-- File descriptors as objects: closed exactly once, by close() or by the collector.
--
-- One C layout, several metatypes: the plain descriptor and the kinds with methods of their own
-- (epoll sets, timers...). The types are anonymous, so no name can clash and reloading is safe.

local ffi = require "ffi"
local errors = require "callgate.errors"
local numbers = require "callgate.numbers"

ffi.cdef [[int callgate_i_i(long, int) __asm__("syscall");]]

local C = ffi.C
local nr_close = numbers.calls.close
local EBADF = 9 -- asm-generic/errno-base.h: the same on every architecture
local fail, failed = errors.fail, errors.failed
local get_errno = ffi.errno

local descriptors = {}

-- Closes the descriptor. A second close is nil, message, EBADF: whoever owns the number by then
-- keeps it. On Linux the number is free again whatever close(2) returns, EINTR included.
local function close(self)
  local number = self.fd
  if number < 0 then
    return failed(EBADF)
  end
  self.fd = -1
  if C.callgate_i_i(nr_close, number) == -1 then
    return fail()
  end
  return true
end

-- Hands ownership out: the collector will not close it any more.
local function nogc(self)
  return ffi.gc(self, nil)
end

local base = setmetatable({ close = close, nogc = nogc }, {
  __index = function(self, name)
    local fn = require("callgate.calls").method(name)
    if fn then
      rawset(self, name, fn)
    end
    return fn
  end,
})

local function tostring_fd(self)
  return self.fd < 0 and "closed descriptor" or ("descriptor %d"):format(self.fd)
end

-- A finalizer may run between a failing call and the reading of its errno: it must leave it alone.
local function collect(self)
  local number = self.fd
  if number >= 0 then
    self.fd = -1
    local saved = get_errno()
    C.callgate_i_i(nr_close, number)
    get_errno(saved)
  end
end

local function equal(a, b)
  return ffi.istype(a, b) and a.fd == b.fd
end

local kinds = {} -- name -> ctype

local function new_kind(name, methods)
  local ctype = ffi.metatype("struct { int fd; }", {
    __index = methods,
    __gc = collect,
    __tostring = tostring_fd,
    __eq = equal,
  })
  kinds[name] = ctype
  return ctype
end

-- The plain descriptor.
descriptors.type = new_kind("fd", base)

-- The ctype of a kind of descriptor; its methods, of behaviour/<module>, stand before the common ones.
function descriptors.kind(name)
  local ctype = kinds[name]
  if not ctype then
    local own = require("callgate.behaviour." .. name).methods
    ctype = new_kind(name, setmetatable({}, {
      __index = function(self, key)
        local fn = own[key] or base[key]
        rawset(self, key, fn)
        return fn
      end,
    }))
  end
  return ctype
end

-- The number of a descriptor object of any kind; nil for anything else.
function descriptors.number(value)
  for _, ctype in pairs(kinds) do
    if ffi.istype(ctype, value) then
      return value.fd
    end
  end
end

descriptors.standard = { stdin = 0, stdout = 1, stderr = 2 }

return descriptors
