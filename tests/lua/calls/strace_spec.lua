local t = ...

-- strace reads our numbers, flags and records with tables of its own: what it decodes must be what the
-- script below means.

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs `script` under strace; returns what it traced, or skips the test where it cannot.
local function trace(script)
  local lua = arg[-1] or "luajit"
  local log = t.path "strace.log"
  local path = t.write("traced.lua", script)
  if os.execute "command -v strace >/dev/null 2>&1" ~= 0 then
    t.skip "strace is not installed"
  elseif os.execute(("strace -o %s true 2>/dev/null"):format(quoted(log))) ~= 0 then
    t.skip "strace may not trace here"
  end
  local command = "cd %s && strace -f -v -X abbrev -s 64 -o %s %s %s"
  local code = os.execute(command:format(quoted(t.path ""), quoted(log), quoted(lua), quoted(path)))
  t.equal(code, 0, "the traced script failed")
  local file = assert(io.open(log))
  local text = file:read "*a"
  file:close()
  return text
end

local SCRIPT = [=[
local S = require "callgate"
local ffi = require "ffi"
local function try(...) return ... end
local fd = assert(S.open("strace-file", "rdwr, creat, excl", "0640"))
fd:write "hello"
fd:pwrite("J", 1, 0)
fd:pread(nil, 5, 1)
fd:lseek(2, "end")
fd:fallocate("keep_size, punch_hole", 0, 4096)
fd:fadvise(0, 100, "willneed")
fd:truncate(3)
fd:flock "ex, nb"
fd:fcntl("setfl", "append, nonblock")
fd:fcntl("dupfd_cloexec", 500)
fd:fcntl("ofd_setlk", { type = "wrlck", whence = "set", start = 1, len = 2 })
fd:dup(600)
fd:chmod "0600"
fd:chown(-1, 5)
S.fstatat(nil, "strace-file")
S.statx(nil, "strace-file", "symlink_nofollow", "size, btime")
S.access("strace-file", "r, w")
S.utimens("strace-file", { 1, "omit" })
S.rename("strace-file", "strace-2")
S.linkat(nil, "strace-2", nil, "strace-3", "symlink_follow")
S.renameat2(nil, "strace-2", nil, "strace-3", "exchange")
S.symlink("strace-3", "strace-link")
S.readlink "strace-link"
S.mkdir("strace-dir", "0750")
S.unlinkat(nil, "strace-dir", "removedir")
S.openat2(nil, "strace-3", { flags = "rdonly", resolve = "beneath, no_symlinks" })
S.pipe "nonblock"
S.memfd_create("memory", "allow_sealing")
S.eventfd(7, "semaphore")
local timer = S.timerfd_create("boottime", "nonblock")
timer:settime("abstime", { value = 1.5, interval = 2 })
S.signalfd("int, term", "nonblock")
local i = S.inotify_init()
i:add_watch(".", "create, onlydir")
local ep = S.epoll_create()
ep:add(i, "in, et", 77)
ep:wait(3, 0)
S.poll({ { i, "in, pri" } }, 5)
local region = S.mmap(nil, 8192, "read, write", "private, anonymous")
region:protect "read"
region:advise "dontneed"
local a, b = S.socketpair("unix", "seqpacket")
a:send("data", "nosignal, dontwait")
a:setsockopt("socket", "rcvtimeo", 2.5)
a:setsockopt("socket", "linger", { l_onoff = 1, l_linger = 9 })
a:sendmsg { "with", " fd", fds = { 1 } }
b:recvmsg()
local s = S.socket("inet", "stream", "tcp")
s:bind(S.t.sockaddr_in(0, "127.0.0.1"))
s:connect(S.t.sockaddr_in(9, "127.0.0.1"))
s:setsockopt("tcp", "nodelay", 1)
s:setsockopt("ip", "tos", 16)
local six = S.socket("inet6", "dgram")
if six then six:connect(S.t.sockaddr_in6(53, "2001:db8::1")) end
local un = S.socket("unix", "dgram")
un:sendto("x", S.t.sockaddr_un "/no/such/socket")
S.sigprocmask("block", "usr1, hup")
S.kill(S.getpid(), 0)
S.waitid("pid", S.getpid(), "exited, nohang")
S.wait4(-1, "nohang, untraced")
S.getrlimit "nofile"
S.setitimer("virtual", { value = 3, interval = 4.25 })
S.nanosleep(0.001)
S.clock_getres "boottime"
S.getrandom(nil, 8, "nonblock")
S.getrusage "children"
S.splice(1, nil, 1, nil, 10, "move, nonblock")
try(fd:ioctl "TIOCGWINSZ")
try(fd:ioctl "FIONREAD")
S.prctl(S.PR_GET_DUMPABLE, 0, 0, 0, 0)
S.mlockall "current, onfault"
S.getxattr("strace-3", "user.none", nil, 0)
]=]

local EXPECTED = {
  'openat(AT_FDCWD, "strace-file", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0640) = ',
  'write(3, "hello", 5) ',
  'pwrite64(3, "J", 1, 0) ',
  'pread64(3, "ello", 5, 1) ',
  "lseek(3, 2, SEEK_END) ",
  "fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096)",
  "fadvise64(3, 0, 100, POSIX_FADV_WILLNEED)",
  "ftruncate(3, 3) ",
  "flock(3, LOCK_EX|LOCK_NB) ",
  "fcntl(3, F_SETFL, O_RDONLY|O_APPEND|O_NONBLOCK) ",
  "fcntl(3, F_DUPFD_CLOEXEC, 500) ",
  "fcntl(3, F_OFD_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1, l_len=2",
  "dup3(3, 600, 0) ",
  "fchmod(3, 0600) ",
  "fchown(3, -1, 5) ",
  'newfstatat(AT_FDCWD, "strace-file", {st_dev=',
  'statx(AT_FDCWD, "strace-file", AT_STATX_SYNC_AS_STAT|AT_SYMLINK_NOFOLLOW, STATX_SIZE|STATX_BTIME, {stx_mask=',
  'faccessat(AT_FDCWD, "strace-file", R_OK|W_OK)',
  'utimensat(AT_FDCWD, "strace-file", [{tv_sec=1, tv_nsec=0}',
  "UTIME_OMIT], 0)",
  'renameat2(AT_FDCWD, "strace-file", AT_FDCWD, "strace-2", 0)',
  'linkat(AT_FDCWD, "strace-2", AT_FDCWD, "strace-3", AT_SYMLINK_FOLLOW)',
  'renameat2(AT_FDCWD, "strace-2", AT_FDCWD, "strace-3", RENAME_EXCHANGE)',
  'symlinkat("strace-3", AT_FDCWD, "strace-link")',
  'readlinkat(AT_FDCWD, "strace-link", "strace-3", 4096)',
  'mkdirat(AT_FDCWD, "strace-dir", 0750)',
  'unlinkat(AT_FDCWD, "strace-dir", AT_REMOVEDIR)',
  'openat2(AT_FDCWD, "strace-3", {flags=O_RDONLY|O_CLOEXEC, resolve=RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH}, 24)',
  "pipe2([",
  "], O_NONBLOCK|O_CLOEXEC)",
  'memfd_create("memory", MFD_CLOEXEC|MFD_ALLOW_SEALING)',
  "eventfd2(7, EFD_SEMAPHORE|EFD_CLOEXEC)",
  "timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC|TFD_NONBLOCK)",
  "TFD_TIMER_ABSTIME, {it_interval={tv_sec=2, tv_nsec=0}, it_value={tv_sec=1, tv_nsec=500000000}}, {it_interval=",
  "signalfd4(-1, [INT TERM], 8, SFD_CLOEXEC|SFD_NONBLOCK)",
  "inotify_init1(IN_CLOEXEC)",
  ', ".", IN_CREATE|IN_ONLYDIR) = 1',
  "epoll_create1(EPOLL_CLOEXEC)",
  "{events=EPOLLIN|EPOLLET, data={u32=77, u64=77}}) = 0",
  ", 3, 0, NULL, 8) = 0",
  "events=POLLIN|POLLPRI}], 1, {tv_sec=0, tv_nsec=5000000}, NULL, 8) = 0 (Timeout)",
  "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x",
  ", 8192, PROT_READ) = 0",
  ", 8192, MADV_DONTNEED) = 0",
  "socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, [",
  '"data", 4, MSG_DONTWAIT|MSG_NOSIGNAL, NULL, 0) = 4',
  "SOL_SOCKET, SO_RCVTIMEO_OLD, \"\\2\\0\\0\\0\\0\\0\\0\\0 \\241\\7\\0\\0\\0\\0\\0\", 16) = 0",
  "SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=9}, 8) = 0",
  '[{iov_base="with", iov_len=4}, {iov_base=" fd", iov_len=3}], msg_iovlen=2, '
    .. "msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[1]}]",
  "msg_flags=MSG_CMSG_CLOEXEC}, MSG_CMSG_CLOEXEC) = 4",
  "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP)",
  'bind(%d+, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
  'connect(%d+, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("127.0.0.1")}, 16)',
  "SOL_TCP, TCP_NODELAY, [1], 4) = 0",
  "SOL_IP, IP_TOS, [16], 4) = 0",
  'sendto(%d+, "x", 1, 0, {sa_family=AF_UNIX, sun_path="/no/such/socket"}, 18) = -1 ENOENT',
  "rt_sigprocmask(SIG_BLOCK, [HUP USR1], [], 8) = 0",
  ", 0) = 0",
  "WNOHANG|WEXITED, NULL) = -1 ECHILD",
  "wait4(-1, 0x",
  "WNOHANG|WSTOPPED",
  "prlimit64(0, RLIMIT_NOFILE, NULL, {rlim_cur=",
  "setitimer(ITIMER_VIRTUAL, {it_interval={tv_sec=4, tv_usec=250000}, it_value={tv_sec=3, tv_usec=0}}",
  "clock_getres(CLOCK_BOOTTIME, {tv_sec=0, tv_nsec=",
  ", 8, GRND_NONBLOCK) = 8",
  "getrusage(RUSAGE_CHILDREN, {ru_utime=",
  "splice(1, NULL, 1, NULL, 10, SPLICE_F_MOVE|SPLICE_F_NONBLOCK)",
  "ioctl(3, TIOCGWINSZ, 0x",
  "ioctl(3, FIONREAD, [",
  "prctl(PR_GET_DUMPABLE)",
  "mlockall(MCL_CURRENT|MCL_ONFAULT)",
  'getxattr("strace-3", "user.none", NULL, 0) = -1 ENODATA',
}

t.describe("strace", function()
  t.it("decodes what the kernel is told as what the script means", function()
    local text = trace(SCRIPT)
    text = text:sub((text:find('openat(AT_FDCWD, "strace-file"', 1, true)))
    local missing = {}
    for _, expected in ipairs(EXPECTED) do
      local found = text:find(expected, 1, true)
        or expected:find("%d+", 1, true) and text:find((expected:gsub("[%(%)%.%[%]%-]", "%%%0")))
      if not found then
        missing[#missing + 1] = expected
      end
    end
    t.same(missing, {})
  end)
end)
