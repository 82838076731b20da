local t = ...

local ffi = require "ffi"
local S = require "callgate"

t.describe("clocks", function()
  t.it("tell the time that others tell", function()
    t.ok(math.abs(S.clock_gettime().time - os.time()) < 2)
    t.ok(math.abs(S.gettimeofday().time - os.time()) < 2)
    local up = tonumber(io.open("/proc/uptime"):read "*n")
    t.ok(math.abs(S.clock_gettime("boottime").time - up) < 1)
    t.ok(S.clock_gettime("process_cputime_id").time > 0)
  end)

  t.it("fill in what they are given, in nanoseconds that are exact", function()
    local ts = S.t.timespec()
    t.ok(rawequal(S.clock_gettime("monotonic", ts), ts))
    t.ok(ts.sec > 0 and ts.nsec >= 0 and ts.nsec < 1000000000)
    t.equal(ts.nanoseconds, ts.tv_sec * 1000000000LL + ts.tv_nsec)
    local res = t.ok(S.clock_getres "monotonic")
    t.ok(res.nsec > 0)
    t.fails("EINVAL", S.clock_gettime(1000))
    t.raises('clock_gettime: argument 1 (clock): unknown name "monotonik" for CLOCK_*; did you mean "monotonic"?',
      S.clock_gettime, "monotonik")
    t.fails("EINVAL", S.clock_settime("monotonic", 5))
  end)
end)

t.describe("sleeping", function()
  t.it("takes seconds, and absolute times", function()
    local before = S.clock_gettime("monotonic").time
    t.equal(S.nanosleep(0.02), true)
    local middle = S.clock_gettime("monotonic").time
    t.ok(middle - before >= 0.02 and middle - before < 1)
    t.equal(S.clock_nanosleep("monotonic", "abstime", middle + 0.02), true)
    t.ok(S.clock_gettime("monotonic").time - middle >= 0.02)
    t.equal(S.nanosleep { 0, 1000 }, true)
    t.fails("EINVAL", S.nanosleep(S.t.timespec(0, 2e9)))
    t.matches(select(2, pcall(S.nanosleep, "x")), "^[^\n]*nanosleep: argument 1 %(ts%)")
  end)
end)

t.describe("interval timers", function()
  t.it("are armed and disarmed", function()
    local old = t.ok(S.setitimer("real", { value = 100, interval = 50 }))
    t.equal(old.value, 0)
    local now = t.ok(S.getitimer "real")
    t.ok(now.value > 99 and now.value <= 100)
    t.equal(now.interval, 50)
    t.equal(S.setitimer("real", 0).interval, 50)
  end)
end)

t.describe("the vDSO", function()
  t.it("serves clock_gettime without a system call", function()
    local script = t.write("clock.lua", [[
      local S = require "callgate"
      local ts = S.t.timespec()
      S.clock_gettime("monotonic", ts)
      S.syscall.sync_file_range(-7, 0, 0, 0)
      for _ = 1, 50 do S.clock_gettime("monotonic", ts) end
      S.syscall.sync_file_range(-7, 0, 0, 0)
    ]])
    local log = t.path "strace"
    local lua = arg[-1] or "luajit"
    if os.execute("command -v strace >/dev/null 2>&1") ~= 0 then
      t.skip "strace is not installed"
    elseif os.execute(("strace -o %s %s %s 2>/dev/null"):format(log, lua, script)) ~= 0 then
      t.skip "strace may not trace here"
    end
    local text = io.open(log):read "*a"
    local between = text:match "sync_file_range%(%-7.-\n(.-)sync_file_range%(%-7"
    t.ok(between, "no trace")
    t.equal(between:find "clock_gettime", nil)
    t.ok(ffi.abi "64bit")
  end)
end)
