-- Older calls in place of newer ones: a seccomp filter makes the kernel answer ENOSYS, as an old one would.

local t = ...

local ffi = require "ffi"
local S = require "callgate"
local target = require "callgate.target"

local numbers = target.numbers
local LOADED = os.time() -- a C library's own clock may need the call that is denied

-- linux/bpf_common.h and linux/seccomp.h: load the call's number, compare, return.
local LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06

-- Has the kernel deny `calls` to this process from now on; false where it cannot.
local function deny(calls)
  local rows = { { code = LOAD } }
  for i, call in ipairs(calls) do
    rows[i + 1] = { code = EQUAL, jt = #calls - i + 1, k = numbers[call] }
  end
  rows[#rows + 1] = { code = RETURN, k = S.SECCOMP_RET_ALLOW }
  rows[#rows + 1] = { code = RETURN, k = S.SECCOMP_RET_ERRNO + S.ENOSYS }
  local filter = ffi.new(ffi.typeof("$[?]", S.t.sock_filter), #rows, rows)
  local program = S.t.sock_fprog { len = #rows, filter = filter }
  return S.syscall.prctl(S.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    and S.syscall.seccomp(S.SECCOMP_SET_MODE_FILTER, 0, program) == 0
end

-- Runs `body` in a child that the kernel denies `calls`; an error there is one here.
local function without(calls, body)
  local path = t.path "outcome"
  local pid = t.ok(S.fork())
  if pid == 0 then
    local denied = deny(calls)
    local ok, message
    if denied then
      ok, message = pcall(body)
    end
    local file = io.open(path, "w")
    file:write(not denied and "no filter" or ok and "fine" or tostring(message))
    file:close()
    S._exit(0)
  end
  t.ok(S.waitpid(pid))
  local file = assert(io.open(path))
  local said = file:read "*a"
  file:close()
  os.remove(path)
  if said == "no filter" then
    t.skip "no seccomp filters here"
  end
  t.equal(said, "fine")
end

-- What must go on working, by the newer calls that are denied.
local CASES = {
  ["stat"] = { "statx", function()
    local path = t.path "there"
    local fd = assert(S.open(path, "rdwr, creat", "0640"))
    assert(fd:write "1234")
    assert(S.utimensat(nil, path, { 1.25, 2.5 }))
    local st = assert(S.stat(path))
    assert(st.size == 4 and st.mtime == 2.5 and st.isreg and st.perm == 416)
    assert(fd:stat().ino == st.ino and S.lstat(path).dev == st.dev)
    assert(S.fstatat(nil, path).nlink == 1 and select(3, S.stat(path .. "none")) == S.ENOENT)
  end },
  ["clocks"] = { "clock_gettime64", "clock_getres_time64", "clock_nanosleep_time64", function()
    local now = assert(S.clock_gettime "realtime")
    assert(tonumber(now.tv_sec) >= LOADED and tonumber(now.tv_sec) < LOADED + 600)
    assert(tonumber(assert(S.clock_getres "monotonic").tv_nsec) > 0)
    assert(S.nanosleep(0.001))
    assert(select(3, S.clock_nanosleep("realtime", "abstime", { 2 ^ 33, 0 })) == S.EOVERFLOW)
  end },
  ["timers"] = { "timerfd_settime64", "timerfd_gettime64", "utimensat_time64", "ppoll_time64", function()
    local timer = assert(S.timerfd_create "monotonic")
    assert(timer:settime(0, { value = 1000, interval = 2.5 }))
    local left = assert(timer:gettime())
    assert(tonumber(left.it_value.tv_sec) >= 998 and tonumber(left.it_interval.tv_nsec) == 5e8)
    assert(select(3, timer:settime(0, { value = 2 ^ 33 })) == S.EOVERFLOW)
    local path = t.path "touched"
    assert(S.open(path, "creat, wronly", "0600")):close()
    assert(S.utimensat(nil, path, { 100, 200.5 }))
    assert(S.stat(path).mtime == 200.5)
    assert(S.ppoll({}, 0.001))
  end },
  ["sockets"] = {
    "socket", "socketpair", "bind", "listen", "connect", "accept4", "getsockname", "getsockopt", "setsockopt",
    "sendto", "recvfrom", "shutdown", "sendmsg", "recvmsg",
    function()
      local a, b = assert(S.socketpair("unix", "stream"))
      if type(b) ~= "cdata" then
        a, b = a[1], a[2]
      end
      assert(a:send "hello" == 5 and b:recv() == "hello")
      assert(a:shutdown "wr" and b:recv() == "")
      local server = assert(S.socket("inet", "stream"))
      assert(server:setsockopt("socket", "reuseaddr", true))
      assert(server:bind(S.t.sockaddr_in(0, "127.0.0.1")))
      assert(server:listen())
      local client = assert(S.socket("inet", "stream"))
      assert(client:connect(server:getsockname()))
      local peer = assert(server:accept())
      assert(client:sendto "one" == 3 and peer:recvfrom() == "one")
      assert(select(3, client:bind(S.t.sockaddr_in(0, "127.0.0.1"))) == S.EINVAL)
    end,
  },
  ["System V IPC"] = { "semget", "semctl", "shmget", "shmctl", "msgget", "msgctl", "msgsnd", "msgrcv", "shmdt",
    function()
      local set = assert(S.semget(S.IPC_PRIVATE, 2, 384))
      assert(S.semctl(set, 0, S.SETALL, ffi.new("unsigned short[2]", 3, 7)))
      assert(S.semctl(set, 1, "getval") == 7 and S.semctl(set, 0, "getall")[1] == 3)
      assert(S.semctl(set, 0, "setval", 5) and S.semctl(set, 0, "getval") == 5)
      assert(S.semctl(set, 0, "rmid"))
      local queue = assert(S.msgget(S.IPC_PRIVATE, 384))
      assert(S.msgsnd(queue, "message", 5))
      local text, kind = S.msgrcv(queue, 8, 5)
      assert(text == "message" and kind == 5)
      assert(S.msgctl(queue, "rmid"))
      local segment = assert(S.shmget(S.IPC_PRIVATE, 4096, 384))
      local region = assert(S.shmat(segment))
      region:write "shared"
      assert(region:string(0, 6) == "shared" and S.shmdt(region))
      assert(S.shmctl(segment, "rmid"))
    end,
  },
}

local is_narrow = target.registers == 32
local HERE = {
  ["stat"] = require("callgate.routes").newfstatat.written[target.name],
  ["clocks"] = is_narrow or nil,
  ["timers"] = is_narrow or nil,
  ["sockets"] = numbers.socketcall,
  ["System V IPC"] = numbers.ipc,
}

t.describe("without the newer calls", function()
  for name in pairs(HERE) do
    t.it(name .. " work all the same", function()
      local case, denied = CASES[name], {}
      for i = 1, #case - 1 do
        denied[#denied + 1] = numbers[case[i]] and case[i]
      end
      t.ok(#denied > 0)
      without(denied, case[#case])
    end)
  end

  if not next(HERE) then
    t.it("nothing is left: this machine has but one call for each purpose", function()
      t.equal(numbers.socketcall or numbers.ipc or numbers._llseek, nil)
    end)
  end
end)
