local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- The kernel's call of that name, as it is; where the target's table has none, it answers as the kernel would.
local function bare(name)
  return S.syscall[name] or function()
    return nil, S.strerror "ENOSYS", S.ENOSYS
  end
end

t.describe("a POSIX timer", function()
  t.it("sends its signal with its value", function()
    t.child(nil, function()
      assert(S.sigprocmask("block", "usr1"))
      local timer = assert(S.timer_create("monotonic", { signo = "usr1", value = 7 }))
      local before = assert(S.timer_settime(timer, nil, 0.01))
      assert(before.value == 0)
      local info = assert(S.sigwaitinfo("usr1", 10))
      assert(info.signal == "usr1" and info.int == 7)
      assert(S.timer_getoverrun(timer) == 0)
      assert(S.timer_delete(timer))
    end)
  end)

  t.it("tells what remains, and what was set before", function()
    local timer = t.ok(S.timer_create("realtime", "none"))
    t.equal(t.ok(S.timer_gettime(timer)).value, 0)
    t.ok(S.timer_settime(timer, nil, { value = 100, interval = 50 }))
    local now = S.t.itimerspec()
    t.ok(rawequal(S.timer_gettime(timer, now), now))
    t.ok(now.value > 90 and now.value <= 100)
    t.equal(now.interval, 50)
    t.equal(t.ok(S.timer_settime(timer, "abstime", { value = S.time() + 1000 })).interval, 50)
    local left = t.ok(S.timer_gettime(timer)).value
    t.ok(left > 900 and left <= 1001, left)
    t.equal(S.timer_delete(timer), true)
    t.fails("EINVAL", S.timer_delete(timer))
    t.fails("EINVAL", S.timer_gettime(timer))
    t.fails("EINVAL", S.timer_getoverrun(timer))
  end)

  t.it("counts what expired while its signal waited", function()
    t.child(nil, function()
      assert(S.sigprocmask("block", "usr2"))
      local timer = assert(S.timer_create(nil, "usr2"))
      assert(S.timer_settime(timer, nil, { value = 0.001, interval = 0.001 }))
      for _ = 1, 500 do -- until one has certainly been missed
        S.nanosleep(0.01)
        if S.sigpending():has "usr2" then
          break
        end
      end
      S.nanosleep(0.05)
      assert(S.sigwaitinfo("usr2", 10))
      assert(S.timer_getoverrun(timer) > 0)
      assert(S.timer_delete(timer))
    end)
  end)

  t.it("that is none is refused", function()
    t.fails("EINVAL", S.timer_create(1000))
    t.raises('timer_create: argument 1 (clock): unknown name "monotonik" for CLOCK_*; did you mean "monotonic"?',
      S.timer_create, "monotonik")
    t.raises('timer_settime: argument 2 (flags): unknown name "abstim" for TIMER_*; did you mean "abstime"?',
      S.timer_settime, 1, "abstim", 1)
    t.raises("timer_settime: argument 1 (timer): expected an integer of 32 bits, got nil", S.timer_settime)
  end)
end)

t.describe("alarm", function()
  t.it("sends SIGALRM, and tells what was left", function()
    t.child(nil, function()
      assert(S.alarm(100) == 0)
      local left = assert(S.alarm(0))
      assert(left > 90 and left <= 100)
      assert(S.alarm(0) == 0)
      assert(S.sigprocmask("block", "alrm"))
      assert(S.alarm(1) == 0)
      assert(assert(S.sigwaitinfo("alrm", 20)).signal == "alrm")
    end)
    t.raises("alarm: argument 1 (seconds): expected an integer from 0 to 4294967295, got 1.5", S.alarm, 1.5)
  end)

  t.it("is the kernel's where it has one", function()
    t.child(nil, function()
      local left, _, errno = bare "alarm"(50)
      if left == nil then
        assert(errno == S.ENOSYS) -- arm64's table and those after it have none
        return
      end
      assert(left == 0)
      local rest = assert(S.alarm(0))
      assert(rest > 40 and rest <= 50)
    end)
  end)
end)

t.describe("the clock", function()
  t.it("tells whole seconds", function()
    t.ok(math.abs(S.time() - os.time()) < 2)
    t.equal(S.time() % 1, 0)
    local seconds, _, errno = bare "time"(nil)
    if seconds then
      t.ok(math.abs(tonumber(seconds) - os.time()) < 2)
    else
      t.equal(errno, S.ENOSYS)
    end
  end)

  t.it("is set only with sense and rights", function()
    t.fails("EINVAL", S.settimeofday { 0, 2000000 })
    t.child(nil, function()
      assert(S.capset {})
      local _, _, number = S.settimeofday(1)
      assert(number == S.EPERM)
    end)
    t.matches(select(2, pcall(S.settimeofday, "now")), "settimeofday: argument 1 %(tv%): expected a")
  end)

  t.it("tells how it is kept", function()
    local timex, state = t.need("clock_adjtime64", S.adjtimex())
    t.ok(timex, state)
    t.ok(timex.tick > 0)
    t.equal(type(timex.synchronized), "boolean")
    t.equal(timex.synchronized, not timex.flags:find "unsync")
    t.equal(S.c.TIME[state] ~= nil, true)
    t.ok(math.abs(timex.seconds - os.time()) < 2)
    local other = t.ok(S.clock_adjtime("realtime", S.t.timex()))
    t.equal(other.tick, timex.tick)
    t.equal(t.ok(S.clock_adjtime()).tai, timex.tai)
    local ok, _, errno = S.clock_adjtime("monotonic")
    t.ok(not ok and (errno == S.EOPNOTSUPP or errno == S.EINVAL))
  end)

  t.it("is adjusted by what a table names", function()
    local timex = S.t.timex { freq = 65536, status = "pll, unsync" }
    t.equal(timex.modes, S.c.ADJ "frequency, status")
    t.equal(timex.freq, 65536)
    t.equal(timex.flags, "pll, unsync")
    t.equal(S.t.timex({ modes = "nano" }).modes, S.ADJ_NANO)
    t.equal(tonumber(S.t.timex({ time = 1.5 }).time.tv_sec), 1)
    t.matches(select(2, pcall(S.adjtimex, { frequency = 1 })),
      'adjtimex: argument 1 %(timex%): unknown field "frequency"')
    t.child(nil, function()
      assert(S.capset {})
      local _, _, errno = S.adjtimex { freq = 0 }
      assert(errno == S.EPERM or errno == S.ENOSYS)
    end)
  end)

  t.it("is read by the kernel's older call, too", function()
    local timex = ffi.new "char[256]"
    local state, _, errno = bare "adjtimex"(timex)
    t.ok(state and state >= 0 and state <= 5 or errno == S.ENOSYS)
  end)
end)

t.describe("times of files", function()
  local function times(path)
    local st = t.ok(S.stat(path))
    return st.atime, st.mtime
  end

  t.it("are set by the names of older calls", function()
    local path = t.write("dated", "")
    t.equal(S.utime(path, { 1000, 2000 }), true)
    local atime, mtime = times(path)
    t.ok(atime == 1000 and mtime == 2000)
    t.equal(S.utimes(path, { 3000, "omit" }), true)
    atime, mtime = times(path)
    t.ok(atime == 3000 and mtime == 2000)
    local dir = t.ok(S.open(path:match "^(.*)/", "rdonly, directory"))
    t.equal(dir:futimesat(path:match "[^/]*$", { 5, 6 }), true)
    atime, mtime = times(path)
    t.ok(atime == 5 and mtime == 6)
    t.equal(S.futimesat(nil, path), true)
    t.ok(math.abs(select(2, times(path)) - os.time()) < 60)
    t.fails("ENOENT", S.utime(t.path "none"))
  end)

  t.it("are set by name, of C's record or of what stat told", function()
    local path = t.write("named", "")
    local function set_by(call, given, first, second)
      t.equal(call(path, given), true)
      local atime, mtime = times(path)
      t.equal(atime, first)
      t.equal(mtime, second)
    end
    set_by(S.utimens, { atime = 1, mtime = 2 }, 1, 2)
    set_by(S.utimens, { mtime = 3, atime = "omit" }, 1, 3)
    set_by(S.utime, { actime = 4, modtime = 5 }, 4, 5)
    set_by(S.utime, S.t.utimbuf(6, 7), 6, 7)
    set_by(S.utimens, { S.t.timespec(8), 9LL }, 8, 9)
    t.equal(S.utimens(path, { S.t.timespec(8.5) }), true)
    t.equal(S.statx(nil, path).atime, 8.5) -- qemu-user's stat leaves nanoseconds out on s390x
    set_by(S.utimens, S.t.timespec_pair { mtime = 10, atime = 11 }, 11, 10)
  end)

  t.it("are refused by names that they do not have", function()
    local path = t.write("misnamed", "")
    local times_of = ": argument 2 (times): "
    t.raises("utimens" .. times_of .. 'unknown key "mtme"; did you mean "mtime"?', S.utimens, path, { mtme = 1 })
    t.raises("futimens" .. times_of .. 'unknown key "access"; there are actime, atime, modtime, mtime', S.futimens, 0,
      { access = 1 })
    t.raises("utimens" .. times_of .. 'unknown key "3"; there are actime, atime, modtime, mtime', S.utimens, path,
      { 1, 2, 3 })
    t.raises("utime" .. times_of .. 'key "atime": its time is given twice', S.utime, path, { 1, atime = 2 })
    t.matches(select(2, pcall(S.utimens, path, { S.t.timeval(1) })), 'expected seconds, "now" or "omit", got timeval')
  end)

  t.it("are set by the older calls themselves", function()
    local path = t.write("dated", "")
    local function set(name, ...)
      local ok, _, errno = bare(name)(...)
      if ok == nil then
        return t.equal(errno, S.ENOSYS) -- newer machines have utimensat alone
      end
      local atime, mtime = times(path)
      t.ok(atime == 7 and mtime == 8, name)
      S.utime(path)
    end
    set("utime", path, ffi.new("long[2]", 7, 8))
    set("utimes", path, ffi.new("long[4]", 7, 0, 8, 0))
    set("futimesat", S.AT_FDCWD, path, ffi.new("long[4]", 7, 0, 8, 0))
  end)
end)
