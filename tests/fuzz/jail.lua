-- The place where misuse does no harm: this process is the first of namespaces of its own (misuse.py
-- sees to that), every mount it sees is read-only but an empty folder, and what it may use up is
-- limited. Nothing here is the library's: that is what is tested.

local ffi = require "ffi"

ffi.cdef [[
int fuzz_mount(const char *, const char *, const char *, unsigned long, const char *) __asm__("mount");
int fuzz_mount_setattr(long, int, const char *, unsigned int, const uint64_t *, size_t) __asm__("syscall");
int fuzz_chdir(const char *) __asm__("chdir");
int fuzz_setrlimit(int, const uint64_t *) __asm__("setrlimit");
int fuzz_getpid(void) __asm__("getpid");
void fuzz_exit(int) __asm__("_exit");
int fuzz_close(int) __asm__("close");
int fuzz_open_null(const char *, int, int) __asm__("open");
int fuzz_dup2(int, int) __asm__("dup2");
void *fuzz_mmap(void *, size_t, int, int, int, long) __asm__("mmap");
void *fuzz_signal(int, void *) __asm__("signal");
int fuzz_siginterrupt(int, int) __asm__("siginterrupt");
int fuzz_sigprocmask(int, const uint64_t *, uint64_t *) __asm__("sigprocmask");
int fuzz_setitimer(int, const long *, long *) __asm__("setitimer");
int fuzz_waitpid(int, int *, int) __asm__("waitpid");
int fuzz_setsid(void) __asm__("setsid");
int fuzz_fork(void) __asm__("fork");
int fuzz_unshare(int) __asm__("unshare");
int fuzz_abs(int) __asm__("abs");
char *fuzz_strerror(int) __asm__("strerror");
]]

local C = ffi.C
local jail = {}

local function check(result, what)
  if result ~= 0 then
    error(("%s: %s"):format(what, ffi.string(C.fuzz_strerror(ffi.errno()))), 0)
  end
end

local AT_FDCWD, AT_RECURSIVE, NR_MOUNT_SETATTR = -100, 0x8000, 442 -- the number is every machine's
local ATTR_RDONLY = 1ULL
local O_RDWR = 2
local LIMITS = { -- RLIMIT_ number -> most of it
  [1] = 64 * 2 ^ 20, -- FSIZE: no file grows larger
  [2] = 2 ^ 30, -- DATA: private memory
  [4] = 0, -- CORE: crashes are expected
  [7] = 256, -- NOFILE
}

-- Makes everything read-only but an empty file system in `folder`, and that the working directory.
function jail.enter(folder)
  check(C.fuzz_setsid() < 0 and 1 or 0, "setsid") -- signals to the group would reach who started this
  local attributes = ffi.new("uint64_t[4]", { ATTR_RDONLY, 0 })
  check(C.fuzz_mount_setattr(NR_MOUNT_SETATTR, AT_FDCWD, "/", AT_RECURSIVE, attributes, 32), "mount_setattr")
  -- By the descriptors from outside fchmod reached the machine's own /dev/null; on a read-only mount it fails.
  local null = C.fuzz_open_null("/dev/null", O_RDWR, 0)
  for number = 0, 1 do
    check(C.fuzz_dup2(null, number) == number and 0 or 1, "/dev/null")
  end
  C.fuzz_close(null)
  check(C.fuzz_mount("fuzz", folder, "tmpfs", 0, "size=64m"), "mount " .. folder)
  check(C.fuzz_chdir(folder), "chdir " .. folder)
  for number, most in pairs(LIMITS) do
    check(C.fuzz_setrlimit(number, ffi.new("uint64_t[2]", most, most)), "setrlimit")
  end
end

local SIGINT, SIG_IGN = 2, ffi.cast("void *", 1)
local SIGALRM, ITIMER_REAL, SIG_SETMASK = 14, 0, 2
local none = ffi.new "uint64_t[16]"
local tick = ffi.new("long[4]", 0, 10000, 0, 10000) -- every 10 ms

-- Undoes what a call before may have done to signals. A call that waits is interrupted soon: the
-- handler is C's abs, which does nothing that one could notice.
function jail.rearm()
  C.fuzz_signal(SIGINT, SIG_IGN) -- the interpreter has a handler that raises an error
  C.fuzz_signal(SIGALRM, ffi.cast("void *", C.fuzz_abs))
  C.fuzz_siginterrupt(SIGALRM, 1)
  C.fuzz_sigprocmask(SIG_SETMASK, none, nil)
  C.fuzz_setitimer(ITIMER_REAL, tick, nil)
end

-- Memory of this process at a place of its own: `size` bytes, and inaccessible room for 4 GB of
-- overflow before and after it.
function jail.arena(size)
  local room = 4 * 2 ^ 30
  local NORESERVE, FIXED = 0x4022, 0x32 -- both MAP_PRIVATE | MAP_ANONYMOUS
  local start = C.fuzz_mmap(nil, 2 * room + size, 0, NORESERVE, -1, 0)
  local inside = ffi.cast("char *", start) + room
  if ffi.cast("intptr_t", start) == -1
    or ffi.cast("intptr_t", C.fuzz_mmap(inside, size, 3, FIXED, -1, 0)) == -1 then
    error("mmap of the arena failed", 0)
  end
  return inside
end

local log_t = ffi.typeof "struct { int64_t case, state, length; char now[4096]; char lines[1 << 20]; }"
jail.LOG_BYTES = ffi.sizeof(log_t)

-- The file open as descriptor `file`, as memory that survives whatever happens here; misuse.py reads it.
-- It holds which case runs, the text of its call, and lines of what is wrong.
function jail.log(file)
  local log = C.fuzz_mmap(nil, jail.LOG_BYTES, 3, 1, file, 0)
  if ffi.cast("intptr_t", log) == -1 then
    error("mmap of the log failed", 0)
  end
  C.fuzz_close(file)
  return ffi.cast(ffi.typeof("$ *", log_t), log)
end

local function printable(text)
  return (tostring(text):gsub("[%c\127-\255]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

-- Notes the call that is about to be made.
function jail.now(log, text)
  text = printable(text):sub(1, 4000)
  ffi.copy(log.now, text) -- with its zero byte
end

-- Adds a line to the log, its parts separated by tabs.
function jail.say(log, ...)
  local parts = { ... }
  for i, part in ipairs(parts) do
    parts[i] = printable(part):sub(1, 4000)
  end
  local line = table.concat(parts, "\t") .. "\n"
  if log.length + #line < 2 ^ 20 then
    ffi.copy(log.lines + log.length, line, #line)
    log.length = log.length + #line
  end
end

local self = C.fuzz_getpid()

-- Ends a process that a call has forked, and buries those that ended.
function jail.bury()
  if C.fuzz_getpid() ~= self then
    C.fuzz_exit(0)
  end
  while C.fuzz_waitpid(-1, nil, 1) > 0 do -- WNOHANG
  end
end

local CLONE_NEWNS = 0x20000

-- Runs `body` in a process of its own with mounts of its own; the number of the signal that ended it, or
-- 0. It may leave nothing behind but files and lines of the log.
function jail.apart(body)
  local child = C.fuzz_fork()
  if child == 0 then
    C.fuzz_unshare(CLONE_NEWNS)
    self = C.fuzz_getpid()
    body()
    C.fuzz_exit(0)
  elseif child < 0 then
    error("fork failed", 0)
  end
  local status = ffi.new "int[1]"
  while C.fuzz_waitpid(child, status, 0) ~= child do -- the alarm interrupts it
  end
  return status[0] % 128
end

-- Ends this process without running anybody's finalizers.
function jail.leave(code)
  C.fuzz_exit(code)
end

return jail
