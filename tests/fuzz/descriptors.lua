-- Does with descriptors what the lines of its input say, a word and names of slots, and answers each
-- with a line: numbers, or "!" and an error. test_descriptors.py knows what must be open then.

local ffi = require "ffi"
local S = require "callgate"

ffi.cdef [[int fuzz_open(const char *, int, ...) __asm__("open");]]

local slots = {} -- name -> descriptor object
local todo = {}

local function put(name, fd)
  slots[name] = fd
  return fd.fd
end

function todo.open(name, path)
  return put(name, assert(S.open(path, "rdwr, creat", "0600")))
end

-- What another library of the program opens: nothing here owns it.
function todo.stranger(path)
  return ffi.C.fuzz_open(path, 0)
end

function todo.pipe(first, second)
  local r, w = assert(S.pipe())
  return put(first, r), put(second, w)
end

function todo.pair(first, second)
  local a, b = assert(S.socketpair("unix", "dgram"))
  return put(first, a), put(second, b)
end

function todo.epoll(name)
  return put(name, assert(S.epoll_create()))
end

function todo.dup(from, to)
  return put(to, assert(slots[from]:dup()))
end

function todo.onto(from, to)
  local fd = assert(slots[from]:dup(slots[to]))
  assert(rawequal(fd, slots[to]))
  return fd.fd
end

-- Onto a number that nothing here owns, which is then owned.
function todo.onto_number(from, to, number)
  return put(to, assert(slots[from]:dup(tonumber(number))))
end

function todo.close(name)
  assert(slots[name]:close())
end

function todo.close_call(name)
  assert(S.close(slots[name]))
end

-- Closed already: the kernel must not hear of it.
function todo.close_again(name)
  local ok, message, errno = slots[name]:close()
  assert(ok == nil and message and errno == S.EBADF)
end

function todo.close_number(number)
  assert(S.close(tonumber(number)))
end

local USES = {
  function(fd) return fd:read(nil, 1) end,
  function(fd) return fd:write "x" end,
  function(fd) return fd:dup() end,
  function(fd) return S.fstat(fd) end,
  function(fd) return fd:nonblock() end,
  function(fd) return S.poll({ { fd, "in" } }, 0) end,
  function(fd) return S.stdout:dup(fd) end,
  function(fd) return S.syscall.close(fd) end,
  function(fd) return S.syscall.fsync(fd) end,
  function(fd) return fd:ioctl("FIONREAD") end,
  function(fd) return fd:sendmsg { "x", fds = { fd } } end,
}

-- A use of a closed object is a mistake of the caller's.
function todo.use(name, which)
  local ok, message = pcall(USES[tonumber(which) % #USES + 1], slots[name])
  assert(not ok and message:find "closed descriptor", message)
end

function todo.nogc(name)
  local fd = slots[name]:nogc()
  assert(rawequal(fd, slots[name]))
  slots[name] = nil
  return fd.fd
end

-- An object for a number that nothing owns.
function todo.adopt(name, number)
  return put(name, S.t.fd(tonumber(number)))
end

function todo.drop(name)
  slots[name] = nil
end

-- Sends descriptor `name` from one end of a pair to the other.
function todo.pass(name, from, to, received)
  assert(slots[from]:sendmsg { "x", fds = { slots[name] } })
  local message = assert(slots[to]:recvmsg())
  assert(#message.fds == 1)
  return put(received, message.fds[1])
end

-- The same, but nobody keeps what arrives.
function todo.pass_and_forget(name, from, to)
  assert(slots[from]:sendmsg { "x", fds = { slots[name] } })
  assert(slots[to]:recvmsg())
end

local function nothing() end

function todo.collect()
  nothing(unpack({}, 1, 100)) -- over the stack's slots that may still hold an object
  collectgarbage()
  collectgarbage()
end

-- A child drops and collects all it has, and tells what is open there then.
function todo.fork()
  local pid = assert(S.fork())
  if pid == 0 then
    slots = nil
    todo.collect()
    local open = {}
    for name in assert(S.dir "/proc/self/fd") do
      open[#open + 1] = name
    end
    -- The folder itself was open, too: its number is that of what one opens now.
    local own = tostring(ffi.C.fuzz_open("/dev/null", 0))
    for i = #open, 1, -1 do
      if open[i] == own or not open[i]:find "%d" then
        table.remove(open, i)
      end
    end
    io.write(table.concat(open, " "), "\n")
    io.flush()
    S.exit(0)
  end
  local _, status = assert(S.waitpid(pid))
  assert(status.exitstatus == 0)
  return "child"
end

function todo.wait() end

io.stdout:setvbuf "line"
if arg[1] then
  require("jit.opt").start(unpack(arg))
end
for line in io.lines() do
  local words = {}
  for word in line:gmatch "%S+" do
    words[#words + 1] = word
  end
  local results = { pcall(todo[words[1]], unpack(words, 2)) }
  if not results[1] then
    print("!" .. tostring(results[2]):gsub("\n", " "))
  elseif results[2] ~= "child" then -- which answered
    print(table.concat(results, " ", 2))
  end
end
