local t = ...

local ffi = require "ffi"
local S = require "callgate"

local PAGE = 4096

-- Words that a child process shares.
local regions = {} -- which live as long as this file: a pointer does not hold its region

local function shared()
  local region = t.ok(S.mmap(nil, PAGE, "read, write", "shared, anonymous"))
  regions[#regions + 1] = region
  return region:as "uint32_t", region
end

local function exit_of(pid)
  return select(2, t.ok(S.waitpid(pid))).exitstatus
end

-- Repeats until `try` gives what is wanted of it, at most five seconds.
local function eventually(wanted, try)
  local got
  for _ = 1, 500 do
    got = try()
    if got == wanted then
      break
    end
    S.nanosleep(0.01)
  end
  t.equal(got, wanted)
end

-- Moves who waits at one word to another, and wakes it there. A waiter that wakes for no reason once it was moved
-- waits at its first word again, where it has to be moved a second time: __futex_wait in the kernel's
-- kernel/futex/waitwake.c starts over when neither a waker nor a signal is the reason.
local function moves_and_wakes(move, wake_there)
  local moved
  eventually(1, function()
    if move() == 1 then
      moved = true
    end
    return wake_there()
  end)
  t.ok(moved, "woken at the other word, and never moved there")
end

t.describe("futex", function()
  t.it("waits no longer than its word has the value, or a timeout says", function()
    local word = ffi.new("uint32_t[1]", 5)
    t.fails("EAGAIN", S.futex(word, "wait", 4))
    t.fails("ETIMEDOUT", S.futex(word, "wait, private", 5, 0.01))
    t.fails("ETIMEDOUT", S.futex(word, "wait_bitset", 5, S.clock_gettime("monotonic").time + 0.01))
    t.fails("ETIMEDOUT", S.futex(word, "wait_bitset|clock_realtime", 5, 1))
    t.equal(S.futex(word, "wake", 1), 0)
    t.fails("EINVAL", S.futex(ffi.cast("char *", word) + 1, "wake", 1))
    t.fails("EFAULT", S.futex(nil, "wait", 0))
    t.raises('futex: argument 2 (operation): unknown name "wiat" for FUTEX_*; did you mean "wait"?', S.futex,
      word, "wiat")
    t.raises('futex: argument 2 (operation): expected an operation such as "wait" or "wake, private", got nil',
      S.futex, word)
    t.raises("futex: argument 2 (operation): no operation has the number 99", S.futex, word, 99)
  end)

  t.it("wakes another process", function()
    local word, region = shared()
    local pid = t.fork(function()
      return S.futex(region, "wait", 0, 5) and word[1] == 9 and 0 or 1
    end)
    word[1] = 9
    eventually(1, function() return S.futex(word, "wake", 10) end)
    t.equal(exit_of(pid), 0)
  end)

  t.it("wakes by a set of bits", function()
    local word, region = shared()
    local pid = t.fork(function()
      return S.futex(region, "wait_bitset", 0, S.clock_gettime("monotonic").time + 5, 4) and 0 or 1
    end)
    S.nanosleep(0.03)
    t.equal(S.futex(word, "wake_bitset", 1, 3), 0)
    eventually(1, function() return S.futex(word, "wake_bitset", 1, 6) end)
    t.equal(exit_of(pid), 0)
  end)

  t.it("moves who waits to another word", function()
    local words, region = shared()
    local pid = t.fork(function()
      return S.futex(region, "wait", 0, 5) and 0 or 1
    end)
    t.fails("EAGAIN", S.futex(words, "cmp_requeue", 0, 1, words + 1, 99))
    moves_and_wakes(function()
      return S.futex(words, "cmp_requeue", 0, 1, words + 1, 0)
    end, function()
      return S.futex(words + 1, "wake", 1)
    end)
    t.equal(S.futex(words, "wake", 1), 0)
    t.equal(S.futex(words, "requeue", 0, 1, words + 1), 0)
    t.equal(exit_of(pid), 0)
  end)

  t.it("calculates and wakes at once", function()
    local words = shared()
    words[1] = 5
    -- FUTEX_OP(ADD, 3, GT, 4): add 3 to the second word, wake its waiters, too, if it was more than 4
    local operation = S.FUTEX_OP and S.FUTEX_OP(S.FUTEX_OP_ADD, 3, S.FUTEX_OP_CMP_GT, 4) or 0x14003004
    t.equal(S.futex(words, "wake_op", 1, 1, words + 1, operation), 0)
    t.equal(words[1], 8)
  end)

  t.it("is a lock that the kernel hands over", function()
    local word = ffi.new "uint32_t[1]"
    local ok, message, errno = S.futex(word, "lock_pi")
    if not ok and errno == S.ENOSYS then
      t.skip "the kernel has no locks with priority inheritance"
    end
    t.ok(ok, message)
    t.equal(word[0], S.gettid())
    t.fails("EDEADLK", S.futex(word, "trylock_pi"))
    t.equal(S.futex(word, "unlock_pi"), true)
    t.equal(word[0], 0)
    t.fails("EPERM", S.futex(word, "unlock_pi"))
  end)
end)

t.describe("futex2", function()
  t.it("waits and wakes by a mask", function()
    local word, region = shared()
    t.fails("EAGAIN", t.need("futex_wait", S.futex_wait(word, 7)))
    t.fails("ETIMEDOUT", S.futex_wait(word, 0, nil, "private", S.clock_gettime("monotonic").time + 0.01))
    t.fails("EINVAL", S.futex_wait(word, 0, 0))
    local pid = t.fork(function()
      return S.futex_wait(region, 0, 2, nil, S.clock_gettime("monotonic").time + 5) and 0 or 1
    end)
    S.nanosleep(0.03)
    t.equal(S.futex_wake(word, 1, 1), 0)
    eventually(1, function() return S.futex_wake(word) end)
    t.equal(exit_of(pid), 0)
  end)

  t.it("waits for several words", function()
    local words, region = shared()
    t.fails("ETIMEDOUT", t.need("futex_waitv", S.futex_waitv({ { words, 0 } }, 0.001)))
    t.fails("EAGAIN", S.futex_waitv { { words, 0 }, { words + 1, 1 } })
    local pid = t.fork(function()
      return S.futex_waitv({ { region, 0 }, { words + 1, 0 } }, S.clock_gettime("monotonic").time + 5) or 98
    end)
    eventually(1, function() return S.futex(words + 1, "wake", 1) end)
    t.equal(exit_of(pid), 2)
    t.fails("EINVAL", S.futex_waitv {})
    t.raises("futex_waitv: argument 1 (waiters[1]): expected { word, value }, got 5", S.futex_waitv, { 5 })
    t.raises("futex_waitv: argument 1 (waiters[1][2]): expected an integer (a number, or int64_t beyond 2^53), got nil",
      S.futex_waitv, { { words } })
    t.raises('futex_waitv: argument 1 (waiters[1]): unknown key "val"; expected { word, value, flags }', S.futex_waitv,
      { { words, val = 1 } })
  end)

  t.it("moves who waits to another word", function()
    local words, region = shared()
    t.fails("EAGAIN", t.need("futex_requeue", S.futex_requeue({ { words, 1 }, { words + 1 } }, 0, 1)))
    local pid = t.fork(function()
      return S.futex_wait(region, 0, nil, nil, S.clock_gettime("monotonic").time + 5) and 0 or 1
    end)
    moves_and_wakes(function()
      return S.futex_requeue({ { words, 0 }, { words + 1, 0 } }, 0, 1)
    end, function()
      return S.futex_wake(words + 1)
    end)
    t.equal(S.futex_wake(words), 0)
    t.equal(exit_of(pid), 0)
    t.raises("futex_requeue: argument 1 (waiters): expected two, got 1", S.futex_requeue, { { words, 0 } }, 0, 1)
  end)
end)

t.describe("a list of robust futexes", function()
  t.it("is set and told", function()
    t.need("robust lists", S.get_robust_list())
    local pid = t.fork(function()
      local head = S.t.robust_list_head()
      assert(S.set_robust_list(head))
      local address, length = assert(S.get_robust_list())
      return address == ffi.cast("void *", head) and length == ffi.sizeof(head) and 0 or 1
    end)
    t.equal(exit_of(pid), 0)
    t.fails("ESRCH", S.get_robust_list(2147483647))
    t.raises("set_robust_list: argument 1 (head): expected a robust_list_head or what makes one, got 5",
      S.set_robust_list, 5)
  end)
end)
