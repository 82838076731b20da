-- Does with the emulated lua(4) what the lines of its input say, and answers each with a line: 0 or the errno, and
-- what else there is to say; or "!" and an error. Texts are in hexadecimal digits, "." for none. test_lua4.py knows
-- what the answers must be.

local ffi = require "ffi"
local lua4 = require "callgate.lua4"
local netbsd = require "callgate.bound.netbsd_lua"
local state = require "callgate.state"

local folder = ...

local dev = lua4.open()
local states_type = ffi.typeof("$[?]", ffi.typeof(netbsd.t.lua_state_info()))

local function text(digits)
  return digits == "." and "" or (digits:gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end))
end

local function digits(bytes)
  return bytes == "" and "." or (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

local function answer(done, message, errno)
  assert(done == 0 or type(message) == "string", "a failure without a message")
  return done or errno
end

local function record(name, fields)
  local made = netbsd.t[name]()
  ffi.fill(made, ffi.sizeof(made), 0x5A) -- what a program's stack may hold
  for field, bytes in pairs(fields) do
    ffi.copy(made[field], bytes, math.min(#bytes + 1, ffi.sizeof(made[field])))
  end
  return made
end

local files = {
  count = "x = (x or 0) + 1",
  syntax = "x = = 1",
  fails = "x = (x or 0) + 1; local nothing = nil; nothing()",
  loop = "x = (x or 0) + 1; while true do end",
  bytecode = string.dump(loadstring "x = (x or 0) + 1"),
  asks = "require 'm1'",
  returns = "return function() end",
  empty = "",
}
for name, code in pairs(files) do
  local file = assert(io.open(("%s/%s.lua"):format(folder, name), "wb"))
  file:write(code)
  file:close()
end
for i = 1, 3 do
  assert(lua4.register("m" .. i, ("return { number = %d }"):format(i)))
end

local todo = {}

function todo.create(name, desc)
  return answer(dev:ioctl(netbsd.LUACREATE, record("lua_create", { name = text(name), desc = text(desc) })))
end

function todo.kernel(name, desc)
  assert(state.create(text(name), { desc = text(desc), user = false }))
  return 0
end

function todo.destroy(name)
  return answer(dev:ioctl(netbsd.LUADESTROY, record("lua_create", { name = text(name) })))
end

function todo.require(name, module)
  return answer(dev:ioctl(netbsd.LUAREQUIRE, record("lua_require", { state = text(name), module = text(module) })))
end

function todo.load(name, path)
  path = text(path):gsub("^@", folder)
  return answer(dev:ioctl(netbsd.LUALOAD, record("lua_load", { state = text(name), path = path })))
end

function todo.peek(name)
  return 0, assert(state.lookup(text(name))):exec "return x or 0"
end

function todo.count()
  local info = netbsd.t.lua_info()
  return answer(dev:ioctl(netbsd.LUAINFO, info)), info.num_states
end

function todo.info(room)
  room = tonumber(room)
  local info = netbsd.t.lua_info()
  local states = ffi.new(states_type, math.max(room, 0) + 1)
  ffi.fill(states, ffi.sizeof(states), 0x5A)
  info.num_states, info.states = room, states
  local said = { answer(dev:ioctl(netbsd.LUAINFO, info)) }
  for i = 0, info.num_states - 1 do
    local row = states[i]
    local name, desc = digits(ffi.string(row.name)), digits(ffi.string(row.desc))
    said[#said + 1] = ("%s:%s:%d"):format(name, desc, row.user and 1 or 0)
  end
  assert(ffi.cast("uint8_t *", states + math.max(room, 0))[0] == 0x5A, "it wrote beyond the room")
  return unpack(said)
end

function todo.sysctl(name, value)
  local old, _, errno = lua4.sysctl("kern.lua." .. name, tonumber(value))
  return old and 0 or errno, old or ""
end

function todo.other(request)
  return answer(dev:ioctl(tonumber(request), record("lua_load", {})))
end

function todo.reopen()
  assert(dev:close())
  assert(select(3, dev:ioctl(netbsd.LUAINFO, netbsd.t.lua_info())) == 9)
  dev = lua4.open()
  return 0
end

for line in io.lines() do
  local words = {}
  for word in line:gmatch "%S+" do
    words[#words + 1] = word
  end
  local said = { pcall(todo[words[1]], unpack(words, 2)) }
  if said[1] then
    print(unpack(said, 2))
  else
    print("!", (tostring(said[2]):gsub("\n", " ")))
  end
  io.stdout:flush()
end
