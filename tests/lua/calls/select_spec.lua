local t = ...

local ffi = require "ffi"
local S = require "callgate"

t.describe("select", function()
  t.it("gives back those that are ready, as they were given", function()
    local r, w = t.ok(S.pipe())
    local readable, writable, exceptional = t.ok(S.select({ r }, { w }, nil, 0))
    t.equal(#readable, 0)
    t.ok(#writable == 1 and writable[1] == w)
    t.equal(#exceptional, 0)
    w:write "x"
    readable, writable = t.ok(S.select({ r.fd, r }, nil, { r }))
    t.ok(readable[1] == r.fd and readable[2] == r and #readable == 2)
    t.equal(#writable, 0)
  end)

  t.it("waits no longer than it is told, and changes no time of the caller's", function()
    local r, w = t.ok(S.pipe())
    local timeout = S.t.timespec(0.02)
    local before = S.clock_gettime("monotonic").time
    t.equal(#t.ok(S.select({ r }, nil, nil, timeout)), 0)
    t.ok(S.clock_gettime("monotonic").time - before >= 0.02)
    t.equal(timeout.time, 0.02)
    t.ok(w)
    t.equal(#t.ok(S.select(nil, nil, nil, 0.001)), 0)
  end)

  t.it("takes descriptors beyond the 1024 of C's fd_set", function()
    t.child(nil, function()
      local limit = t.ok(S.getrlimit "nofile")
      if limit.cur ~= "infinity" and limit.cur < 1100 and not S.setrlimit("nofile", { cur = 2000, max = limit.max })
      then
        t.skip "no more than 1024 descriptors are allowed"
      end
      local r, w = t.ok(S.pipe())
      w:write "x"
      local high = t.ok(r:fcntl("dupfd_cloexec", 1075))
      t.ok(high.fd >= 1075)
      local low = t.ok(S.open("/dev/null"))
      local readable = t.ok(S.select({ high, r, low }, nil, nil, 1))
      t.ok(#readable == 3 and readable[1] == high and readable[2] == r and readable[3] == low)
    end)
  end)

  t.it("refuses what is no descriptor", function()
    local r = t.ok(S.pipe())
    local number = r.fd
    r:close()
    t.raises("select: argument 1 (read[1]): closed descriptor", S.select, { r })
    t.fails("EBADF", S.select({ number }, nil, nil, 0))
    t.raises("select: argument 2 (write): expected a table of descriptors, or nil, got 5", S.select, nil, 5)
    t.raises("select: argument 3 (except[2]): expected an open descriptor, got -2", S.select, nil, nil, { 0, -2 })
    t.raises("select: argument 1 (read[1]): expected an open descriptor, got 2000000000", S.select, { 2000000000 })
    t.fails("EINVAL", S.select(nil, nil, nil, S.t.timespec(0, 2000000000)))
    t.raises('select: argument 1 (read): unknown key "readfds"; expected a list of descriptors: '
      .. "select(read, write, except, timeout)", S.select, { readfds = { number } })
  end)

  t.it("finds nothing ready that is not open, however high its number", function()
    t.fails("EBADF", S.select({ 2000 }, nil, nil, 0))
    t.fails("EBADF", S.select({ 0 }, { 500000 })) -- the kernel would wait for ever
    t.fails("EBADF", S.pselect6(nil, nil, { 100 }, 0))
    local low = t.ok(S.open "/dev/null")
    local high = t.ok(low:fcntl("dupfd_cloexec", 300))
    t.ok(high)
    t.fails("EBADF", S.select({ high, 299 }, nil, nil, 0))
    t.equal(#t.ok(S.select({ high, low }, nil, nil, 0)), 2)
  end)
end)

t.describe("pselect6", function()
  t.it("waits with other signals blocked", function()
    local pid = t.ok(S.fork())
    if pid == 0 then
      local ok = pcall(function()
        assert(S.sigprocmask("block", "usr1"))
        local r, w = assert(S.pipe())
        assert(S.signal("usr1", "ignore"))
        assert(#assert(S.pselect6({ r }, nil, nil, 0.01, "usr1, usr2")) == 0)
        assert(S.sigaction("usr1", "default"))
        assert(S.kill(S.getpid(), "usr1"))
        assert(#assert(S.pselect({ r }, nil, nil, 0.01, "usr1")) == 0)
        S.pselect6({ r }, nil, nil, 20, {}) -- unblocked meanwhile: the signal ends the process
        w:close()
      end)
      S._exit(ok and 1 or 99)
    end
    t.equal(select(2, t.ok(S.waitpid(pid))).signal, "usr1")
  end)

  t.it("is behind the kernel's older call, too", function()
    local r, w = t.ok(S.pipe())
    w:write "x"
    local set = ffi.new "unsigned long[16]"
    local bits = ffi.sizeof "long" * 8
    set[math.floor(r.fd / bits)] = 2 ^ (r.fd % bits)
    local call = S.syscall._newselect or S.syscall.select -- mips and others name the newer form so
    if not call then
      t.skip "this machine's table has no such call"
    end
    local count, _, errno = call(r.fd + 1, set, nil, nil, ffi.new "long[2]")
    t.ok(count == 1 or errno == S.ENOSYS)
  end)
end)
