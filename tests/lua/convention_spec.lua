-- What the calling convention decides: 64-bit arguments and results, times beyond 2038, units of pages.

local t = ...

local ffi = require "ffi"
local S = require "callgate"
local target = require "callgate.target"

local GB = 2 ^ 30
local BEYOND = 5 * GB + 4096 -- needs both halves; its low half is a whole page

local function sparse(name)
  return t.ok(S.open(t.path(name), "rdwr, creat, trunc", "0600"))
end

t.describe("an offset beyond 4 GB", function()
  t.it("goes whole to pwrite, pread, preadv and their kin", function()
    local fd = sparse "offsets"
    t.equal(fd:pwrite("end", 3, BEYOND), 3)
    t.equal(fd:stat().size, BEYOND + 3)
    t.equal(fd:pread(nil, 10, BEYOND), "end")
    t.equal(fd:pread(nil, 3, 4096), "\0\0\0") -- where it would be without the upper half
    t.equal(S.syscall.pwrite64(fd, "END", 3, BEYOND), 3)
    t.equal(fd:pread(nil, 3, BEYOND), "END")
    t.equal(fd:pwritev({ "two ", "parts" }, BEYOND), 9)
    local bytes = S.t.buffer(16)
    t.equal(fd:preadv({ bytes }, BEYOND), 9)
    t.equal(ffi.string(bytes, 9), "two parts")
    t.ok(fd:close())
  end)

  t.it("goes whole to truncate, ftruncate, fallocate and lseek", function()
    local fd = sparse "sizes"
    t.equal(fd:truncate(BEYOND), true)
    t.equal(fd:stat().size, BEYOND)
    t.equal(S.truncate(t.path "sizes", BEYOND + 1), true)
    t.equal(S.stat(t.path "sizes").size, BEYOND + 1)
    t.equal(fd:lseek(BEYOND, "set"), BEYOND)
    t.equal(fd:lseek(-4096, "cur"), 5 * GB)
    t.equal(fd:lseek(3 * GB, "set"), 3 * GB) -- with bit 31 set: no error
    local ok, message, errno = fd:fallocate("keep_size", BEYOND, 4096)
    t.ok(ok or errno == S.EOPNOTSUPP, message)
    t.equal(fd:stat().size, BEYOND + 1)
    t.ok(fd:close())
  end)

  t.it("goes whole to calls that only take note of it", function()
    local fd = sparse "advised"
    t.equal(fd:truncate(BEYOND), true)
    t.equal(fd:fadvise(BEYOND, 4096, "willneed"), true)
    t.fails("EINVAL", fd:fadvise(BEYOND, 4096, 99)) -- what is there reaches the kernel as the advice
    t.fails("EINVAL", fd:fadvise(BEYOND, -1, "willneed"))
    t.equal(fd:sync_file_range(BEYOND, 4096, "write"), true)
    t.fails("EINVAL", fd:sync_file_range(BEYOND, 4096, 0x100))
    t.fails("EINVAL", fd:sync_file_range(-1, 4096))
    t.fails("EINVAL", fd:sync_file_range(0, -4096))
    t.equal(fd:readahead(BEYOND, 4096), true)
    t.ok(fd:close())
  end)

  t.it("is one of pages for mmap", function()
    local fd = sparse "mapped"
    t.equal(fd:pwrite("mapped here", 11, BEYOND), 11)
    local region = t.ok(S.mmap(nil, 4096, "read", "shared", fd, BEYOND))
    t.equal(region:string(0, 11), "mapped here")
    t.fails("EINVAL", S.mmap(nil, 4096, "read", "shared", fd, BEYOND + 1))
    t.ok(fd:close())
  end)

  t.it("may be a 64-bit integer of LuaJIT", function()
    local fd = sparse "boxed"
    t.equal(fd:pwrite("x", 1, 0x100000001LL), 1)
    t.equal(fd:pwrite("y", 1, 0x100000002ULL), 1)
    t.equal(fd:pread(nil, 2, 0x100000001LL), "xy")
    t.equal(fd:lseek(0x100000001LL), 0x100000001)
    t.ok(fd:close())
  end)
end)

t.describe("a time beyond 2038", function()
  local LATE = 2 ^ 32 + 1000.5

  t.it("is kept by utimensat and told by stat", function()
    local path = t.write("late", "")
    local ok, message = S.utimensat(nil, path, { LATE, LATE })
    t.ok(ok, message)
    local st = t.ok(S.stat(path))
    t.equal(st.mtime, LATE)
    t.equal(st.atime, LATE)
    t.equal(t.ok(S.statx(nil, path)).stx_mtime.tv_sec, LATE - 0.5)
  end)

  t.it("is kept by timers", function()
    local timer = t.ok(S.timerfd_create("monotonic", "cloexec"))
    t.ok(timer:settime(0, { value = 2 ^ 33, interval = 0.25 }))
    local left = t.ok(timer:gettime())
    t.ok(tonumber(left.it_value.tv_sec) > 2 ^ 32, tonumber(left.it_value.tv_sec))
    t.ok(timer:close())
  end)

  t.it("has room in every record of times", function()
    for _, name in ipairs { "timespec", "timeval", "itimerspec" } do
      local value = S.t[name](2 ^ 33)
      local seconds = name == "itimerspec" and value.it_value.tv_sec or value.tv_sec
      t.equal(ffi.sizeof(seconds), 8)
    end
    t.ok(math.abs(tonumber(t.ok(S.clock_gettime "realtime").tv_sec) - os.time()) <= 1)
    t.ok(math.abs(tonumber(t.ok(S.gettimeofday()).tv_sec) - os.time()) <= 1)
  end)
end)

t.describe("a result", function()
  t.it("that is an address above 2 GB is no error", function()
    local top = target.registers == 32 and 0xb0000000 or 0x7f0000000000
    local region, _, errno = S.mmap(ffi.cast("void *", ffi.cast("uintptr_t", top)), 4096, "read, write",
      "private, anonymous, fixed_noreplace")
    if not region and errno ~= S.EEXIST and errno ~= S.ENOMEM then
      error(S.strerror(errno))
    end
    if region then
      region:write "high"
      t.equal(region:string(0, 4), "high")
    end
    local low = t.ok(S.mmap(nil, 4096, "read", "private, anonymous"))
    t.equal(low[0], 0)
  end)

  t.it("from -4095 to -1 is one", function()
    t.fails("EBADF", S.close(1000))
    t.equal(S.syscall.getpriority(S.PRIO_PROCESS, 0) > 0, true)
  end)

  t.it("of pipe comes in memory, also where the kernel's call returns it in two registers", function()
    if not S.syscall.pipe then
      t.skip "this target has pipe2 alone"
    end
    local pair = ffi.new "int[2]"
    t.equal(S.syscall.pipe(pair), 0)
    local reader, writer = S.t.fd(pair[0]), S.t.fd(pair[1])
    t.equal(writer:write "through", 7)
    t.equal(reader:read(), "through")
    t.ok(reader:close() and writer:close())
  end)
end)
