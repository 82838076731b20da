local t = ...

local ffi = require "ffi"
local S = require "callgate"

t.describe("an epoll set", function()
  t.it("tells which descriptors are ready, by number or by the data given", function()
    local ep = t.ok(S.epoll_create())
    t.equal(ep:fcntl "getfd", S.FD_CLOEXEC)
    local r, w = t.ok(S.pipe())
    local r2, w2 = t.ok(S.pipe())
    t.equal(ep:add(r, "in"), true)
    t.equal(ep:add(r2, "in, et", 12345678901), true)
    t.fails("EEXIST", ep:add(r, "in"))
    t.equal(#t.ok(ep:wait(8, 0)), 0)
    w:write "x"
    w2:write "y"
    local seen = {}
    for data, event in t.ok(ep:wait(8, 1000)) do
      seen[data] = event.readable and not event.writable and not event.hup
    end
    t.same(seen, { [r.fd] = true, [12345678901] = true })
    t.equal(#ep:wait(8, 0), 1)
    t.equal(ep:mod(r, "out"), true)
    t.equal(#ep:wait(8, 0), 0)
    w2:close()
    local _, event = t.ok(ep:wait(8, 0))()
    t.equal(event.hup, true)
    t.equal(ep:del(r2), true)
    t.fails("ENOENT", ep:del(r2))
  end)

  t.it("is used as epoll_ctl and epoll_pwait, too, and by name through another library's number", function()
    local ep = t.ok(S.epoll_create "~cloexec")
    t.equal(ep:fcntl "getfd", 0)
    local r, w = t.ok(S.pipe())
    t.equal(S.epoll_ctl(ep, "add", r, { events = "in", data = 7 }), true)
    w:write "x"
    local events = ffi.new(ffi.typeof("$[4]", S.t.epoll_event))
    t.equal(S.epoll_pwait(ep, events, 4, 0), 1)
    t.equal(events[0].data, 7)
    local size = ffi.sizeof(S.t.epoll_event) -- packed on x86-64 alone
    local few = ("epoll_pwait: argument 3 (maxevents): %d bytes, but the buffer has %d"):format(5 * size, 4 * size)
    t.raises(few, S.epoll_pwait, ep, events, 5, 0)
    t.equal(S.epoll_ctl(ep.fd, "del", r.fd), true)
    t.equal(#S.epoll_wait(ep.fd, 4, 0), 0)
    local again, message, errno = S.epoll_pwait2(ep, events, 4, 0.01)
    t.ok(again == 0 or errno == S.ENOSYS, message)
  end)

  t.it("keeps nested loops and abandoned ones apart", function()
    local ep = t.ok(S.epoll_create())
    local ends = {}
    for i = 1, 5 do
      local r, w = t.ok(S.pipe())
      w:write "x"
      t.ok(ep:add(r, "in"))
      ends[i] = { r, w }
    end
    local outer, inner = 0, 0
    for _ in ep:wait(8, 0) do
      outer = outer + 1
      for _ in ep:wait(8, 0) do
        inner = inner + 1
      end
    end
    t.equal(outer, 5)
    t.equal(inner, 25)
    t.ok(ep:wait(8, 0)()) -- one step only
    t.equal(#ep:wait(2, 0), 2)
    local own = S.epoll_events(3)
    t.ok(rawequal(ep:wait(own, 0), own))
    t.equal(#own, 3)
    t.ok(ends)
  end)

  t.it("waits no longer than asked, and with signals blocked meanwhile", function()
    local ep = t.ok(S.epoll_create())
    local before = S.clock_gettime("monotonic").time
    t.equal(#ep:wait(1, 20, "usr1"), 0)
    local took = S.clock_gettime("monotonic").time - before
    t.ok(took >= 0.019 and took < 1, took)
  end)

  t.it("reports a number below zero as its two's complement", function()
    local ep = t.ok(S.epoll_create())
    local r, w = S.pipe()
    t.equal(ep:add(w, "out", -1), true)
    t.equal(t.ok(ep:wait(1))(), 0xffffffffffffffffULL)
    r:close()
  end)

  t.it("refuses what it cannot mean", function()
    local ep = t.ok(S.epoll_create())
    t.raises('epoll_add: argument 3 (events): unknown name "inn" for EPOLL*; did you mean "in"?', ep.add, ep, 0, "inn")
    t.raises("epoll_wait: argument 2 (max): expected at least 1, got 0", ep.wait, ep, 0)
    t.fails("EPERM", ep:add(t.ok(S.open "/etc/passwd"), "in"))
    t.fails("EINVAL", ep:add(ep, "in"))
    ep:close()
    t.raises("epoll_wait: argument 1 (set): closed descriptor", ep.wait, ep)
  end)
end)

t.describe("poll", function()
  t.it("refuses rows with keys that mean nothing", function()
    local r, w = t.ok(S.pipe())
    t.raises('poll: argument 1 (fds[1]): unknown key "evens"; did you mean "events"?', S.poll,
      { { fd = r, evens = "in" } }, 0)
    t.raises('ppoll: argument 1 (fds[2]): unknown key "3"; there are events, fd, revents', S.ppoll,
      { { r }, { r, "in", "out" } }, 0)
    t.equal(select(2, t.ok(S.poll({ { fd = r, events = "in", revents = 0 } }, 0))), 0)
    w:close()
  end)

  t.it("iterates over what is ready, by what was given", function()
    local r, w = t.ok(S.pipe())
    local idle, idle_end = t.ok(S.pipe())
    w:write "x"
    local seen = {}
    local iterator, count = t.ok(S.poll({ { r, "in" }, { fd = w.fd, events = "out" }, { idle } }, 0))
    t.equal(count, 2)
    for fd, event in iterator do
      seen[#seen + 1] = fd
      t.equal(event.readable, rawequal(fd, r))
      t.equal(event.writable, fd == w.fd)
    end
    t.equal(#seen, 2)
    t.ok(rawequal(seen[1], r))
    t.equal(select(2, S.poll({ { idle, "in" } }, 0)), 0)
    w:close()
    r:read()
    local _, event = S.ppoll({ { r } }, 0.5)()
    t.equal(event.hup, true)
    t.ok(idle_end)
  end)

  t.it("fills in an array of the caller's", function()
    local r, w = t.ok(S.pipe())
    w:write "x"
    local list = ffi.new(ffi.typeof("$[2]", S.t.pollfd))
    list[0].fd, list[0].events = r.fd, S.POLLIN
    list[1].fd = -1
    t.equal(S.poll(list, 0, 2), 1)
    t.equal(list[0].readable, true)
    t.equal(S.poll(list, 0), 1)
    t.raises("poll: argument 3 (count): 24 bytes, but the buffer has 16", S.poll, list, 0, 3)
  end)

  t.it("refuses what it cannot mean", function()
    t.raises('poll: argument 1 (fds): expected a table of { fd, "in" } rows, got nil', S.poll)
    t.raises('poll: argument 1 (fds[1]): expected a row { fd, "in" }, got 5', S.poll, { 5 })
    t.raises(
      'poll: argument 1 (fds[1].events): unknown name "inn" for POLL*; did you mean "in"?',
      S.poll, { { 0, "inn" } }
    )
  end)
end)

t.describe("an event counter", function()
  t.it("counts, as numbers", function()
    local e = t.ok(S.eventfd(3, "nonblock"))
    t.equal(e:fcntl "getfd", S.FD_CLOEXEC)
    t.equal(e:write(4), true)
    t.equal(e:write(), true)
    t.equal(e:read(), 8)
    t.fails("EAGAIN", e:read())
    t.equal(e:write(2 ^ 40), true)
    t.equal(e:read(), 2 ^ 40)
    t.equal(e:write(0xfffffffffffffffdULL), true)
    t.equal(e:read(), 0xfffffffffffffffdULL)
    t.raises("eventfd_write: argument 2 (value): expected a size >= 0, got -1", e.write, e, -1)
    t.raises('eventfd_write: argument 2 (value): expected a number, or memory with its 8 bytes, got "x" (string)',
      e.write, e, "x")
    local s = t.ok(S.eventfd(2, "semaphore"))
    t.equal(s:read(), 1)
    t.equal(s:read(), 1)
    local buffer = ffi.new "uint64_t[1]"
    e:write(5)
    t.equal(e:read(buffer, 8), 8)
    t.equal(buffer[0], 5)
  end)
end)

t.describe("a timer descriptor", function()
  t.it("expires once, again, and tells what is left", function()
    local timer = t.ok(S.timerfd_create("monotonic", "nonblock"))
    t.fails("EAGAIN", timer:read())
    local old = t.ok(timer:settime(nil, 0.01))
    t.equal(old.value, 0)
    t.ok(S.poll({ { timer } }, 1000))
    t.equal(timer:read(), 1)
    t.ok(timer:settime(0, { value = 100, interval = 2.5 }))
    local left = t.ok(timer:gettime())
    t.ok(left.value > 99 and left.value <= 100)
    t.equal(left.interval, 2.5)
    t.ok(timer:settime("abstime", { value = S.clock_gettime("monotonic").time - 1 }))
    t.ok(S.poll({ { timer } }, 1000)) -- it expires by an interrupt, which may be yet to come
    t.equal(timer:read() >= 1, true)
    t.equal(timer:settime(nil, { 0, 0 }).interval, 0)
    t.raises('timerfd_settime: argument 2 (flags): unknown name "abstim" for TFD_TIMER_*; did you mean "abstime"?',
      timer.settime, timer, "abstim", 1)
  end)
end)

t.describe("a signal descriptor", function()
  t.it("reads blocked signals with their sender", function()
    local old = t.ok(S.sigprocmask("block", "usr1, usr2"))
    local s = t.ok(S.signalfd("usr1", "nonblock"))
    t.fails("EAGAIN", s:read())
    S.kill(S.getpid(), "usr1")
    t.equal(S.sigpending():has "usr1", true)
    local info = t.ok(s:read())
    t.equal(info.signal, "usr1")
    t.equal(info.signo, S.SIGUSR1)
    t.equal(info.pid, S.getpid())
    t.equal(info.uid, S.getuid())
    t.equal(s:setmask "usr2", true)
    S.kill(S.getpid(), "usr2")
    t.equal(s:read(S.t.signalfd_siginfo()).signal, "usr2")
    t.raises('signalfd: argument 1 (mask): unknown name "usr9" for SIG*; did you mean "usr1"?', S.signalfd, "usr9")
    t.ok(S.sigprocmask("setmask", old))
  end)
end)

t.describe("a watcher of files", function()
  t.it("reports events with names", function()
    local path = t.path "watched"
    t.ok(S.mkdir(path))
    local i = t.ok(S.inotify_init "nonblock")
    local watch = t.ok(i:add_watch(path, "create, delete, moved_from, moved_to"))
    t.fails("EAGAIN", i:read())
    t.ok(S.mkdir(path .. "/a directory"))
    t.ok(S.creat(path .. "/file", "0600"))
    t.ok(S.rename(path .. "/file", path .. "/moved"))
    t.ok(S.unlink(path .. "/moved"))
    local seen, cookies = {}, {}
    for event in t.ok(i:read()) do
      t.equal(event.wd, watch)
      for _, name in ipairs { "create", "delete", "moved_from", "moved_to" } do
        if event[name] then
          seen[#seen + 1] = name .. " " .. event.name .. (event.isdir and "/" or "")
        end
      end
      cookies[#cookies + 1] = event.cookie
    end
    t.same(seen, { "create a directory/", "create file", "moved_from file", "moved_to moved", "delete moved" })
    t.ok(cookies[3] ~= 0 and cookies[3] == cookies[4])
    t.equal(i:rm_watch(watch), true)
    local event = t.ok(i:read())()
    t.equal(event.ignored, true)
    t.equal(event.name, "")
    t.fails("EINVAL", i:rm_watch(watch))
    t.raises('inotify_add_watch: argument 3 (mask): unknown name "creat" for IN_*; did you mean "create"?',
      i.add_watch, i, path, "creat")
  end)

  t.it("has no flags among the names of events, nor events among those of flags", function()
    local path = t.path "watched itself"
    t.ok(S.mkdir(path))
    local i = t.ok(S.inotify_init "nonblock")
    t.ok(i:add_watch(path, "move_self"))
    t.ok(S.rename(path, path .. " moved"))
    t.equal(tostring(t.ok(i:read())()), "inotify event { move_self }") -- whose bit is IN_NONBLOCK's, too
    t.raises('inotify_add_watch: argument 3 (mask): unknown name "nonblock" for IN_*', i.add_watch, i, path, "nonblock")
    t.raises('inotify_init: argument 1 (flags): unknown name "create" for IN_*; there are cloexec, nonblock',
      S.inotify_init, "create")
  end)
end)
