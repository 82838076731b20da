local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- Checks the triple of a failure, in a child.
local function fails(name, value, _, errno)
  assert(value == nil and errno == S[name], ("expected %s, got %s %s"):format(name, tostring(value), tostring(errno)))
end

t.describe("prctl", function()
  t.it("is typed by its operation: strings, numbers, names, truth", function()
    t.child(nil, function()
      assert(S.prctl("set_name", "callgate") == true)
      assert(S.prctl "get_name" == "callgate")
      assert(io.open("/proc/self/comm"):read "*a" == "callgate\n")
      assert(S.prctl("PR_SET_NAME", "a name that is much too long"))
      assert(S.prctl(S.PR_GET_NAME) == "a name that is ")
      local name = ffi.new "char[16]"
      assert(S.prctl("get_name", name) == "a name that is " and ffi.string(name) == "a name that is ")
      assert(S.prctl("set_pdeathsig", "hup") and S.prctl "get_pdeathsig" == S.SIGHUP)
      assert(S.prctl "set_pdeathsig" and S.prctl "get_pdeathsig" == 0)
      assert(S.prctl("set_dumpable", 0) and S.prctl "get_dumpable" == 0)
      assert(S.prctl "get_keepcaps" == false and S.prctl("set_keepcaps", true) and S.prctl "get_keepcaps" == true)
      assert(S.prctl("set_timerslack", 12345))
      assert(S.prctl "get_timerslack" == 12345)
      assert(S.prctl("set_child_subreaper", true) and S.prctl "get_child_subreaper" == true)
      assert(S.prctl "get_no_new_privs" == false)
      assert(S.prctl("set_no_new_privs", 1) and S.prctl "get_no_new_privs" == true)
      assert((S.prctl "get_seccomp" or 0) == 0) -- nil where the kernel has none
      assert(S.prctl "get_timing" == S.PR_TIMING_STATISTICAL)
      local ok, _, errno = S.prctl("mce_kill", "set", "early")
      if ok then
        assert(S.prctl "mce_kill_get" == S.PR_MCE_KILL_EARLY)
      else -- not every machine can fail so
        assert(errno == S.EINVAL)
      end
    end)
  end)

  t.it("reads and drops capabilities by name", function()
    t.child(nil, function()
      if not S.capget():has "setpcap" then
        fails("EPERM", S.prctl("capbset_drop", "sys_boot"))
        return
      end
      assert(S.prctl("capbset_read", "sys_boot") == true)
      assert(S.prctl("capbset_drop", "sys_boot") == true)
      assert(S.prctl("capbset_read", "sys_boot") == false)
      assert(S.prctl("cap_ambient", "is_set", "chown") == 0)
      fails("EPERM", S.prctl("cap_ambient", "raise", "chown"))
      local caps = S.capget()
      caps:raise("inheritable", "chown")
      assert(S.capset(caps))
      assert(S.prctl("cap_ambient", "raise", "chown") == 0 and S.prctl("cap_ambient", "is_set", "chown") == 1)
      assert(S.prctl("cap_ambient", "clear_all") == 0 and S.prctl("cap_ambient", "is_set", "chown") == 0)
      assert(S.prctl("set_securebits", "noroot, keep_caps"))
      assert(S.prctl "get_securebits" == S.c.SECBIT "noroot, keep_caps")
    end)
  end)

  t.it("names memory, and tells where the kernel does not know an operation", function()
    local region = t.ok(S.mmap(nil, 4096, "read, write", "private, anonymous"))
    local ok, _, errno = S.prctl("set_vma", "anon_name", region, 4096, "callgate")
    if ok then
      t.matches(io.open("/proc/self/maps"):read "*a", "%[anon:callgate%]")
    else
      t.equal(errno, S.EINVAL)
    end
    t.fails("EINVAL", S.prctl(987654))
  end)

  t.it("says what is wrong with a name", function()
    t.raises('prctl: argument 1 (operation): unknown name "set_nam" for PR_*; did you mean "set_name"?', S.prctl,
      "set_nam", "x")
    t.raises('prctl: argument 2 (argument): unknown name "chwon" for CAP_*; did you mean "chown"?', S.prctl,
      "capbset_read", "chwon")
    t.raises("prctl: argument 2 (argument): expected a string, got 5", S.prctl, "set_name", 5)
  end)
end)

t.describe("arch_prctl", function()
  t.it("tells of the thread on x86, and is not there on other machines", function()
    local name = require("callgate.target").name
    if name == "x64" then
      t.ok(S.arch_prctl "get_fs" > 0)
      t.equal(S.arch_prctl "get_gs", 0)
    elseif name == "x86" then
      local allowed, _, errno = S.arch_prctl "get_cpuid"
      t.ok(allowed == true or errno == S.ENODEV)
    else
      t.equal(S.arch_prctl, nil)
    end
  end)
end)

t.describe("personality", function()
  t.it("is read and set by name", function()
    t.child(nil, function()
      local before = assert(S.personality())
      assert(S.personality "addr_no_randomize" == before)
      assert(S.personality() == S.ADDR_NO_RANDOMIZE)
      assert(S.personality "per_bsd, addr_compat_layout" == S.ADDR_NO_RANDOMIZE)
      assert(S.personality() == S.PER_BSD + S.ADDR_COMPAT_LAYOUT)
    end)
    t.raises('personality: argument 1 (persona): unknown name "addr_no_randomise"; '
      .. 'did you mean "addr_no_randomize"?', S.personality, "addr_no_randomise")
  end)
end)

t.describe("capabilities", function()
  t.it("agree with the proc file system", function()
    local text = io.open("/proc/self/status"):read "*a"
    local caps = t.ok(S.capget())
    for set, name in pairs { effective = "CapEff", permitted = "CapPrm", inheritable = "CapInh" } do
      local high, low = text:match(name .. ":%s*(%x%x%x%x%x%x%x%x)(%x+)")
      t.equal(caps.data[0][set], tonumber(low, 16))
      t.equal(caps.data[1][set], tonumber(high, 16))
    end
    t.equal(#caps.permitted > 0, caps:has("chown", "permitted") or #caps.permitted > 0)
    t.same(t.ok(S.capget(S.getpid())).effective, caps.effective)
    t.fails("ESRCH", S.capget(2 ^ 31 - 1))
  end)

  t.it("are made, changed and shown by name", function()
    local caps = S.t.capabilities { effective = "chown, KILL", permitted = { "CAP_CHOWN", "kill", "bpf" } }
    t.equal(tostring(caps),
      'capabilities { effective = "chown, kill", permitted = "chown, kill, bpf", inheritable = "" }')
    t.equal(tostring(S.t.capabilities { effective = "all", permitted = "kill" }),
      'capabilities { effective = "all", permitted = "kill", inheritable = "" }')
    t.equal(caps:has "bpf", false)
    t.equal(caps:has("bpf", "permitted"), true)
    t.equal(caps:raise("effective, inheritable", "bpf"):has "bpf", true)
    t.equal(caps:drop("permitted", "all"):has("chown", "permitted"), false)
    t.same(caps.inheritable, { "bpf" })
    t.raises('unknown name "chwon" for CAP_*; did you mean "chown"?', caps.has, caps, "chwon")
    t.raises('capset: argument 1 (capabilities): expected "effective", "permitted" or "inheritable", got '
      .. '"effectiv" (string)',
      S.capset, { effectiv = "chown" })
  end)

  t.it("are given up in a child", function()
    t.child(nil, function()
      local mine = S.capget()
      mine:drop("effective, permitted, inheritable", "all")
      assert(S.capset(mine))
      assert(#S.capget().effective == 0)
      fails("EPERM", S.capset { effective = "chown", permitted = "chown" })
    end)
  end)
end)

-- With a filter, or skips where the kernel or a sandbox has none.
local function filtered(rules, body)
  return t.ending(function()
    assert(S.prctl("set_no_new_privs", true))
    local ok, message, errno = S.seccomp("set_mode_filter", nil, S.seccomp_filter(rules))
    if not ok then
      return errno == S.ENOSYS and 77 or error(message)
    end
    return body()
  end)
end

local function filtered_passes(rules, body)
  local status = filtered(rules, body)
  if status.exitstatus == 77 then
    t.skip "the kernel has no seccomp"
  end
  t.equal(tostring(status), "exited with 0")
end

t.describe("seccomp", function()
  t.it("refuses calls by name with an errno, and ends processes", function()
    filtered_passes({ { "getppid, umask", "EPERM" }, { "getpid", "errno 99" } }, function()
      fails("EPERM", S.syscall.getppid())
      fails("EPERM", S.syscall.umask(0))
      assert(select(3, S.syscall.getpid()) == 99)
      assert(S.gettid() > 0)
      assert(S.prctl "get_seccomp" == 2)
    end)
    local status = filtered({ { "getppid", "kill_process" } }, function()
      S.getppid()
    end)
    t.equal(status.signal, "sys")
    -- what LuaJIT and the loading of modules need
    local needed = "exit_group, write, mmap, mmap2, munmap, mprotect, mremap, brk, madvise, open, openat, read, readv, "
      .. "close, fstat, fstat64, statx, newfstatat, lseek, _llseek, ioctl, fcntl, fcntl64, futex, rt_sigprocmask"
    local known = {}
    for name in needed:gmatch "[%w_]+" do
      known[#known + 1] = S.nr[name] and name or nil
    end
    filtered_passes({ default = "ENOSYS", { table.concat(known, ", "), "allow" } }, function()
      fails("ENOSYS", S.syscall.getppid())
    end)
  end)

  t.it("compares arguments in all 64 bits", function()
    local big = require("callgate.target").registers == 64 and 2 ^ 40 + 5 or 2 ^ 30 + 5
    local function answers(operator, a, b)
      local rule = { "personality", "EPERM", { 1, operator, a, b } }
      local found = {}
      filtered_passes({ rule, { "getppid", "EPERM" } }, function()
        fails("EPERM", S.syscall.getppid()) -- the rule after is reached
      end)
      for _, value in ipairs { 4, 5, 6, big } do
        local status = filtered({ { "madvise", "EPERM", { 2, operator, a, b } } }, function()
          local _, _, errno = S.syscall.madvise(nil, value, 9999)
          return errno == S.EPERM and 1 or 0
        end)
        found[#found + 1] = status.exitstatus
      end
      return table.concat(found, " ")
    end
    t.equal(answers("==", 5), "0 1 0 0")
    t.equal(answers("==", big), "0 0 0 1")
    t.equal(answers("~=", 5), "1 0 1 1")
    t.equal(answers(">", 5), "0 0 1 1")
    t.equal(answers(">=", 5), "0 1 1 1")
    t.equal(answers("<", 5), "1 0 0 0")
    t.equal(answers("<=", 5), "1 1 0 0")
    t.equal(answers("<", big), "1 1 1 0")
    t.equal(answers("&", 1), "0 1 0 1")
    t.equal(answers("&", 3, 2), "0 0 1 0")
  end)

  t.it("wants all conditions of a rule, and takes the first rule that matches", function()
    filtered_passes({
      { "socket", "EACCES", { 1, "==", S.AF_UNIX }, { 2, "&", 15, S.SOCK_DGRAM } },
      { "socket", "EPERM", { 1, "==", S.AF_UNIX } },
    }, function()
      fails("EACCES", S.socket("unix", "dgram"))
      fails("EPERM", S.socket("unix", "stream"))
      assert(S.socket("inet", "dgram"))
    end)
  end)

  t.it("reaches the next rule from the first of more conditions than a jump can skip", function()
    local rule = { "umask", "EPERM" }
    for mask = 100, 169 do
      rule[#rule + 1] = { 1, "~=", mask }
    end
    filtered_passes({ rule, { "getppid, getpid", "EACCES" } }, function()
      fails("EPERM", S.syscall.umask(18))
      for mask = 100, 169 do
        assert(S.syscall.umask(mask), mask)
      end
      fails("EACCES", S.syscall.getppid())
      fails("EACCES", S.syscall.getpid())
      assert(S.gettid() > 0)
    end)
    local rules = {}
    for i = 1, 12 do
      rules[i] = rule
    end
    t.matches(select(2, pcall(S.seccomp_filter, rules)),
      "seccomp_filter: argument 1 %(rules%): they make 42%d%d instructions; the kernel takes 4096$")
  end)

  t.it("takes instructions, too, and through prctl", function()
    t.child(nil, function()
      assert(S.prctl("set_no_new_privs", 1))
      local filter = {
        { "ld, w, abs", 0 },
        { "jmp, jeq, k", require("callgate.target").numbers.getppid, 0, 1 },
        { code = "ret, k", k = S.SECCOMP_RET_ERRNO + S.EXDEV },
        S.t.sock_filter("ret, k", S.SECCOMP_RET_ALLOW),
      }
      local ok, message, errno = S.prctl("set_seccomp", "filter", filter)
      if not ok then -- a kernel without filters
        assert(errno == S.EINVAL, message)
        return
      end
      fails("EXDEV", S.syscall.getppid())
      assert(S.seccomp("set_mode_filter", "log", filter))
    end)
  end)

  t.it("tells what it can do", function()
    local ok, _, errno = S.seccomp("get_action_avail", 0, "allow")
    if not ok then
      t.ok(errno == S.ENOSYS or errno == S.EINVAL)
      return
    end
    t.equal(ok, true)
    for _, action in ipairs { "errno 0", "errno", "EPERM", "kill_process" } do
      t.equal(S.seccomp("get_action_avail", 0, action), true, action)
    end
    for _, action in ipairs { "errnoo", {}, false } do
      t.matches(select(2, pcall(S.seccomp, "get_action_avail", 0, action)),
        'seccomp: argument 3 %(filter%): expected an action such as "allow", "errno", "kill_process", got ')
    end
    t.equal(t.ok(S.seccomp "get_notif_sizes").seccomp_data, S.s.seccomp_data)
    t.raises('seccomp: argument 2 (flags): expected nil: the operation takes none, got "log" (string)', S.seccomp,
      "get_notif_sizes", "log")
    t.raises('seccomp: argument 2 (flags): expected nil: the operation takes none, got "log" (string)', S.seccomp,
      "get_action_avail", "log", "allow")
  end)

  t.it("does not enter the strict mode with what that does not take", function()
    t.child(nil, function() -- which would end with the next call
      t.raises('seccomp: argument 2 (flags): expected nil: the operation takes none, got "x" (string)', S.seccomp,
        "set_mode_strict", "x")
      t.raises("seccomp: argument 3 (filter): expected nil: the operation takes none, got a table", S.seccomp,
        "set_mode_strict", nil, {})
    end)
  end)

  t.it("allows nothing but read, write and exit in strict mode", function()
    local status = t.ending(function()
      if not S.seccomp "set_mode_strict" then
        return 77
      end
      S.getppid()
    end)
    t.ok(status.signal == "kill" or status.exitstatus == 77)
  end)

  t.it("asks another process what to answer, through a listener", function()
    local status = t.ending(function()
      assert(S.prctl("set_no_new_privs", 1))
      local listener, _, errno = S.seccomp("set_mode_filter", "new_listener", { { "getppid", "user_notif" } })
      if not listener then
        return (errno == S.EINVAL or errno == S.ENOSYS) and 77 or 1
      end
      local pid = assert(S.fork())
      if pid == 0 then
        S._exit(S.syscall.getppid() == 4242 and 5 or 6)
      end
      local asked = assert(listener:ioctl "SECCOMP_IOCTL_NOTIF_RECV")
      assert(asked.pid == pid and asked.data.nr == S.nr.getppid)
      assert(listener:ioctl("SECCOMP_IOCTL_NOTIF_ID_VALID", asked.id))
      assert(listener:ioctl("SECCOMP_IOCTL_NOTIF_SEND", { id = asked.id, val = 4242 }))
      assert(select(2, S.waitpid(pid)).exitstatus == 5)
    end)
    t.ok(status.exitstatus == 0 or status.exitstatus == 77, tostring(status))
  end)

  t.it("says what is wrong with a rule", function()
    t.raises('seccomp_filter: argument 1 (rules[1][1]): no system call "mkdirta"; did you mean "mkdirat"?',
      S.seccomp_filter, { { "mkdirta", "EPERM" } })
    t.raises('seccomp_filter: argument 1 (rules[1][2]): expected an action such as "allow", "EPERM", "kill_process", '
      .. '"trace 1", got "deny" (string)', S.seccomp, "set_mode_filter", nil, { { "mkdirat", "deny" } })
    t.raises('seccomp_filter: argument 1 (default): expected an action such as "allow", "EPERM", "kill_process", '
      .. '"trace 1", got "deny" (string)', S.seccomp, "set_mode_filter", nil, { default = "deny" })
    t.raises('seccomp_filter: argument 1 (rules[1][2]): expected an action such as "allow", "EPERM", "kill_process", '
      .. '"trace 1", got "deny" (string)', S.seccomp_filter, { { "mkdirat", "deny" } })
    t.raises('seccomp_filter: argument 1 (rules[1][3][2]): expected "==", "~=", ">", ">=", "<", "<=" or "&", '
      .. 'got "=" (string)', S.seccomp_filter, { { "mkdirat", "EPERM", { 1, "=", 5 } } })
    t.raises("seccomp_filter: argument 1 (rules[1][3][1]): expected an argument's number from 1 to 6, got 0",
      S.seccomp_filter, { { "mkdirat", "EPERM", { 0, "==", 5 } } })
    t.raises('seccomp_filter: argument 1 (rules[1][1]): expected names of system calls, got "" (string)',
      S.seccomp_filter, { { "", "EPERM" } })
  end)

  t.it("overlooks nothing in a filter: what is dropped is let through", function()
    local RULE = 'a rule { "call, call", action, { argument, "==", value }... }'
    local CONDITION = 'a condition { argument, "==", value }'
    local function raises(what, rules)
      t.raises("seccomp_filter: argument 1 " .. what, S.seccomp_filter, rules)
      t.raises("seccomp_filter: argument 1 " .. what, S.seccomp, "set_mode_filter", nil, rules)
    end
    raises('(rules): unknown field "defualt"; did you mean "default"?',
      { defualt = "kill_process", { "read", "allow" } })
    raises('(rules): unknown field "defualt"; did you mean "default"?', { defualt = "kill_process" })
    raises('(rules[1]): unknown field "args"; expected ' .. RULE, { { "read", "EPERM", args = { 1, "==", 3 } } })
    raises('(rules[1][3]): unknown field "value"; expected ' .. CONDITION,
      { { "read", "EPERM", { 1, "==", value = 3 } } })
    raises("(rules[1][3]): expected " .. CONDITION .. ", got 5", { { "read", "EPERM", 5 } })
    raises('(rules[1][3]): 4 items; "==" takes an argument, itself and one value',
      { { "read", "EPERM", { 1, "==", 3, 4 } } })
    raises("(rules[2]): expected " .. RULE .. ", got nil", { { "read", "EPERM" }, nil, { "write", "EPERM" } })
    raises("(rules[1]): expected " .. RULE .. ", got nil", { nil, { "write", "EPERM" } })
    raises("(rules[1][3]): expected " .. CONDITION .. ", got nil", { { "read", "EPERM", nil, { 1, "==", 3 } } })
  end)

  t.it("takes actions of 32 bits whose data has 16", function()
    local function answer(action)
      local program = S.seccomp_filter { default = action }
      return program.filter[program.len - 1].k
    end
    t.equal(answer "errno 65535", S.SECCOMP_RET_ERRNO + 65535)
    t.equal(answer "errno EPERM", S.SECCOMP_RET_ERRNO + S.EPERM)
    t.equal(answer "trace 0", S.SECCOMP_RET_TRACE)
    t.equal(answer(S.SECCOMP_RET_KILL_PROCESS - 2 ^ 32), S.SECCOMP_RET_KILL_PROCESS) -- as bit.bor gives it
    local prefix = "seccomp_filter: argument 1 (default): expected "
    for _, action in ipairs { "errno 70000", "errno -1", "errno nan", "errno inf", "trace 1.5",
      "errno EPERM,EINTR" } do
      t.raises(('%sdata of an action from 0 to 65535, got %q (string)'):format(prefix, action), S.seccomp_filter,
        { default = action })
    end
    for _, action in ipairs { 0 / 0, 2 ^ 40, 1.5, 2 ^ 32, -2 ^ 31 - 1 } do
      t.raises(("%san action of 32 bits, got %s"):format(prefix, tostring(action)), S.seccomp_filter,
        { default = action })
    end
    local such = 'an action such as "allow", "EPERM", "kill_process", "trace 1", got '
    t.raises(prefix .. such .. '"70000" (string)', S.seccomp_filter, { default = "70000" })
    t.raises(prefix .. such .. '"EPERM|EINTR" (string)', S.seccomp_filter, { default = "EPERM|EINTR" })
    t.raises(prefix .. such .. '"data" (string)', S.seccomp_filter, { default = "data" }) -- SECCOMP_RET_DATA: a mask
    t.raises(prefix .. such .. '"alow" (string); did you mean "allow"?', S.seccomp_filter, { default = "alow" })
  end)

  t.it("names the instruction that is wrong", function()
    t.raises('seccomp: argument 3 (filter): filter[1]: k: expected an action such as "allow", "EPERM", "kill_process", '
      .. '"trace 1", got "alow" (string); did you mean "allow"?', S.seccomp, "set_mode_filter", nil,
      { { "ret, k", "alow" } })
    t.raises("seccomp: argument 3 (filter): filter[2]: k: expected a whole number of 32 bits, got 1099511627776",
      S.seccomp, "set_mode_filter", nil, { { "ld, w, abs", 0 }, { "ret, k", 2 ^ 40 } })
  end)
end)
