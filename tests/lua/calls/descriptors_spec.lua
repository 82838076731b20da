local t = ...

local ffi = require "ffi"
local S = require "callgate"

local function cloexec(fd)
  return S.fcntl(fd, "getfd") == S.FD_CLOEXEC
end

t.describe("pipe", function()
  t.it("returns the reading and the writing end, close-on-exec unless ~cloexec", function()
    local r, w = t.ok(S.pipe())
    t.equal(w:write "abc", 3)
    t.equal(r:read(), "abc")
    t.fails("EBADF", r:write "x")
    t.ok(cloexec(r) and cloexec(w))
    r, w = t.ok(S.pipe "nonblock, ~cloexec")
    t.equal(cloexec(r) or cloexec(w), false)
    t.fails("EAGAIN", r:read())
    t.equal(S.pipe2, S.pipe)
  end)
end)

t.describe("dup", function()
  t.it("is close-on-exec to a new number and inheritable onto a given one", function()
    local null = t.ok(S.open("/dev/null", "rdwr"))
    local copy = t.ok(null:dup())
    t.ok(copy.fd ~= null.fd)
    t.equal(cloexec(copy), true)
    local high = t.ok(null:dup(700))
    t.equal(high.fd, 700)
    t.equal(cloexec(high), false)
    t.equal(cloexec(t.ok(null:dup(701, "cloexec"))), true)
    t.ok(null:dup2(702))
    t.ok(null:dup3(703, "cloexec"))
    t.fails("EINVAL", null:dup3(null))
  end)

  t.it("onto an object returns that object, and onto itself changes nothing", function()
    local null, zero = t.ok(S.open("/dev/null")), t.ok(S.open("/dev/zero"))
    local number = zero.fd
    t.ok(rawequal(null:dup(zero), zero))
    t.equal(zero.fd, number)
    t.equal(zero:read(nil, 1), "")
    t.ok(rawequal(null:dup(null), null))
    t.ok(rawequal(null:dup2(null.fd), null))
    t.equal(null:read(), "")
    t.fails("EBADF", S.dup(1000, 1000))
  end)

  t.it("takes the standard streams by name, and never lets the collector close them", function()
    local saved = t.ok(S.dup "stderr")
    local again = t.ok(saved:dup "stderr")
    t.equal(again.fd, 2)
    again = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    t.ok(S.fcntl("stderr", "getfd"))
  end)
end)

t.describe("fcntl", function()
  t.it("types its argument and its result by the operation's name or number", function()
    local fd = t.ok(S.open("/dev/null", "rdwr"))
    t.equal(fd:fcntl "getfl" % 4, S.O_RDWR)
    t.equal(fd:fcntl("setfl", "nonblock, append"), true)
    t.equal(fd:fcntl("F_GETFL"), S.c.O("rdwr, nonblock, append") + (S.O_LARGEFILE or 0))
    t.equal(fd:fcntl(S.F_SETFD, 0), true)
    t.equal(fd:fcntl(S.F_GETFD), 0)
    local copy = t.ok(fd:fcntl("dupfd", 600))
    t.ok(ffi.istype(fd, copy))
    t.equal(copy.fd, 600)
    t.equal(cloexec(copy), false)
    t.equal(fd:nonblock(false), true)
    t.raises("nonblock: argument 2 (on): expected true or false, got 0", fd.nonblock, fd, 0)
    t.raises('nonblock: argument 2 (on): expected true or false, got "x" (string)', fd.nonblock, fd, "x")
    t.equal(S.c.O("rdwr, append") + (S.O_LARGEFILE or 0), fd:fcntl "getfl")
    local r = t.ok(S.pipe())
    t.equal(r:fcntl("setpipe_sz", 8192), 8192)
    t.equal(r:fcntl "getpipe_sz", 8192)
  end)

  t.it("takes record locks as tables and returns who holds one", function()
    local path = t.write("locked", "0123456789")
    local fd, other = t.ok(S.open(path, "rdwr")), t.ok(S.open(path, "rdwr"))
    t.equal(fd:fcntl("ofd_setlk", { type = "wrlck", start = 2, len = 3 }), true)
    local held = t.ok(other:fcntl("ofd_getlk", { type = "rdlck" }))
    t.equal(held.type, S.F_WRLCK)
    t.equal(held.start, 2)
    t.equal(held.len, 3)
    t.fails("EAGAIN", other:fcntl("ofd_setlk", { type = "wrlck" }))
    t.equal(fd:fcntl("ofd_setlk", { type = "unlck" }), true)
    t.equal(other:fcntl("ofd_getlk", { type = "wrlck" }).type, S.F_UNLCK)
  end)

  t.it("names what is wrong", function()
    local fd = t.ok(S.open "/dev/null")
    t.raises(
      'fcntl: argument 2 (operation): unknown name "getlf" for F_*; did you mean "getfl"?',
      fd.fcntl, fd, "getlf"
    )
    t.raises('fcntl: argument 3 (argument): unknown name "nonblok" for O_*; did you mean "nonblock"?',
      fd.fcntl, fd, "setfl", "nonblok")
    t.matches(select(2, pcall(fd.fcntl, fd, "setlk", { type = "wrlk" })), 'unknown type "wrlk"')
    t.matches(select(2, pcall(fd.fcntl, fd, "setlk", { tpye = "wrlck" })), 'no field "tpye"')
  end)
end)

t.describe("ioctl", function()
  t.it("tells namespaces' numbers and finds processes in them", function()
    local fd = t.ok(S.open("/proc/self/ns/mnt", "rdonly"))
    local id, message, errno = fd:ioctl "NS_GET_MNTNS_ID"
    if not id and errno == S.ENOTTY then -- Linux 6.10
      t.skip(message)
    end
    t.ok(id > 0)
    local info = fd:ioctl "NS_MNT_GET_INFO"
    t.ok(not info or info.mnt_ns_id == id) -- Linux 6.12
    local here = t.ok(S.open("/proc/self/ns/pid", "rdonly")):ioctl("NS_GET_PID_IN_PIDNS", S.getpid())
    t.ok(here == nil or here == S.getpid())
  end)

  t.it("takes memory where a record has its address", function()
    local fd = S.open("/proc/self/pagemap", "rdonly")
    local region = t.ok(S.mmap(nil, 65536, "read, write", "private, anonymous"))
    region[0] = 1
    local found = S.t.array("page_region", 1)
    local scan = S.t.pm_scan_arg { size = S.s.pm_scan_arg, start = region, ["end"] = region:as("char", 65536),
      vec = found, vec_len = 1, category_mask = S.PAGE_IS_PRESENT, return_mask = S.PAGE_IS_PRESENT }
    t.equal(scan["end"] - scan.start, 65536ULL)
    local count, message, errno = nil, "no /proc", S.ENOENT
    if fd then
      count, message, errno = fd:ioctl("PAGEMAP_SCAN", scan)
    end
    if not count then
      t.ok(errno == S.ENOTTY or errno == S.ENOENT or errno == S.ENOSYS, message)
      t.skip(message) -- Linux 6.7
    end
    t.equal(count, 1)
    t.equal(found[0].start, scan.start)
  end)

  local function terminal()
    local master, message = S.open("/dev/ptmx", "rdwr, noctty")
    return master or t.skip("no pseudo terminals: " .. message)
  end

  t.it("returns and takes the records of terminals", function()
    local master = terminal()
    t.equal(master:ioctl("TIOCSWINSZ", { ws_row = 24, ws_col = 80 }), true)
    local size = t.ok(master:ioctl "TIOCGWINSZ")
    t.equal(size.row, 24)
    t.equal(size.col, 80)
    t.equal(master:ioctl("tiocswinsz", S.t.winsize(50, 132)), true)
    local own = S.t.winsize()
    t.ok(rawequal(master:ioctl("TIOCGWINSZ", own), own))
    t.equal(own.col, 132)
    t.equal(master:ioctl("TIOCSPTLCK", 0), true)
    local number = t.ok(master:ioctl "TIOCGPTN")
    local slave = t.ok(S.open("/dev/pts/" .. number, "rdwr, noctty"))
    local tio = t.ok(slave:ioctl "TCGETS")
    tio.c_lflag = 0
    t.equal(slave:ioctl("TCSETS", tio), true)
    t.equal(slave:ioctl("TCGETS").c_lflag, 0)
    local peer, message, errno = master:ioctl("TIOCGPTPEER", "rdwr, noctty")
    t.ok(peer and ffi.istype(master, peer) or errno == S.ENOTTY or errno == S.EIO, message)
  end)

  t.it("returns numbers as numbers, and takes numbers for any request", function()
    local r, w = t.ok(S.pipe())
    w:write "12345"
    t.equal(r:ioctl "FIONREAD", 5)
    t.equal(r:ioctl(S.FIONREAD), 5)
    t.equal(r:ioctl("FIONBIO", true), true)
    t.equal(r:fcntl("getfl") % (2 * S.O_NONBLOCK) >= S.O_NONBLOCK, true)
    t.equal(r:ioctl "FIONCLEX", true)
    t.equal(cloexec(r), false)
    local box = ffi.new "int[1]"
    t.equal(r:ioctl("FIONREAD", box), 5)
    t.equal(box[0], 5)
  end)

  t.it("fails as a triple, and names the nearest request", function()
    local fd = t.ok(S.open "/dev/null")
    t.fails("ENOTTY", fd:ioctl "TIOCGWINSZ")
    t.raises('ioctl: argument 2 (request): unknown request "TIOCGWINZS"; did you mean "TIOCGWINSZ"?',
      fd.ioctl, fd, "TIOCGWINZS")
    t.raises("ioctl: argument 2 (request): expected an integer from 0 to 4294967295, got nil", fd.ioctl, fd)
  end)
end)

t.describe("every descriptor's method", function()
  t.it("takes a closed object for a misuse that never reaches the kernel", function()
    local index = require "callgate.calls.index"
    local fd = t.ok(S.open "/dev/null")
    fd:close()
    local count = 0
    for name in pairs(require("callgate.rows").whole(index.methods)) do
      if fd[name] then -- not the call of another architecture
        local ok, message = pcall(fd[name], fd)
        t.equal(ok, false, name)
        t.matches(message, "^[^\n]*: argument %d+ %([%w_]+%): closed descriptor$")
        count = count + 1
      end
    end
    t.ok(count > 60)
  end)
end)
