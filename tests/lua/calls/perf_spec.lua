local t = ...

local S = require "callgate"

-- A counter, or a skip with the reason why there can be none here.
local function counter(...)
  if not S.perf_event_open then
    t.skip "the machine has no perf_event_open"
  end
  local fd, message, errno = S.perf_event_open(...)
  if not fd and (errno == S.EACCES or errno == S.EPERM or errno == S.ENOENT or errno == S.ENOSYS
    or errno == S.ENODEV) then
    t.skip("no counters here: " .. message)
  end
  return t.ok(fd, message)
end

-- Touches `count` pages that were never touched before.
local function touch(count)
  local region = t.ok(S.mmap(nil, count * 65536, "read, write", "private, anonymous"))
  region:advise "nohugepage"
  for i = 0, count - 1 do
    region[i * 65536] = 1
  end
  return region
end

t.describe("perf_event_attr", function()
  t.it("takes events by their names", function()
    local attr = S.t.perf_event_attr "page_faults"
    t.equal(attr.type, S.PERF_TYPE_SOFTWARE)
    t.equal(attr.config, S.PERF_COUNT_SW_PAGE_FAULTS)
    t.equal(attr.size, S.s.perf_event_attr)
    attr = S.t.perf_event_attr { "instructions", exclude_kernel = true, disabled = true, sample_type = "ip, tid" }
    t.equal(attr.type, S.PERF_TYPE_HARDWARE)
    t.equal(attr.config, S.PERF_COUNT_HW_INSTRUCTIONS)
    t.equal(attr.exclude_kernel, 1)
    t.equal(attr.disabled, 1)
    t.equal(attr.exclude_user, 0)
    t.equal(attr.sample_type, S.PERF_SAMPLE_IP + S.PERF_SAMPLE_TID)
    t.equal(S.t.perf_event_attr("dtlb, write, miss").config,
      S.PERF_COUNT_HW_CACHE_DTLB + S.PERF_COUNT_HW_CACHE_OP_WRITE * 256 + S.PERF_COUNT_HW_CACHE_RESULT_MISS * 65536)
    attr = S.t.perf_event_attr { type = "hw_cache", config = "l1d", clockid = "monotonic" }
    t.equal(attr.type, S.PERF_TYPE_HW_CACHE)
    t.equal(attr.config, S.PERF_COUNT_HW_CACHE_L1D)
    t.equal(attr.clockid, S.CLOCK_MONOTONIC)
    attr = S.t.perf_event_attr { type = "raw", config = 0x1c2, sample_freq = 99, freq = true }
    t.equal(attr.config, 0x1c2)
    t.equal(attr.sample_freq, 99)
    t.equal(attr.freq, 1)
    t.equal(S.t.perf_event_attr({ type = "software", config = "dummy" }).config, S.PERF_COUNT_SW_DUMMY)
  end)

  t.it("says what is misused", function()
    t.raises('perf_event_attr: unknown name "page_fault" for PERF_COUNT_SW_*; did you mean "page_faults"?',
      S.t.perf_event_attr,
      "page_fault")
    t.raises('perf_event_attr: config: expected a number for events of type 4, got "x"', S.t.perf_event_attr,
      { type = "raw", config = "x" })
    t.raises('perf_event_attr has no field "exclude_me"; did you mean "exclude_hv"?', S.t.perf_event_attr,
      { "dummy", exclude_me = true })
  end)
end)

t.describe("perf_event_open", function()
  t.it("counts, as its methods and ioctl say", function()
    local faults = counter { "page_faults", disabled = true, exclude_kernel = true }
    t.matches(tostring(faults), "^perf %d+$")
    t.equal(faults:fcntl "getfd", S.FD_CLOEXEC)
    t.equal(faults:read(), 0)
    t.equal(faults:enable(), true)
    local region = touch(50)
    t.equal(faults:disable(), true)
    local seen = t.ok(faults:read())
    t.equal(type(seen), "number")
    t.ok(seen >= 50, "too few: " .. seen)
    touch(10)
    t.equal(faults:read(), seen)
    t.equal(faults:ioctl "PERF_EVENT_IOC_RESET", true)
    t.equal(faults:read(), 0)
    t.ok(region:unmap())
  end)

  t.it("reads what its format asks for", function()
    local clock = counter { "task_clock", read_format = "total_time_enabled, total_time_running, id" }
    local id = t.ok(clock:ioctl "PERF_EVENT_IOC_ID")
    touch(5)
    local value, more = t.ok(clock:read())
    t.ok(value > 0)
    t.equal(more.value, value)
    t.equal(more.id, id)
    t.equal(more.lost, nil)
    t.ok(more.time_enabled >= more.time_running and more.time_running > 0)
    local later = t.ok(clock:read())
    t.ok(later >= value)
  end)

  t.it("reads a group at once", function()
    local leader = counter { "task_clock", disabled = true, read_format = "group, id, total_time_enabled" }
    local faults = t.ok(S.perf_event_open({ "page_faults", exclude_kernel = true }, 0, nil, leader))
    t.ok(leader:enable "group")
    touch(20)
    t.ok(leader:ioctl("PERF_EVENT_IOC_DISABLE", "group"))
    local value, all = t.ok(leader:read())
    t.equal(#all, 2)
    t.equal(all[1].value, value)
    t.equal(all[1].id, leader:ioctl "PERF_EVENT_IOC_ID")
    t.equal(all[2].id, faults:ioctl "PERF_EVENT_IOC_ID")
    t.equal(all[2].value, faults:read())
    t.ok(all[2].value >= 20)
    t.ok(all.time_enabled > 0)
    t.ok(leader:reset "group")
    t.equal(faults:read(), 0)
  end)

  t.it("says what the kernel refuses and what is misused", function()
    counter "dummy"
    t.fails("EINVAL", S.perf_event_open({ "dummy", read_format = 2 ^ 20 }))
    t.fails("ESRCH", S.perf_event_open("dummy", 2 ^ 22 + 1))
    t.raises('perf_event_open: argument 1 (attr): unknown name "cpu_clok" for PERF_COUNT_SW_*; did you mean '
      .. '"cpu_clock"?', S.perf_event_open, "cpu_clok")
    local unknown = 'unknown name "fd_cloexc" for PERF_FLAG_*; did you mean "fd_cloexec"?'
    t.raises('perf_event_open: argument 5 (flags): ' .. unknown,
      S.perf_event_open, "dummy", 0, -1, nil, "fd_cloexc")
  end)
end)
