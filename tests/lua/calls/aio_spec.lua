local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- A context for the test; skips where the kernel, or what stands for it, has none.
local function context(events)
  local number, message, errno = S.io_setup(events)
  if number == nil and errno == S.ENOSYS then
    t.skip "no asynchronous I/O here"
  end
  return t.ok(number, message)
end

local function file(name, text)
  local fd = t.ok(S.open(t.write(name, text or ""), "rdwr"))
  return fd
end

-- The events of `count` requests, by request.
local function all(number, count)
  local found, total = {}, 0
  while total < count do
    local events = t.ok(S.io_getevents(number, 1, count, 20))
    t.ok(#events > 0)
    for _, event in ipairs(events) do
      found[event.request] = event
      total = total + 1
    end
  end
  return found
end

t.describe("asynchronous I/O", function()
  t.it("reads and writes", function()
    local number = context(8)
    local fd = file "read"
    local write = { "pwrite", fd, "hello, kernel", 0 }
    t.equal(S.io_submit(number, { write }), 1)
    t.equal(all(number, 1)[write].result, 13)
    local buffer = ffi.new "char[6]"
    local sized, into = { "pread", fd, 100, 7 }, { op = "pread", fd = fd, buf = buffer, offset = 7 }
    t.equal(S.io_submit(number, { sized, into }), 2)
    local events = all(number, 2)
    t.equal(events[sized].data, "kernel")
    t.equal(events[into].result, 6)
    t.equal(events[into].data, nil)
    t.equal(ffi.string(buffer, 6), "kernel")
    t.equal(S.io_destroy(number), true)
    t.fails("EINVAL", S.io_destroy(number))
  end)

  t.it("takes vectors", function()
    local number = context(8)
    local fd = file "vectors"
    local write = { "pwritev", fd, { "one ", "two ", "three" }, 0 }
    t.equal(S.io_submit(number, { write }), 1)
    t.equal(all(number, 1)[write].result, 13)
    local read = { "preadv", fd, { 4, 100 }, 0 }
    t.equal(S.io_submit(number, { read }), 1)
    t.equal(all(number, 1)[read].data, "one two three")
    t.ok(S.io_destroy(number))
  end)

  t.it("tells failures by errno, each with its request", function()
    local number = context(8)
    local fd = t.ok(S.open(t.write("only-read", "text"), "rdonly"))
    local fine = { "pread", fd, 4, 0 }
    -- What the kernel sees at once, it says of the submission, as far as none went before it.
    t.fails("EBADF", S.io_submit(number, { { "pwrite", fd, "x", 0 } }))
    t.equal(S.io_submit(number, { fine, { "pread", 1000, 4, 0 } }), 1)
    t.equal(all(number, 1)[fine].data, "text")
    t.fails("EINVAL", S.io_submit(number, { { 99, fd, nil, 0 } }))
    local reader, writer = t.ok(S.pipe())
    reader:close()
    local broken = { "pwrite", writer, "x" }
    local before = t.ok(S.signal("pipe", "ignore"))
    local taken, _, errno = S.io_submit(number, { broken })
    S.signal("pipe", before)
    if taken == 1 then -- a pipe's end is an event of the request
      local event = all(number, 1)[broken]
      t.ok(event.errno == S.EPIPE or event.errno == S.ESPIPE)
      t.equal(event.message, S.strerror(event.errno))
      t.equal(event.result, nil)
    else
      t.ok(errno == S.ESPIPE or errno == S.EINVAL)
    end
    t.ok(S.io_destroy(number))
  end)

  t.it("polls, tells an eventfd, and stops what it is asked to", function()
    local number = context(8)
    local r, w = t.ok(S.pipe())
    local event = t.ok(S.eventfd(0, "nonblock"))
    local ready = { "poll", w, "out", resfd = event }
    local taken, message, errno = S.io_submit(number, { ready })
    if taken == nil and errno == S.EINVAL then
      t.skip "no poll before Linux 4.19"
    end
    t.equal(taken, 1, message)
    t.equal(all(number, 1)[ready].result, S.POLLOUT)
    t.equal(event:read(), 1)
    local never = { "poll", r, "in" }
    t.equal(S.io_submit(number, { never }), 1)
    t.equal(#t.ok(S.io_getevents(number, 0, 4, 0)), 0)
    t.equal(#t.ok(S.io_getevents(number, 1, 4, 0.01)), 0)
    t.equal(S.io_cancel(number, never), true)
    local ended = all(number, 1)[never]
    t.ok(ended.errno == S.ECANCELED or ended.result == 0)
    t.fails("EINVAL", S.io_cancel(number, never))
    t.ok(S.io_destroy(number))
  end)

  t.it("keeps what the kernel uses until the event has come", function()
    local number = context(8)
    local fd = file "kept"
    local function submit()
      t.equal(S.io_submit(number, { { "pwrite", fd, ("x"):rep(10000) .. "y", 0 }, { "fdsync", fd } }), 2)
    end
    local memory = setmetatable({}, { __mode = "v" })
    do
      local buffer = ffi.new "char[10]"
      memory[1] = buffer
      t.equal(S.io_submit(number, { { "pread", fd, buffer, 0 } }), 1)
    end
    submit()
    collectgarbage()
    collectgarbage()
    t.ok(memory[1] ~= nil)
    for _ = 1, 3 do
      t.equal(#t.ok(S.io_getevents(number, 1, 1, 20)), 1)
    end
    t.equal(t.ok(fd:stat()).size, 10001)
    t.ok(S.io_destroy(number))
  end)

  t.it("waits with other signals blocked", function()
    local number = context(4)
    local events, message, errno = S.io_pgetevents(number, 1, 4, 0.01, "usr1")
    if events == nil and errno == S.ENOSYS then
      t.skip "no io_pgetevents before Linux 4.18"
    end
    t.equal(#t.ok(events, message), 0)
    t.equal(#t.ok(S.io_pgetevents(number, 0, 4)), 0)
    local fd = file("masked", "text")
    local read = { "pread", fd, 4, 0 }
    t.equal(S.io_submit(number, { read }), 1)
    events = t.ok(S.io_pgetevents(number, 1, 4, 20, "usr1, usr2"))
    t.equal(events[1].data, "text")
    t.ok(S.io_destroy(number))
  end)

  t.it("refuses what makes no sense before the kernel hears of it", function()
    t.raises('io_submit: argument 2 (requests[1].op): unknown name "raed" for IOCB_CMD_*; did you mean "pread"?',
      S.io_submit, 1, { { "raed", 0 } })
    t.raises('io_submit: argument 2 (requests[1]): unknown field "offest"; did you mean "offset"?', S.io_submit, 1,
      { { "pread", 0, 10, offest = 5 } })
    t.raises("io_submit: argument 2 (requests[1].buf): expected a buffer (cdata), got \"x\" (string)", S.io_submit, 1,
      { { "pread", 0, "x" } })
    t.raises("io_submit: argument 2 (requests): expected a table of requests, got 5", S.io_submit, 1, 5)
    t.raises("io_getevents: argument 3 (max): expected a number of events from 1 to 65536, got 0", S.io_getevents,
      1, 0, 0)
    local _, _, errno = S.io_submit(1, { { "pread", 0, 10 } })
    t.ok(errno == S.EINVAL or errno == S.ENOSYS)
    _, _, errno = S.io_getevents(1, 1, 1, 0)
    t.ok(errno == S.EINVAL or errno == S.ENOSYS)
    t.fails("EINVAL", S.io_cancel(1, {}))
  end)
end)
