-- Raw system calls: sys.read(fd, buffer, n) is what the kernel returns, -1 with errno set on failure.
-- Nothing is converted or checked: this is what behaviour is built on, not what programs call.

local ffi = require "ffi"
local numbers = require("callgate.numbers").calls
local signatures = require "callgate.signatures"

local C = ffi.C

local sys = {}
local declared = {} -- signature -> name

local TYPES = {
  i = "int", u = "unsigned int", l = "long", z = "size_t", q = "int64_t", Q = "uint64_t",
  p = "void *", c = "const void *", s = "const char *",
  w = "long", -- a number or memory, as the operation says: what prototypes declare as unsigned long arg
}

-- Declares libc's variadic syscall() as a function of fixed arity under a name made of the signature
-- ("i:ipz"): passed as variadic, Lua numbers would arrive as doubles. The same name always means the
-- same, in any version of this library, so declaring it twice does no harm.
function sys.declare(signature)
  if declared[signature] then
    return declared[signature]
  end
  local result, arguments = signature:match "^(.):(.*)$"
  local name = ("callgate_%s_%s"):format(result, arguments)
  local list = { "long" }
  for letter in arguments:gmatch "." do
    list[#list + 1] = TYPES[letter]
  end
  ffi.cdef(('%s %s(%s) __asm__("syscall");'):format(TYPES[result], name, table.concat(list, ", ")))
  declared[signature] = name
  return name
end

-- Declares a function of libc under a private name: what must go through libc says why in its table.
function sys.symbol(symbol, signature)
  local result, arguments = signature:match "^(.):(.*)$"
  local name = "callgate_libc_" .. symbol
  local list = {}
  for letter in arguments:gmatch "." do
    list[#list + 1] = TYPES[letter]
  end
  local inside = #list > 0 and table.concat(list, ", ") or "void"
  ffi.cdef(('%s %s(%s) __asm__("%s");'):format(TYPES[result], name, inside, symbol))
  return name
end

local UNKNOWN = -1 -- no such number on this target: the kernel answers ENOSYS

local function unknown(name)
  local names = {}
  for known in pairs(signatures) do
    names[#names + 1] = known
  end
  table.sort(names)
  local near = require("callgate.suggest").nearest(tostring(name), names)
  require("callgate.errors").raise(("no system call %q%s"):format(tostring(name),
    near and ("; did you mean %q?"):format(near) or ""))
end

local makers = {
  [0] = function(fn, nr) return function() return fn(nr) end end,
  function(fn, nr) return function(a) return fn(nr, a) end end,
  function(fn, nr) return function(a, b) return fn(nr, a, b) end end,
  function(fn, nr) return function(a, b, c) return fn(nr, a, b, c) end end,
  function(fn, nr) return function(a, b, c, d) return fn(nr, a, b, c, d) end end,
  function(fn, nr) return function(a, b, c, d, e) return fn(nr, a, b, c, d, e) end end,
  function(fn, nr) return function(a, b, c, d, e, f) return fn(nr, a, b, c, d, e, f) end end,
}

-- The raw call under the kernel's name; made once.
return setmetatable(sys, {
  __index = function(self, name)
    local signature = signatures[name]
    if not signature then
      unknown(name)
    end
    local fn = makers[#signature - 2](C[sys.declare(signature)], numbers[name] or UNKNOWN)
    rawset(self, name, fn)
    return fn
  end,
})
