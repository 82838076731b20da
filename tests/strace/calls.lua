-- Makes bare calls: luajit setup.lua NAME ARGUMENTS ..., the arguments being Lua. Before each the trace
-- has a mark, a write of its name to a descriptor that is not there.

local ffi = require "ffi"
local S = require "callgate"

local kept = {} -- memory that the kernel was told of

local function keep(value)
  kept[#kept + 1] = value
  return value
end

local mapped = assert(S.mmap(nil, 4096, "read, write", "private, anonymous"))
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

assert(assert(S.open("five", "rdwr, creat", "0600")):dup(5)):nogc()
assert(S.write(5, "hello"))

local environment = setmetatable({
  S = S, t = S.t, ffi = ffi, file = 5, bytes = bytes, vector = vector,
  memory = ffi.cast("void *", mapped.addr),
  place = ffi.cast("uintptr_t", ffi.cast("void *", mapped.addr)),
  text = function(value) return ffi.cast("char *", ffi.cast("const char *", keep(value))) end,
  length = ffi.new("unsigned int[1]", 64),
  handle = ffi.new("struct { unsigned int bytes; int type; char handle[128]; }", 128),
  mount_id = ffi.new "int[1]",
  uring = ffi.new "uint32_t[30]",
}, { __index = _G })

local function run(name, ...)
  local call = S.syscall[name]
  S.syscall.write(1000, name, #name)
  call(...)
end

for i = 1, #arg, 2 do
  local name, code = arg[i], arg[i + 1]
  local arguments = setfenv(assert(loadstring("return " .. code, "=" .. name)), environment)
  local ok, message = pcall(function() run(name, arguments()) end)
  if not ok then
    print(("%s(%s): %s"):format(name, code, message))
  end
end
