-- The loops of bench/calls.c with a Lua library: nanoseconds per call, those of the fastest tenth.
--
--   luajit calls.lua LIBRARY NAME COUNT        LIBRARY is callgate or syscall (ljsyscall)

local library, name, count = arg[1], arg[2], tonumber(arg[3])
local ffi = require "ffi"
local S = require(library)
local ours = library == "callgate"

ffi.cdef [[
typedef struct { long sec, nsec; } bench_time;
int bench_clock(int, bench_time *) __asm__("clock_gettime");
]]
local function now()
  local ts = ffi.new "bench_time"
  ffi.C.bench_clock(1, ts)
  return tonumber(ts.sec) * 1e9 + tonumber(ts.nsec)
end

local buf = ffi.new "char[4096]"
local zero = assert(S.open("/dev/zero", "rdonly"))
local null = assert(S.open("/dev/null", "wronly"))
local file = assert(S.open(arg[0], "rdonly"))
local st, ts = S.t.stat(), S.t.timespec()
local a, b
if ours then
  a, b = assert(S.socketpair("unix", "stream"))
else
  local _
  _, _, a, b = assert(S.socketpair("unix", "stream"))
end

local ep = assert(S.epoll_create())
local wait
if ours then
  assert(ep:add(b, "in"))
  wait = function() return ep:wait(16, -1) end
else
  assert(ep:epoll_ctl("add", b, "in"))
  local events = S.t.epoll_events(16)
  wait = function() return ep:epoll_wait(events, -1) end
end

local function echo(n)
  for _ = 1, n do
    if not a:write(buf, 1) then error "echo" end
    for _, _ in wait() do
      if not b:read(buf, 4096) then error "echo" end
    end
  end
end

local loops = {
  echo = echo,
  getppid = function(n) for _ = 1, n do S.getppid() end end,
  read = function(n) for _ = 1, n do if not zero:read(buf, 1) then error "read" end end end,
  write = function(n) for _ = 1, n do if not null:write(buf, 1) then error "write" end end end,
  pread = function(n) for _ = 1, n do if not file:pread(buf, 1, 0) then error "pread" end end end,
  lseek = function(n) for _ = 1, n do if not file:lseek(0, "set") then error "lseek" end end end,
  stat = function(n) for _ = 1, n do if not S.stat("/", st) then error "stat" end end end,
  fstat = function(n) for _ = 1, n do if not file:stat(st) then error "fstat" end end end,
  fail = function(n) for _ = 1, n do if S.access("/no/such/file", "r") then error "access" end end end,
  clock = function(n) for _ = 1, n do if not S.clock_gettime("monotonic", ts) then error "clock" end end end,
  socketpair = function(n)
    for _ = 1, n do if not a:send(buf, 1) or not b:recv(buf, 1) then error "socketpair" end end
  end,
  openclose = function(n)
    for _ = 1, n do
      local fd = S.open("/", "rdonly, cloexec")
      if not fd:close() then error "openclose" end
    end
  end,
}

local loop = loops[name] or error("no loop " .. name)
loop(2000) -- let the JIT compile
local TENTHS = 10
local best = math.huge
for _ = 1, TENTHS do
  local start = now()
  loop(count / TENTHS)
  best = math.min(best, now() - start)
end
print(("%.2f"):format(best / (count / TENTHS)))
