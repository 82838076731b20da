-- What the kernel refuses, as S.syscall.NAME: calls that do their work only on kernels and machines of a certain kind,
-- made with what they must refuse wherever there are. What they do where they can is in the specs of their families.

local t = ...

local ffi = require "ffi"
local S = require "callgate"
local signatures = require "callgate.signatures"

local NONE = -1 -- no descriptor, no process
local memory = ffi.new "uint64_t[64]"
local HERE = S.AT_FDCWD

-- Name, what it answers, what it is given. A kernel may lack the call, a jail not allow it.
local ROWS = {
  -- files
  { "fanotify_mark", "EBADF", NONE, S.FAN_MARK_ADD, S.FAN_OPEN, HERE, "/" },
  { "file_getattr", "EINVAL", HERE, "/", memory, 1, 0 },
  { "file_setattr", "EINVAL", HERE, "/", memory, 1, 0 },
  { "listxattrat", "EINVAL", HERE, "/", 0x10, memory, 8 },
  { "getxattrat", "EINVAL", HERE, "/", 0x10, "user.x", memory, 16 },
  { "setxattrat", "EINVAL", HERE, "/", 0x10, "user.x", memory, 16 },
  { "removexattrat", "EINVAL", HERE, "/", 0x10, "user.x" },
  { "quotactl_fd", "EBADF", NONE, 0, 0, nil },
  { "landlock_add_rule", "EBADF", NONE, 1, memory, 0 },
  { "landlock_restrict_self", "EBADF", NONE, 0 },
  -- memory of NUMA machines, of others, of shadow stacks
  { "mbind", "EINVAL", 0, 4096, 99, nil, 0, 0 },
  { "set_mempolicy", "EINVAL", 99, nil, 0 },
  { "set_mempolicy_home_node", "EINVAL", 0, 4096, 0, 1 },
  { "migrate_pages", "ESRCH EINVAL", 0x3fffffff, 64, memory, memory },
  { "move_pages", "ESRCH EINVAL", 0x3fffffff, 0, nil, nil, nil, 0 },
  { "process_vm_readv", "EINVAL", 0, nil, 0, nil, 0, 1 },
  { "process_vm_writev", "EINVAL", 0, nil, 0, nil, 0, 1 },
  { "map_shadow_stack", "EINVAL EOPNOTSUPP", 0, 4096, 0xff },
  -- scheduling, keys, futexes
  { "sched_getattr", "EINVAL", NONE, memory, 48, 0 },
  { "sched_getparam", "EINVAL", NONE, memory },
  { "sched_setparam", "EINVAL", NONE, memory },
  { "sched_rr_get_interval", "EINVAL", NONE, memory },
  { "sched_rr_get_interval_time64", "EINVAL", NONE, memory },
  { "request_key", "EFAULT", nil, nil, nil, 0 },
  { "futex_wake", "EINVAL", memory, 1, 1, 0xff00 },
  { "set_robust_list", "EINVAL", memory, 1 },
  -- rings, events, programs
  { "bpf", "EINVAL", 0xffff, memory, 8 },
  { "perf_event_open", "EFAULT", nil, 0, 0, NONE, 0 },
  { "io_uring_setup", "EFAULT EINVAL", 1, nil },
  { "io_uring_enter", "EBADF", NONE, 0, 0, 0, nil, 0 },
  { "io_uring_register", "EBADF EINVAL", NONE, 0, nil, 0 },
  { "io_setup", "EFAULT EINVAL", 0, nil },
  { "io_destroy", "EINVAL", 0 },
  { "io_submit", "EINVAL", 0, 1, memory },
  { "io_cancel", "EINVAL EFAULT", 0, nil, memory },
  { "io_getevents", "EINVAL", 0, 1, 1, memory, nil },
  { "io_pgetevents", "EINVAL", 0, 1, 1, memory, nil, nil },
  { "io_pgetevents_time64", "EINVAL", 0, 1, 1, memory, nil, nil },
  -- modules, security
  { "init_module", "ENOEXEC EFAULT", memory, 8, "" },
  { "finit_module", "EBADF EINVAL", NONE, "", 0x7fff },
  { "delete_module", "ENOENT EFAULT", "no_such_module", 0 },
  { "lsm_get_self_attr", "EINVAL", 0xffff, memory, memory, 0xff },
  { "lsm_set_self_attr", "EINVAL E2BIG EOPNOTSUPP", 0xffff, memory, 8, 0xff },
  { "lsm_list_modules", "EINVAL EFAULT E2BIG", memory, ffi.new "uint32_t[1]", 0xff },
  -- clocks and timers
  { "adjtimex", "EFAULT", nil },
  { "clock_adjtime", "EINVAL EFAULT", 999, nil },
  { "clock_adjtime64", "EINVAL EFAULT", 999, nil },
  { "clock_settime", "EINVAL", 1, ffi.new "long[2]" }, -- the monotonic clock
  { "timer_create", "EINVAL EFAULT", 999, nil, nil },
  { "timer_delete", "EINVAL", 0x3fffffff },
  { "timer_getoverrun", "EINVAL", 0x3fffffff },
  { "timer_gettime", "EINVAL EFAULT", 0x3fffffff, memory },
  { "timer_gettime64", "EINVAL EFAULT", 0x3fffffff, memory },
  { "timer_settime", "EINVAL", 0x3fffffff, 0, memory, nil },
  { "timer_settime64", "EINVAL", 0x3fffffff, 0, memory, nil },
  -- messages
  { "sendmmsg", "EBADF", NONE, memory, 1, 0 },
  { "mq_timedsend", "EBADF", NONE, "x", 1, 0, nil },
  { "mq_timedreceive", "EBADF", NONE, memory, 1, nil, nil },
  { "socketcall", "EINVAL", 0, memory },
  -- single architectures
  { "cachectl", "EINVAL EFAULT", nil, 0, 0 },
  { "sysmips", "EINVAL", 99, 0, 0 },
  { "pciconfig_iobase", "EINVAL EOPNOTSUPP ENODEV", 99, 0, 0 },
  { "pciconfig_read", "EINVAL ENODEV", 0, 0, 0, 99, nil },
  { "pciconfig_write", "EINVAL ENODEV", 0, 0, 0, 99, nil },
  { "rtas", "EFAULT EINVAL", nil },
  { "spu_create", "ENOENT EINVAL", "/nonexistent/spu", 0xffff, 0, NONE },
  { "spu_run", "EBADF", NONE, nil, nil },
  { "subpage_prot", "EINVAL", 1, 1, nil },
  { "s390_guarded_storage", "EINVAL EOPNOTSUPP", 99, nil },
  { "s390_pci_mmio_read", "EINVAL EOPNOTSUPP ENODEV", 0, memory, 0 },
  { "s390_pci_mmio_write", "EINVAL EOPNOTSUPP ENODEV", 0, memory, 0 },
  { "s390_runtime_instr", "EINVAL EOPNOTSUPP", 99, 0 },
  { "s390_sthyi", "EINVAL EOPNOTSUPP", 99, nil, nil, 0 },
}

t.describe("the kernel refuses", function()
  for _, row in ipairs(ROWS) do
    local name, wanted = row[1], " " .. row[2] .. " ENOSYS EPERM "
    local fn = S.syscall[name]
    if fn and not (signatures[name]:find "^.:$" and #row > 2) then -- else a number alone
      t.it(name, function()
        local value, message, errno = fn(unpack(row, 3, table.maxn(row)))
        t.equal(value, nil)
        local got = S.errname(errno)
        t.ok(wanted:find(" " .. got .. " ", 1, true), ("%s: %s, not one of%s"):format(got, message, wanted))
      end)
    end
  end
end)
