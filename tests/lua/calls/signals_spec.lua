local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- A C function that is safe inside a signal, and does nothing there.
ffi.cdef [[int callgate_spec_abs(int) __asm__("abs");]]
local HANDLER = ffi.cast("void *", ffi.C.callgate_spec_abs)

t.describe("sigaction", function()
  t.it("ignores a signal, tells what was before, and gives it back", function()
    t.child(nil, function()
      assert(S.sigaction("usr1", "ignore").action == "default")
      assert(S.kill(S.getpid(), "usr1"))
      local old = assert(S.sigaction "usr1")
      assert(old.action == "ignore" and tostring(old.mask) == "sigset {  }")
      assert(S.sigaction("usr1", old).action == "ignore")
      assert(S.sigaction("usr1", "default").action == "ignore")
      assert(S.sigaction("usr1").action == "default")
    end)
    t.equal(t.ending(function()
      S.sigaction("usr1", "ignore")
      S.sigaction("usr1", "default")
      S.kill(S.getpid(), "usr1")
    end).signal, "usr1")
  end)

  t.it("keeps flags and mask as the kernel has them", function()
    t.child(nil, function()
      assert(S.sigaction("chld", { handler = "default", flags = "nocldstop, restart", mask = "int, hup" }))
      local now = assert(S.sigaction "chld")
      local flags = require("bit").band(tonumber(now.flags), S.c.SA "nocldstop, restart, siginfo")
      assert(flags == S.c.SA "nocldstop, restart")
      assert(now.mask:has "int" and now.mask:has "hup" and not now.mask:has "term")
      assert(S.sigaction("quit", "default")) -- a shell may have started this with it ignored
      local ignored = io.open("/proc/self/status"):read("*a"):match "SigIgn:%s*(%x+)"
      assert(S.sigaction("quit", "ignore"))
      local after = io.open("/proc/self/status"):read("*a"):match "SigIgn:%s*(%x+)"
      assert(tonumber(after:sub(-1), 16) - tonumber(ignored:sub(-1), 16) == 4, after) -- bit 2 is SIGQUIT
    end)
  end)

  t.it("runs a C function, which returns to where the signal came", function()
    t.child(nil, function()
      for _, flags in ipairs { "", "siginfo", "restart", "nodefer" } do
        assert(S.sigaction("usr1", { handler = HANDLER, flags = flags, mask = "usr2" }))
        assert(S.sigaction("usr1").action == HANDLER)
        for _ = 1, 20 do
          assert(S.kill(S.getpid(), "usr1"))
        end
      end
      local now = assert(S.sigaction "usr1") -- whose mask lies in it
      assert(now.mask:has "usr2")
    end)
  end)

  t.it("interrupts calls: nanosleep, pause, sigsuspend", function()
    t.child(nil, function()
      assert(S.signal("alrm", HANDLER) == "default")
      assert(S.sigaction("alrm", HANDLER)) -- without SA_RESTART
      S.setitimer("real", { value = 0.02, interval = 0.02 })
      local left = S.t.timespec()
      local ok, _, errno = S.nanosleep(5, left)
      assert(ok == nil and errno == S.EINTR and left.time > 1)
      ok, _, errno = S.pause()
      assert(ok == nil and errno == S.EINTR)
      ok, _, errno = S.sigsuspend "hup"
      assert(ok == nil and errno == S.EINTR)
      assert(not S.sigprocmask():has "hup")
      S.setitimer("real", 0)
      assert(S.signal("alrm", "default") == HANDLER)
    end)
  end)

  t.it("does not take Lua functions, wrong names or signals that nothing handles", function()
    t.raises("sigaction: argument 2 (action): a Lua function cannot be called inside a signal; "
      .. "S.on_signal calls one at a safe point", S.sigaction, "int", function() end)
    t.raises("signal: argument 2 (handler): a Lua function cannot be called inside a signal; "
      .. "S.on_signal calls one at a safe point", S.signal, "int", function() end)
    t.raises('sigaction: argument 2 (action): expected "default", "ignore" or a pointer to a C function, got '
      .. '"ignored" (string)',
      S.sigaction, "int", "ignored")
    local _, message = pcall(S.signal, "usr1", require("ffi").new "int[1]") -- the kernel would jump there
    t.matches(message, 'signal: argument 2 %(handler%): expected "default", .*, got cdata<int %[1%]>')
    t.raises('signal: argument 2 (handler): expected "default", "ignore" or a pointer to a C function, got nil',
      S.signal, "int")
    t.raises('sigaction: argument 1 (signal): unknown name "itn" for SIG*; did you mean "int"?',
      S.sigaction, "itn", "ignore")
    t.raises('sigaction: argument 2 (action): unknown name "restrat" for SA_*; did you mean "restart"?',
      S.sigaction, "int", { "ignore", flags = "restrat" })
    t.fails("EINVAL", S.sigaction("kill", "ignore"))
    t.fails("EINVAL", S.sigaction(200, "ignore"))
  end)
end)

t.describe("on_signal", function()
  t.it("runs Lua functions at the safe point, once for each signal that waits", function()
    t.child(nil, function()
      local seen = {}
      local fd = assert(S.on_signal("usr1, usr2", function(info)
        seen[#seen + 1] = info.signal
        assert(info.pid == S.getpid())
      end))
      assert(S.run_signals() == 0)
      assert(S.kill(S.getpid(), "usr1"))
      assert(S.kill(S.getpid(), "usr2"))
      assert(#seen == 0)
      assert(select(2, S.poll({ { fd } }, 0)) == 1)
      assert(S.run_signals() == 2)
      table.sort(seen)
      assert(seen[1] == "usr1" and seen[2] == "usr2")
      assert(S.run_signals(0.01) == 0)
    end)
  end)

  t.it("waits for one, and gives an interval timer a Lua function", function()
    t.child(nil, function()
      local count = 0
      assert(S.on_signal("alrm", function() count = count + 1 end))
      S.setitimer("real", { value = 0.01, interval = 0.01 })
      while count < 3 do
        assert(S.run_signals(5))
      end
    end)
  end)

  t.it("gives signals back: what waits is delivered", function()
    local status = t.ending(function()
      S.on_signal("term", function() end)
      S.kill(S.getpid(), "term")
      S.on_signal "term"
      return 1
    end)
    t.equal(status.signal, "term")
    t.child(nil, function()
      assert(S.sigprocmask("block", "hup"))
      assert(S.on_signal("hup, int", error))
      assert(S.on_signal "hup, int")
      assert(S.sigprocmask():has "hup" and not S.sigprocmask():has "int")
    end)
  end)

  t.it("hands on a handler's error, and later signals still wait", function()
    t.child(nil, function()
      local ran = 0
      S.on_signal("usr1", function() error "oops" end)
      S.on_signal("usr2", function() ran = ran + 1 end)
      S.kill(S.getpid(), "usr1")
      S.kill(S.getpid(), "usr2")
      local ok, message = pcall(S.run_signals)
      assert(not ok and message:find "oops")
      assert(S.run_signals() == 1 and ran == 1)
    end)
  end)

  t.it("says what it cannot do", function()
    t.raises("on_signal: argument 1 (signals): nothing can handle SIGKILL and SIGSTOP", S.on_signal, "kill", print)
    t.raises('on_signal: argument 2 (handler): expected a function, or nil for none, got "ignore" (string)',
      S.on_signal, "int", "ignore")
  end)
end)

t.describe("the mask", function()
  t.it("is blocked, unblocked and set by name; all but some", function()
    t.child(nil, function()
      assert(S.sigprocmask("setmask", "all, ~chld, ~int"))
      local now = assert(S.sigprocmask())
      assert(now:has "term" and now:has(40) and not now:has "chld" and not now:has "int" and not now:has "kill")
      assert(S.sigprocmask("unblock", "term"):has "term")
      assert(not S.sigprocmask():has "term")
      assert(S.kill(S.getpid(), "hup"))
      assert(S.kill(S.getpid(), 40))
      local pending = assert(S.sigpending())
      assert(tostring(pending) == "sigset { hup, 40 }", tostring(pending))
      assert(#pending:list() == 2 and pending:list()[2] == 40)
    end)
  end)
end)

t.describe("a queued signal", function()
  t.it("brings its number, sender and reason", function()
    t.child(nil, function()
      S.sigprocmask("block", "usr1, usr2")
      assert(S.sigqueue(S.getpid(), "usr1", -7))
      local info = assert(S.sigwaitinfo "usr1")
      assert(info.signal == "usr1" and info.int == -7 and info.reason == "queue" and info.pid == S.getpid())
      assert(tostring(info) == ("siginfo { signal = usr1, code = queue, pid = %d, uid = %d, int = -7 }"):format(
        S.getpid(), S.getuid()))
      local own = { signal = "usr2", code = "queue", value = 9, pid = 1 }
      assert(S.rt_tgsigqueueinfo(S.getpid(), S.gettid(), "usr2", own))
      info = assert(S.sigtimedwait("usr2", 1))
      assert(info.int == 9 and info.pid == 1)
      assert(S.rt_sigqueueinfo(S.getpid(), "usr2", own))
      assert(S.sigtimedwait("usr2", 1).int == 9)
      assert(S.tkill(S.gettid(), "usr1"))
      assert(S.sigtimedwait("usr1", 1).reason == "tkill")
      assert(S.tgkill(S.getpid(), S.gettid(), "usr1"))
      assert(S.sigtimedwait("usr1", 1).pid == S.getpid())
      assert(select(3, S.sigtimedwait("usr1", 0)) == S.EAGAIN)
    end)
    t.fails("ESRCH", S.sigqueue(2 ^ 31 - 1, "usr1", 1))
    t.fails("ESRCH", S.tkill(2 ^ 31 - 1, "usr1"))
    t.fails("EPERM", S.rt_sigqueueinfo(S.getppid(), "urg", { signal = "urg", code = "kernel" }))
  end)
end)

t.describe("sigaltstack", function()
  t.it("is set, told and disabled; a handler runs on it", function()
    t.child(nil, function()
      assert(S.sigaltstack().flags == S.SS_DISABLE)
      local room = ffi.new "char[65536]"
      assert(S.sigaltstack { room })
      local now = assert(S.sigaltstack())
      assert(now.size == 65536 and now.sp == ffi.cast("void *", room))
      S.sigaction("usr1", { handler = HANDLER, flags = "onstack" })
      assert(S.kill(S.getpid(), "usr1"))
      local touched = false
      for i = 0, 65535 do
        touched = touched or room[i] ~= 0
      end
      assert(touched)
      assert(S.sigaltstack "disable")
      assert(S.sigaltstack().flags == S.SS_DISABLE)
    end)
    t.fails("ENOMEM", S.sigaltstack { ffi.new "char[16]" })
  end)
end)

t.describe("a pidfd", function()
  t.it("tells of its process, and gives its namespaces", function()
    local pidfd, _, errno = S.pidfd_open(S.getpid())
    if not pidfd then
      t.equal(errno, S.ENOSYS)
      return
    end
    local info
    info, _, errno = pidfd:ioctl("PIDFD_GET_INFO", { mask = S.PIDFD_INFO_PID + S.PIDFD_INFO_CREDS })
    if info then
      t.equal(info.pid, S.getpid())
      t.equal(info.ppid, S.getppid())
      t.equal(info.euid, S.geteuid())
      t.equal(t.ok(pidfd:ioctl "PIDFD_GET_INFO").pid, S.getpid()) -- which is told unasked
    else -- before Linux 6.13
      t.ok(errno == S.ENOTTY or errno == S.EINVAL)
    end
    local namespace
    namespace, _, errno = pidfd:ioctl "PIDFD_GET_UTS_NAMESPACE"
    if namespace then
      t.equal(namespace:stat().ino, S.stat("/proc/self/ns/uts").ino)
    else
      t.ok(errno == S.ENOTTY or errno == S.EINVAL)
    end
  end)

  t.it("signals a process, waits for it and duplicates its descriptors", function()
    local r, w = t.ok(S.pipe())
    local pid = t.ok(S.fork())
    if pid == 0 then
      r:close()
      while true do
        S.pause()
      end
    end
    local pidfd, message, errno = S.pidfd_open(pid)
    if not pidfd then
      S.kill(pid, "kill")
      S.waitpid(pid)
      t.equal(errno, S.ENOSYS, message)
      return
    end
    t.matches(tostring(pidfd), "^pidfd %d+$")
    local copy = pidfd:getfd(w.fd)
    if copy then
      t.equal(copy:write "hello", 5)
      t.equal(r:read(nil, 5), "hello")
    end
    t.fails("EBADF", pidfd:getfd(9999))
    t.equal(pidfd:send_signal(0), true)
    t.fails("EINVAL", pidfd:send_signal("term", { signal = "hup" }))
    t.equal(pidfd:wait("exited, nohang").pid, 0)
    t.equal(pidfd:kill("term", { signal = "term", value = 1 }), true)
    local info = t.ok(pidfd:wait())
    t.equal(info.pid, pid)
    t.equal(info.status, S.SIGTERM)
    t.equal(info.reason, "killed")
    t.fails("ECHILD", pidfd:wait())
  end)
end)
