-- Makes the calls of a file of rows, to be traced: strace ... luajit calls.lua ROWS
--
-- Before each the trace has a mark, a write of "row NUMBER" to a descriptor that is not there, and behind it
-- another. Arguments are made before: what stands between the two is the call, but for memory that Lua may
-- ask for. The compiler is off: of what runs once nothing is compiled; that is for the specs.

jit.off()
collectgarbage "stop" -- no descriptor is closed behind a row, and no memory given back

local ffi = require "ffi"
local S = require "callgate"

local kept = {} -- memory that the kernel was told of

local function keep(value)
  kept[#kept + 1] = value
  return value
end

local mapped = assert(S.mmap(nil, 8192, "read, write", "private, anonymous"))
local bytes = ffi.new "char[8192]"

-- An array of iovec: over strings, or over new buffers of these sizes.
local function vector(items)
  local array = S.t.array("iovec", #items)
  for i, item in ipairs(items) do
    local memory = type(item) == "string" and ffi.cast("const char *", item) or ffi.new("char[?]", item)
    array[i - 1].iov_base = ffi.cast("void *", keep(memory))
    array[i - 1].iov_len = type(item) == "string" and #item or item
  end
  return keep(array)
end

-- A file of number 5 that holds "hello", its position at the end.
S.umask(18) -- 022: what is made has the permissions that a row says
assert(assert(S.open("five", "rdwr, creat", "0600")):dup(5)):nogc()
assert(S.write(5, "hello"))

local environment = setmetatable({
  S = S,
  sys = S.syscall,
  t = S.t,
  ffi = ffi,
  file = 5,
  bytes = bytes, -- memory to be written to
  memory = ffi.cast("void *", mapped.addr), -- two pages of zeros
  place = ffi.cast("uintptr_t", ffi.cast("void *", mapped.addr)), -- the same, as a number
  vector = vector,
  text = function(value) return ffi.cast("char *", ffi.cast("const char *", keep(value))) end,
  length = ffi.new("unsigned int[1]", 64),
}, { __index = _G })

local function mark(text)
  S.syscall.write(1000, text, #text)
end

local function expression(code)
  return setfenv(assert(loadstring("return " .. code)), environment)()
end

local function run(number, call, ...)
  keep { ... }
  mark("row " .. number)
  call(...)
  mark "made"
end

local function made(number, code)
  local callee, arguments = code:match "^([%w_.]+)%((.*)%)$"
  assert(callee, "not a call")
  run(number, expression(callee), setfenv(assert(loadstring("return " .. arguments)), environment)())
end

mark(("bytes %x"):format(tonumber(ffi.cast("uintptr_t", bytes))))
mark(("memory %x"):format(tonumber(environment.place)))

local failed = false
local number = 0
for line in io.lines(arg[1]) do
  number = number + 1
  if line:match "^%w" then
    local ok, message = pcall(made, number, line)
    if not ok then
      print(("%d: %s"):format(number, message))
      failed = true
    end
  end
end
os.exit(failed and 1 or 0)
