-- Raw system calls: sys.read(fd, buffer, n) is what the kernel returns, -1 with errno set on failure.
-- Nothing is converted or checked: this is what behaviour is built on, not what programs call.
--
-- A name is that of 64-bit kernels; where the target's call is another one, routes.lua says which, and
-- sys.NAME goes there. sys.bare(name) is the call that the kernel itself has under that name.

local ffi = require "ffi"
local bit = require "bit"
local routes = require "callgate.routes"
local signatures = require "callgate.signatures"
local target = require "callgate.target"

local C = ffi.C
local numbers = target.numbers

local sys = {}
local declared = {} -- signature -> name

-- Letters of a signature. q, 64 bits, is two registers on 32-bit machines.
local TYPES = {
  i = "int", u = "unsigned int", l = "long", z = "size_t", q = "int64_t",
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

local ABSENT = 0xffff -- no kernel has it: ENOSYS (-1 is SIGILL on ARM, arch/arm/kernel/traps.c)

local function unknown(name)
  local hint = require("callgate.suggest").hint(name, numbers)
  require("callgate.errors").raise(("no system call %q%s"):format(tostring(name), hint))
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

-- The low and the high half of a number or 64-bit cdata, as longs of 32 bits.
local function split(value)
  local wide = ffi.cast("int64_t", value)
  return tonumber(ffi.cast("int32_t", wide)), tonumber(ffi.cast("int32_t", bit.arshift(wide, 32)))
end

sys.split = split

-- A call with 64-bit arguments on a 32-bit machine: the halves in the order of memory, the first of them
-- in an even register where the machine asks for that (syscall(2), "Architecture-specific requirements").
local function in_halves(letters, result, nr)
  local parameters, before, passed, split_letters = {}, {}, {}, ""
  local first, second = target.big_endian and "h" or "l", target.big_endian and "l" or "h"
  for i = 1, #letters do
    local letter = letters:sub(i, i)
    parameters[i] = "a" .. i
    if letter == "q" then
      if target.pair_alignment and #passed % 2 == 1 then
        passed[#passed + 1] = "0"
        split_letters = split_letters .. "l"
      end
      before[#before + 1] = ("local l%d, h%d = split(a%d)"):format(i, i, i)
      passed[#passed + 1] = first .. i
      passed[#passed + 1] = second .. i
      split_letters = split_letters .. "ll"
    else
      passed[#passed + 1] = "a" .. i
      split_letters = split_letters .. letter
    end
  end
  local code = ("local fn, nr, split = ... return function(%s) %s return fn(nr, %s) end"):format(
    table.concat(parameters, ", "), table.concat(before, " "), table.concat(passed, ", "))
  return assert(loadstring(code, "=callgate.sys"))(C[sys.declare(result .. ":" .. split_letters)], nr, split)
end

local function make(name, signature)
  local result, letters = signature:match "^(.):(.*)$"
  local nr = numbers[name] or ABSENT
  if target.registers == 32 and letters:find("q", 1, true) then
    return in_halves(letters, result, nr)
  elseif #letters > 6 then
    letters = letters:sub(1, 6) -- mips' syscall(2): libc's syscall() hands on no more
  end
  return makers[#letters](C[sys.declare(result .. ":" .. letters)], nr)
end

local bare = {}

-- The call of the kernel's table under its own name and with its own arguments; nil where there is none.
function sys.bare(name)
  local fn = bare[name]
  if fn == nil and signatures[name] then
    if name == "pipe" and target.name:find "^mips" then
      -- It returns the second descriptor in a register that no C function tells (pipe(2)).
      local pipe2 = sys.bare "pipe2"
      fn = function(fds) return pipe2(fds, 0) end
    else
      fn = make(name, signatures[name])
    end
    bare[name] = fn
  end
  return fn
end

-- A function for a signature, taking the number first: what generated functions call.
function sys.caller(signature)
  return C[sys.declare(signature)]
end

local function routed(name)
  local route = routes[name]
  local written = route and route.written and route.written[target.name]
  if written then
    return require("callgate.narrow")[name](written)
  elseif route then
    return require("callgate.older").route(name, route)
  end
  return sys.bare(name)
end

-- The raw call under the name of 64-bit kernels; made once. One that the target lacks answers ENOSYS.
return setmetatable(sys, {
  __index = function(self, name)
    local fn = routed(name)
    if not fn then
      if not signatures.known(name) then
        unknown(name)
      end
      fn = make(name, "l:")
    end
    rawset(self, name, fn)
    return fn
  end,
})
