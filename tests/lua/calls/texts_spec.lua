-- What people see: records as text, modes, and the other way round.

local t = ...

local ffi = require "ffi"
local S = require "callgate"

t.describe("tostring", function()
  t.it("names events, as they were asked for and as they came", function()
    t.equal(tostring(S.t.epoll_event("in, rdhup, et", 7)), 'epoll_event { events = "in, rdhup, et", data = 7 }')
    t.equal(tostring(S.t.epoll_event(0x11, 2 ^ 53)), 'epoll_event { events = "in, hup", data = 9007199254740992 }')
    t.equal(tostring(S.t.epoll_event(0x01000001)), 'epoll_event { events = "in, 0x1000000", data = 0 }')
    t.equal(tostring(S.t.pollfd { fd = 3, events = "in, out" }), 'pollfd { fd = 3, events = "in, out", revents = "" }')
  end)

  t.it("tells of a signal what its kind has", function()
    local info = S.t.signalfd_siginfo { ssi_signo = S.SIGCHLD, ssi_code = S.CLD_EXITED, ssi_pid = 5, ssi_status = 3 }
    t.equal(tostring(info), "signalfd_siginfo { signal = chld, code = exited, pid = 5, uid = 0, status = 3 }")
    t.equal(info.reason, "exited")
    info = S.t.signalfd_siginfo { ssi_signo = S.SIGTERM, ssi_pid = 5, ssi_uid = 6 }
    t.equal(tostring(info), "signalfd_siginfo { signal = term, code = user, pid = 5, uid = 6 }")
    info = S.t.signalfd_siginfo { ssi_signo = S.SIGALRM, ssi_code = S.SI_KERNEL }
    t.equal(tostring(info), "signalfd_siginfo { signal = alrm, code = kernel, pid = 0, uid = 0 }")
    t.equal(tostring(S.t.siginfo { signal = "usr1", pid = 5, value = 9 }),
      "siginfo { signal = usr1, code = queue, pid = 5, uid = 0, int = 9 }")
    local pid = t.ok(S.fork())
    if pid == 0 then
      S.exit(7)
    end
    local ended = t.ok(S.waitid("pid", pid, "exited"))
    t.equal(tostring(ended), ("siginfo { signal = chld, code = exited, pid = %d, uid = %d, status = 7 }"):format(pid,
      S.getuid()))
  end)

  t.it("tells how a process ended or stopped", function()
    t.equal(tostring(S.t.status(7 * 256)), "exited with 7")
    t.equal(tostring(S.t.status(S.SIGKILL)), "killed by signal 9 (kill)")
    t.equal(tostring(S.t.status(S.SIGSEGV + 128)), "killed by signal 11 (segv), core dumped")
    t.equal(tostring(S.t.status(S.SIGSTOP * 256 + 127)), ("stopped by signal %d (stop)"):format(S.SIGSTOP))
    t.equal(tostring(S.t.status(50)), "killed by signal 50")
    t.equal(tostring(S.t.status(-1)), "status -1") -- which no wait(2) gives
    t.equal(tostring(S.t.status(65535)), "continued")
    local status = S.t.status(S.PTRACE_EVENT_EXEC * 65536 + S.SIGTRAP * 256 + 127)
    t.equal(tostring(status), "stopped by signal 5 (trap) for exec")
    t.equal(status.event, "exec")
    t.equal(S.t.status(S.SIGTRAP * 256 + 127).event, nil)
    t.raises("status: argument 1 (status): expected an integer of 32 bits, got nil", S.t.status)
    t.raises("status: argument 1 (status): expected an integer of 32 bits, got a table", S.t.status, {})
  end)

  t.it("shows an entry of a directory", function()
    t.write("shown", "")
    local seen
    for name, entry in t.ok(S.dir(t.path ".")) do
      if name == "shown" then
        seen = tostring(entry)
      end
    end
    t.matches(seen, '^dirent { name = "shown", type = %l+, ino = %d+ }$')
  end)

  t.it("leaves out padding and what is reserved", function()
    local text = tostring(S.t.statx())
    t.equal(text:find "__spare", nil)
    t.equal(text:find "__reserved", nil)
    t.matches(text, "stx_mnt_id = 0")
    t.equal(tostring(S.t.io_uring_params()):find "resv", nil)
    t.equal(tostring(S.t.statfs()):find "f_spare", nil)
    t.equal(tostring(S.t.fsxattr()):find "fsx_pad", nil)
  end)
end)

t.describe("a misuse", function()
  t.it("is told in the names that people use", function()
    t.raises('shutdown: argument 2 (how): unknown name "both" for SHUT_*; there are rd, rdwr, wr', S.shutdown, 0,
      "both")
    t.raises('access: argument 2 (mode): unknown name "rok"; did you mean "ok"?', S.access, "/", "rok")
    t.raises('nanosleep: argument 1 (ts): expected a timespec or what makes one, got "1" (string)', S.nanosleep, "1")
    t.raises('setrlimit: argument 2 (limit): expected a rlimit or what makes one, got "x" (string)', S.setrlimit, 0,
      "x")
    t.raises('utimensat: argument 3 (times): expected seconds, "now" or "omit", got "nwo" (string)',
      S.utimensat, nil, "x", { "nwo" })
    t.matches(select(2, pcall(S.stat, "/", S.t.statx())),
      "stat: argument 2 %(st%): expected a stat to fill in, got statx { stx_mask = 0, [^}]*%.%.%. %(cdata%)$")
    t.equal(S.t.linger({ onoff = true, linger = 5 }).linger, 5)
  end)
end)

t.describe("a misuse", function()
  t.it("is told in the names that people use", function()
    t.raises('shutdown: argument 2 (how): unknown name "both" for SHUT_*; there are rd, rdwr, wr',
      S.shutdown, 0, "both")
    t.raises('nanosleep: argument 1 (ts): expected a timespec or what makes one, got "1" (string)', S.nanosleep, "1")
    t.raises('setrlimit: argument 2 (limit): expected a rlimit or what makes one, got "x" (string)',
      S.setrlimit, 0, "x")
    t.raises('utimensat: argument 3 (times): expected seconds, "now" or "omit", got "nwo" (string)',
      S.utimensat, nil, "x", { "nwo" })
    t.equal(S.t.linger({ onoff = true, linger = 5 }).linger, 5)
  end)
end)

t.describe("a misuse", function()
  t.it("of a list names what stands in it", function()
    local r, w = t.ok(S.pipe())
    local says = 'poll: argument 1 (fds): expected a table of { fd, "in" } rows, got fd %d (cdata)'
    t.raises(says:format(r.fd), S.poll, r, 0)
    t.raises("readv: argument 2 (iov): expected a table of buffers or sizes, got 5", r.readv, r, 5)
    t.raises('writev: argument 2 (iov): expected a table of strings or buffers, got "x" (string)', w.writev, w, "x")
  end)

  t.it("of openat2's options names the option", function()
    t.raises('open: argument 2 (flags.mode): expected a mode such as "0644", "u=rw,g=r" or 420, got "q" (string)',
      S.open, "/", { flags = "rdonly", mode = "q" })
    t.raises('open: argument 2 (flags.flags): unknown name "rdnly" for O_*; did you mean "rdonly"?', S.open, "/",
      { flags = "rdnly" })
    t.raises('openat: argument 3 (flags.resolve): unknown name "bneath" for RESOLVE_*; did you mean "beneath"?',
      S.openat, nil, "/", { resolve = "bneath" })
  end)

  t.it("of prctl names the argument that is missing or no number", function()
    t.raises("prctl: argument 2 (argument): expected a string, got nil", S.prctl, "set_name")
    t.raises('prctl: argument 2 (argument): expected a number, got "x" (string)', S.prctl, "set_timerslack", "x")
    t.raises("ptrace: argument 3 (argument): expected a siginfo or what makes one, got nil", S.ptrace, "setsiginfo", 1)
  end)
end)

t.describe("a file's mode", function()
  t.it("is shown as ls shows it, and taken so", function()
    local path = t.write("moded", "")
    for _, text in ipairs { "rwxr-x---", "---------", "rwsr-Sr-T", "rwxrwxrwt", "r---w---x" } do
      t.ok(S.chmod(path, text))
      local st = t.ok(S.stat(path))
      t.equal(st.permissions, "-" .. text)
      t.equal(t.ok(S.statx(nil, path)).permissions, "-" .. text)
      t.ok(S.chmod(path, st.permissions))
      t.equal(S.stat(path).mode, st.mode)
    end
    t.equal(S.stat("/dev/null").permissions:sub(1, 1), "c")
    t.equal(S.stat("/").permissions:sub(1, 1), "d")
    for _, text in ipairs { "rwxrwxrw", "rwxrwxrws", "rwtrwxrwx", "xrw------", "?rwxrwxrwx", "u+x", "fifo, 0800" } do
      t.raises(('chmod: argument 2 (mode): expected a mode such as "0644", "u=rw,g=r" or 420, got %q (string)'):format(
        text), S.chmod, path, text)
    end
  end)

  t.it("says what mknod makes", function()
    for i, text in ipairs { "fifo, 0640", "S_IFIFO|S_IRUSR|S_IWUSR|S_IRGRP", "prw-r-----" } do
      local path = t.path("fifo" .. i)
      local old = S.umask "0"
      t.ok(S.mknod(path, text))
      S.umask(old)
      local st = t.ok(S.stat(path))
      t.equal(st.isfifo, true)
      t.equal(st.permissions, "prw-r-----")
    end
  end)

  t.it("names every kind of file", function()
    local number = require("callgate.mode").number
    for kind, octal in pairs { chr = 20, blk = 60, reg = 100, dir = 40, sock = 140, lnk = 120, fifo = 10 } do
      t.equal(number(kind .. ", 0600"), tonumber(octal .. "600", 8))
    end
  end)

  t.it("stands beside the device in both kinds of status", function()
    local st, stx = t.ok(S.stat "/dev/null"), t.ok(S.statx(nil, "/dev/null"))
    t.equal(ffi.cast("uint64_t", stx.rdev), ffi.cast("uint64_t", st.rdev))
    t.equal(ffi.cast("uint64_t", stx.dev), ffi.cast("uint64_t", st.dev))
    t.equal(S.major(stx.rdev), 1)
    t.equal(S.minor(stx.rdev), 3)
  end)
end)
