local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- A ring and its params, or a skip with the reason why there can be none here.
local function setup(entries, params)
  if not S.io_uring_setup then
    t.skip "the machine has no io_uring"
  end
  local ring, message, errno = S.io_uring_setup(entries, params)
  if not ring and (errno == S.ENOSYS or errno == S.EPERM) then
    t.skip("no rings here: " .. message)
  end
  return t.ok(ring, message), message
end

-- The queues of a ring, mapped; submitting and reaping by the types alone, from one thread.
local function queues(ring, params)
  local single = params:has "single_mmap"
  local sq_size = params.sq_off.array + params.sq_entries * 4
  local cq_size = params.cq_off.cqes + params.cq_entries * S.s.io_uring_cqe
  local size = math.max(sq_size, single and cq_size or 0)
  local sq = t.ok(ring:mmap(size, "read, write", "shared, populate", S.IORING_OFF_SQ_RING))
  local cq = single and sq or t.ok(ring:mmap(cq_size, "read, write", "shared, populate", S.IORING_OFF_CQ_RING))
  local entries = t.ok(ring:mmap(params.sq_entries * S.s.io_uring_sqe, "read, write", "shared, populate",
    S.IORING_OFF_SQES))
  local sq_bytes, cq_bytes = sq:as "uint8_t", cq:as "uint8_t"
  local function word(bytes, offset)
    return ffi.cast("uint32_t *", bytes + offset)
  end
  local sq_tail, sq_mask = word(sq_bytes, params.sq_off.tail), word(sq_bytes, params.sq_off.ring_mask)[0]
  local array = word(sq_bytes, params.sq_off.array)
  local cq_head, cq_tail = word(cq_bytes, params.cq_off.head), word(cq_bytes, params.cq_off.tail)
  local cq_mask = word(cq_bytes, params.cq_off.ring_mask)[0]
  local sqes = S.pt.io_uring_sqe(entries:as "uint8_t")
  local cqes = S.pt.io_uring_cqe(cq_bytes + params.cq_off.cqes)
  local self = { regions = { sq, cq, entries } }
  function self.put(row)
    local slot = sq_tail[0] % (sq_mask + 1)
    sqes[slot] = S.t.io_uring_sqe(row)
    array[slot] = slot
    sq_tail[0] = sq_tail[0] + 1
  end
  -- user_data, res, cqe of the next completion
  function self.take()
    if cq_head[0] ~= cq_tail[0] then
      local cqe = cqes[cq_head[0] % (cq_mask + 1)]
      local data, res, errno = tonumber(cqe.user_data), cqe.res, cqe.errno
      cq_head[0] = cq_head[0] + 1
      return data, res, errno
    end
  end
  return self
end

t.describe("io_uring", function()
  t.it("does what stands in its queue, and says what became of it", function()
    local ring, params = setup(4)
    t.matches(tostring(ring), "^uring %d+$")
    t.equal(ring:fcntl "getfd", S.FD_CLOEXEC)
    t.fails("EBADF", S.io_uring_enter(1000))
    t.fails("EOPNOTSUPP", S.io_uring_enter("stdin"))
    t.equal(params.sq_entries, 4)
    t.equal(params.cq_entries, 8)
    local q = queues(ring, params)
    q.put { "nop", user_data = 1 }
    t.equal(ring:enter(1, 1), 1)
    t.same({ q.take() }, { 1, 0 })
    t.equal(q.take(), nil)

    local fd = t.ok(S.open(t.write("rings", "what is read"), "rdonly"))
    local buffer = ffi.new "char[64]"
    local vector = S.t.array("iovec", { { ffi.cast("char *", buffer) + 5, 4 } })
    q.put { "readv", fd = fd, addr = vector, len = 1, off = 8, user_data = 2 }
    q.put { "fsync", fd = 1000, fsync_flags = "datasync", user_data = 3 }
    t.equal(ring:enter(2, 2), 2)
    local seen = {}
    for _ = 1, 2 do
      local data, res, errno = q.take()
      seen[data] = { res, errno }
    end
    t.same(seen, { [2] = { 4 }, [3] = { -S.EBADF, S.EBADF } })
    t.equal(ffi.string(buffer + 5, 4), "read")
    for _, region in ipairs(q.regions) do
      region:unmap()
    end
  end)

  t.it("reads, writes, opens and closes by the names of operations", function()
    local ring, params = setup(8, { flags = "cqsize", cq_entries = 32 })
    t.equal(params.cq_entries, 32)
    local probe, message = ring:register "register_probe"
    if not probe or not probe:supports "openat" then
      t.skip("an older kernel's rings: " .. tostring(message))
    end
    t.ok(probe:supports "read" and probe:supports "nop")
    local q = queues(ring, params)
    local path = t.path "written"
    q.put { "openat", fd = "fdcwd", addr = path, len = 384, open_flags = "creat, rdwr", user_data = 1 }
    t.equal(ring:enter(1, 1), 1)
    local data, number = q.take()
    t.equal(data, 1)
    t.ok(number >= 0, "openat gave " .. number)
    local fd = S.t.fd(number)
    local text, buffer = "by a ring", ffi.new "char[9]"
    q.put { "write", fd = fd, addr = text, user_data = 2, flags = "io_link" }
    q.put { "read", fd = fd, addr = buffer, off = 0, user_data = 3 }
    t.equal(ring:enter(2, 2), 2)
    t.same({ q.take() }, { 2, 9 })
    t.same({ q.take() }, { 3, 9 })
    t.equal(ffi.string(buffer, 9), text)
    q.put { "close", fd = fd:nogc(), user_data = 4 }
    t.equal(ring:enter(1, 1), 1)
    t.same({ q.take() }, { 4, 0 })
    t.fails("EBADF", fd:fcntl "getfd")
  end)

  t.it("waits no longer than a timeout says", function()
    local ring, params = setup(2)
    if not params:has "ext_arg" then
      t.skip "an older kernel's rings wait without a timeout"
    end
    t.fails("ETIME", ring:enter(0, 1, nil, { timeout = 0.01 }))
    t.fails("ETIME", ring:enter(0, 1, "getevents", { timeout = 0.01, mask = "usr1" }))
    t.equal(ring:enter(0, 0, nil, "int, term"), 0)
    t.raises('io_uring_enter: argument 5 (argument): unknown key "time": mask, timeout, min_wait',
      function() ring:enter(0, 1, nil, { time = 1 }) end)
  end)

  t.it("uses registered files and buffers", function()
    local ring, params = setup(4)
    local q = queues(ring, params)
    local r, w = t.ok(S.pipe())
    t.equal(ring:register("register_files", { r, w }), true)
    t.fails("EBUSY", ring:register("files", { r }))
    local buffer = ffi.new "char[16]"
    local registered, message, errno = ring:register("register_buffers", { buffer })
    if not registered and (errno == S.ENOMEM or errno == S.EPERM) then
      t.skip("no memory may be locked: " .. message)
    end
    t.equal(registered, true)
    ffi.copy(buffer, "fixed")
    q.put { "write_fixed", fd = 1, flags = "fixed_file, io_link", addr = buffer, len = 5, buf_index = 0, user_data = 1 }
    q.put { "read_fixed", fd = 0, flags = "fixed_file", addr = buffer + 8, len = 8, buf_index = 0, user_data = 2 }
    t.equal(ring:enter(2, 2), 2)
    t.same({ q.take() }, { 1, 5 })
    t.same({ q.take() }, { 2, 5 })
    t.equal(ffi.string(buffer + 8, 5), "fixed")
    t.equal(ring:register("register_files_update", { offset = 1, fds = { -1 } }, 1), 1)
    t.equal(ring:register "unregister_files", true)
    t.equal(ring:register "unregister_buffers", true)
    t.fails("ENXIO", ring:register "unregister_buffers")
  end)

  t.it("tells an eventfd", function()
    local ring, params = setup(2)
    local q = queues(ring, params)
    local event = t.ok(S.eventfd(0, "nonblock"))
    t.equal(ring:register("register_eventfd", event), true)
    q.put { "nop", user_data = 1 }
    t.equal(ring:enter(1, 1), 1)
    t.equal(event:read(), 1)
    t.equal(ring:register "unregister_eventfd", true)
  end)

  t.it("does only what its restrictions leave", function()
    local ring, params = setup(4, "r_disabled")
    t.fails("EBADFD", ring:enter(0, 0))
    local done, message, errno = ring:register("register_restrictions", {
      { "sqe_op", "nop" }, { "register_op", "register_probe" }, { "sqe_flags_allowed", "io_link" },
    })
    if not done and errno == S.EINVAL then
      t.skip("an older kernel's rings: " .. message)
    end
    t.equal(done, true)
    t.equal(ring:register "register_enable_rings", true)
    local q = queues(ring, params)
    q.put { "nop", user_data = 1 }
    local second = S.t.timespec(1)
    q.put { "timeout", addr = second, len = 1, user_data = 2 }
    t.equal(ring:enter(2, 2), 2)
    t.same({ q.take() }, { 1, 0 })
    t.same({ q.take() }, { 2, -S.EACCES, S.EACCES })
    t.fails("EACCES", ring:register("register_files", { "stdin" }))
  end)

  t.it("says what is misused", function()
    t.raises('io_uring_setup: argument 2 (params): unknown name "clmp" for IORING_SETUP_*; did you mean "clamp"?',
      S.io_uring_setup, 1, "clmp")
    t.raises('io_uring_register: argument 2 (operation): unknown name "register_file" for IORING_*; did you mean '
      .. '"register_files"?', S.io_uring_register, 5, "register_file")
    t.raises("io_uring_register: argument 3 (argument): expected a table or an array, got nil", S.io_uring_register, 5,
      "register_files")
    t.raises('io_uring_sqe: argument 1 (opcode): unknown name "reed" for IORING_OP_*; did you mean "read"?',
      S.t.io_uring_sqe, { "reed" })
    t.raises("io_uring_enter: argument 2 (submit): expected an integer from 0 to 4294967295, got \"1\" (string)",
      S.io_uring_enter, 5, "1")
    t.equal(S.t.io_uring_sqe({ "read", fd = 1 }).operation, "read")
  end)
end)
