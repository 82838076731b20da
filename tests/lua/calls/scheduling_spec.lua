local t = ...

local ffi = require "ffi"
local S = require "callgate"

t.describe("processors", function()
  t.it("are sets made from tables and text", function()
    local set = S.t.cpu_set "0-3, 8,100-101"
    t.equal(tostring(set), "cpu_set { 0-3,8,100-101 }")
    t.equal(set:count(), 7)
    t.equal(set:has(8) and set:has(101) and not set:has(9), true)
    t.equal(tostring(set:delete(2):add(4)), "cpu_set { 0-1,3-4,8,100-101 }")
    t.same(S.t.cpu_set({ 5, 1, 63, 64 }):list(), { 1, 5, 63, 64 })
    t.same(S.t.cpu_set(8191):list(), { 8191 })
    t.equal(S.t.cpu_set():count(), 0)
    t.raises("cpu_set: no such processor: 8192", S.t.cpu_set, 8192)
    t.raises('cpu_set: expected processors such as "0-3, 8", got "0-x"', S.t.cpu_set, "0-x")
    for _, text in ipairs { "0-", "3-1", "1-2-3" } do
      t.raises(('cpu_set: expected processors such as "0-3, 8", got %q'):format(text), S.t.cpu_set, text)
    end
    t.raises('sched_setaffinity: argument 2 (set): no such processor: -1', S.sched_setaffinity, 0, { -1 })
  end)

  t.it("of a thread are what the proc file system tells, and can be narrowed", function()
    local set = t.ok(S.sched_getaffinity())
    local listed = io.open("/proc/self/status"):read("*a"):match "Cpus_allowed_list:%s*(%S+)"
    t.equal(tostring(set), ("cpu_set { %s }"):format(listed))
    t.child(nil, function()
      local first = set:list()[1]
      assert(S.sched_setaffinity(0, { first }))
      assert(S.sched_getaffinity(0):count() == 1 and S.sched_getaffinity(0):has(first))
      assert(S.getcpu() == first)
      assert(io.open("/proc/self/status"):read("*a"):match "Cpus_allowed_list:%s*(%S+)" == tostring(first))
    end)
    t.fails("EINVAL", S.sched_setaffinity(0, {}))
    t.fails("ESRCH", S.sched_getaffinity(2 ^ 31 - 1))
  end)
end)

t.describe("a policy", function()
  t.it("is set and told by name, with its attributes", function()
    t.child(nil, function()
      assert(S.sched_getscheduler() == S.SCHED_NORMAL)
      assert(S.sched_setattr(0, { policy = "batch", nice = 5 }))
      local attr = assert(S.sched_getattr())
      assert(attr.name == "batch" and attr.nice == 5 and attr.priority == 0 and attr.policy == S.SCHED_BATCH)
      assert(S.sched_getscheduler(0) == S.c.SCHED.batch)
      assert(S.sched_setscheduler(0, "idle"))
      assert(S.sched_getattr().name == "idle")
      assert(S.sched_getparam().sched_priority == 0)
      assert(S.sched_setparam(0, 0))
      assert(S.sched_rr_get_interval(0).time >= 0)
    end)
    t.fails("EINVAL", S.sched_setscheduler(0, "fifo", 0))
    t.fails("EINVAL", S.sched_setparam(0, 5))
    t.fails("ESRCH", S.sched_getattr(2 ^ 31 - 1))
    t.raises('sched_setattr: argument 2 (attr): sched_attr: field "policy": '
      .. 'unknown name "btach" for SCHED_*; did you mean "batch"?',
      function() local ok = S.sched_setattr(0, { policy = "btach" }) return ok end)
  end)

  t.it("of real time has priorities, for those who may", function()
    t.equal(S.sched_get_priority_max "fifo", 99)
    t.equal(S.sched_get_priority_min "rr", 1)
    t.equal(S.sched_get_priority_max "other", 0)
    t.child(nil, function()
      local ok, _, errno = S.sched_setscheduler(0, "rr, reset_on_fork", 7)
      if not ok then
        assert(errno == S.EPERM)
        return
      end
      assert(S.sched_getparam(0).sched_priority == 7)
      assert(S.sched_getscheduler() == S.SCHED_RR + S.SCHED_RESET_ON_FORK)
      assert(S.sched_setparam(0, 8) and S.sched_getattr().priority == 8)
      assert(S.sched_getattr().flags == S.SCHED_FLAG_RESET_ON_FORK)
    end)
  end)
end)

t.describe("nice values", function()
  t.it("are from -20 to 19, as C has them", function()
    t.child(nil, function()
      local before = assert(S.getpriority())
      assert(S.nice(3) == before + 3)
      assert(S.getpriority("process", S.getpid()) == before + 3)
      assert(S.setpriority("process", 0, 19) and S.getpriority() == 19)
      assert(S.nice(5) == 19)
      assert(S.getpriority("pgrp") <= 19 and S.getpriority("user", S.getuid()) <= 19)
    end)
    t.fails("ESRCH", S.getpriority("process", 2 ^ 31 - 1))
    t.raises('getpriority: argument 1 (which): unknown name "proces" for PRIO_*; did you mean "process"?',
      S.getpriority, "proces")
  end)

  t.it("of input and output have a class and a level", function()
    t.child(nil, function()
      assert(S.ioprio_set("process", 0, "be", 6))
      local class, level = S.ioprio_get()
      assert(class == "be" and level == 6)
      assert(S.ioprio_set("process", 0, "idle"))
      assert(S.ioprio_get("process", S.getpid()) == "idle")
      assert(select(3, S.ioprio_set("process", 0, 5)) == S.EINVAL)
    end)
    t.raises("ioprio_set: argument 4 (level): expected a level from 0 to 7, with hints added, got 8192", S.ioprio_set,
      "process", 0, "be", 8192)
  end)
end)

t.describe("what libraries of threads ask for", function()
  t.it("is there: membarrier, the thread's address", function()
    local commands, _, errno = S.membarrier()
    if commands then
      t.ok(commands > 0)
      t.equal(S.membarrier "register_private_expedited", 0)
      t.equal(S.membarrier "private_expedited", 0)
      t.fails("EINVAL", S.membarrier("global", "cpu"))
    else
      t.equal(errno, S.ENOSYS)
    end
    t.child(nil, function()
      assert(S.set_tid_address(ffi.new "int[1]") == S.gettid())
    end)
  end)

  t.it("registers an area for restartable sequences", function()
    t.child(nil, function()
      local area = ffi.cast("char *", S.mmap(nil, 4096, "read, write", "private, anonymous").addr)
      local ok, _, errno = S.rseq(area, 32, 0, 0x53053053)
      if ok then
        assert(S.rseq(area, 32, "unregister", 0x53053053))
      else -- the C library has registered its own, or the kernel has none
        assert(errno == S.EINVAL or errno == S.EBUSY or errno == S.ENOSYS or errno == S.EPERM, errno)
      end
    end)
  end)

  -- glibc's manual, "Restartable Sequences": where its own area lies from the thread's pointer.
  t.it("registers another area once the C library's is none any more", function()
    local known = jit.arch == "x64" and pcall(function()
      ffi.cdef 'extern const ptrdiff_t callgate_spec_rseq_offset __asm__("__rseq_offset");'
      ffi.cdef 'extern const unsigned int callgate_spec_rseq_size __asm__("__rseq_size");'
      return ffi.C.callgate_spec_rseq_offset, ffi.C.callgate_spec_rseq_size
    end)
    if not known or ffi.C.callgate_spec_rseq_size == 0 then
      t.skip "no area of a C library, or no thread's pointer to be asked for"
    end
    t.child(nil, function()
      local SIGNATURE = 0x53053053
      local theirs = ffi.cast("char *", S.arch_prctl "get_fs") + ffi.C.callgate_spec_rseq_offset
      -- Its length is that of its registration: what the kernel has use for, but at least the first ABI's 32 bytes.
      t.ok(S.rseq(theirs, math.max(ffi.C.callgate_spec_rseq_size, 32), "unregister", SIGNATURE))
      local region = t.ok(S.mmap(nil, 4096, "read, write", "private, anonymous"))
      local area = ffi.cast("char *", region.addr)
      t.ok(S.rseq(area, 32, 0, SIGNATURE))
      t.fails("EBUSY", S.rseq(area, 32, 0, SIGNATURE))
      t.ok(ffi.cast("int32_t *", area)[1] >= 0) -- cpu_id, which the kernel keeps
      t.ok(S.rseq(area, 32, "unregister", SIGNATURE))
    end)
  end)
end)
