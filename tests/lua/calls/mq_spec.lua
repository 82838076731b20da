local t = ...

local ffi = require "ffi"
local S = require "callgate"

local count = 0

-- Calls body with a queue of its own, whose name is gone when the test is over; skips where there are none.
local function with_queue(attr, body)
  count = count + 1
  local name = ("/callgate-%d-%d"):format(S.getpid(), count)
  local q, message, errno = S.mq_open(name, "rdwr, creat, excl", "0600", attr)
  if errno == S.ENOSYS then
    t.skip "the kernel has no message queues"
  end
  t.ok(q, message)
  local ok, problem = pcall(body, q, name)
  S.mq_unlink(name)
  if not ok then
    error(problem, 0)
  end
end

local SMALL = { maxmsg = 4, msgsize = 16 }

t.describe("a message queue", function()
  t.it("gives messages by priority, then by age", function()
    with_queue(SMALL, function(q)
      t.equal(q:send "first", true)
      t.equal(q:send("urgent", 9), true)
      t.equal(q:send("", 1), true)
      t.equal(S.mq_timedsend(q, "second"), true)
      local text, priority = q:receive()
      t.equal(text, "urgent")
      t.equal(priority, 9)
      t.equal(q:receive(), "")
      t.equal(q:receive(), "first")
      local buffer = ffi.new "char[16]"
      local length
      length, priority = q:receive(buffer)
      t.equal(ffi.string(buffer, length), "second")
      t.equal(priority, 0)
      t.fails("EMSGSIZE", q:receive(ffi.new "char[15]"))
      t.fails("EMSGSIZE", q:send(("x"):rep(17)))
      t.fails("EINVAL", q:send("x", 32768))
      t.raises("mq_timedsend: argument 2 (data): expected a string or a buffer, got nil", q.send, q)
    end)
  end)

  t.it("is a descriptor of its own kind, closed and opened like others", function()
    with_queue(SMALL, function(q, name)
      t.matches(tostring(q), "^mqueue %d+$")
      t.equal(q:fcntl "getfd", S.FD_CLOEXEC)
      t.fails("EEXIST", S.mq_open(name, "rdwr, creat, excl", "0600", SMALL))
      local reader = t.ok(S.mq_open(name, "rdonly, nonblock"))
      t.fails("EAGAIN", reader:receive())
      t.fails("EBADF", reader:send "x")
      local again = t.ok(S.mq_open(name:sub(2), "wronly, ~cloexec"))
      t.equal(again:fcntl "getfd", 0)
      t.equal(again:send "x", true)
      local fd, events = t.ok(S.poll({ { reader, "in" } }, 1000))()
      t.ok(fd and events.readable)
      t.equal(reader:receive(), "x")
      t.equal(reader:close(), true)
      t.fails("EBADF", reader:close())
      t.equal(S.mq_unlink(name), true)
      t.fails("ENOENT", S.mq_unlink(name))
      t.fails("ENOENT", S.mq_open(name, "rdonly"))
      t.fails("EACCES", S.mq_open("/a/b", "rdonly"))
      t.raises("mq_open: argument 1 (name): expected a string, got nil", S.mq_open)
      t.raises('mq_open: argument 4 (attr): unknown attribute "maxmsgs"; there are flags, maxmsg and msgsize',
        S.mq_open, "/x", "rdwr", nil, { maxmsgs = 1 })
    end)
  end)

  t.it("tells its attributes, of which nonblock can change", function()
    with_queue(SMALL, function(q)
      q:send "x"
      local attr = t.ok(q:getattr())
      t.equal(attr.maxmsg, 4)
      t.equal(attr.msgsize, 16)
      t.equal(attr.curmsgs, 1)
      t.equal(attr.flags, 0)
      t.equal(t.ok(q:setattr { flags = "nonblock" }).flags, 0)
      t.equal(t.ok(q:getattr()).flags, S.O_NONBLOCK)
      q:receive()
      t.fails("EAGAIN", q:receive())
      t.equal(t.ok(S.mq_getsetattr(q, {})).flags, S.O_NONBLOCK)
    end)
  end)

  t.it("waits until a time of the realtime clock", function()
    with_queue(SMALL, function(q)
      local before = S.clock_gettime("monotonic").time
      t.fails("ETIMEDOUT", q:receive(nil, S.clock_gettime("realtime").time + 0.03))
      t.ok(S.clock_gettime("monotonic").time - before >= 0.02)
      t.fails("ETIMEDOUT", q:receive(nil, 1))
      for _ = 1, 4 do
        t.ok(q:send "x")
      end
      t.fails("ETIMEDOUT", q:send("x", 0, S.clock_gettime("realtime").time + 0.01))
    end)
  end)

  t.it("sends a signal when its first message comes", function()
    with_queue(SMALL, function(q)
      local old = t.ok(S.sigprocmask("block", "usr1"))
      local ok, message, errno = q:notify { signo = "usr1", value = 77 }
      if errno == S.ENOSYS then
        t.skip "there is no mq_notify here"
      end
      t.ok(ok, message)
      t.fails("EBUSY", q:notify "usr1")
      q:send "x"
      local info = t.ok(S.sigtimedwait("usr1", 5))
      t.equal(info.signo, S.SIGUSR1)
      t.equal(q:notify "none", true)
      t.equal(q:notify(), true)
      q:receive()
      t.equal(q:notify "usr1", true)
      t.equal(q:notify(), true)
      q:send "y"
      t.fails("EAGAIN", S.sigtimedwait("usr1", 0))
      t.ok(S.sigprocmask("setmask", old))
      t.raises('mq_notify: argument 2 (event): unknown field "sig"; there are notify, signo, value and tid',
        q.notify, q, { sig = "usr1" })
    end)
  end)

  t.it("passes between processes", function()
    with_queue(SMALL, function(q)
      local pid = t.ok(S.fork())
      if pid == 0 then
        S._exit(q:send("child", 2) and 0 or 1)
      end
      t.equal(q:receive(nil, S.clock_gettime("realtime").time + 5), "child")
      t.equal(select(2, t.ok(S.waitpid(pid))).exitstatus, 0)
    end)
  end)
end)
