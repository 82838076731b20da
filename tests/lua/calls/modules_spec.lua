local t = ...

local S = require "callgate"

-- The errno of what `body` returns in a child process without privileges; 0 when it succeeds.
local function unprivileged(body)
  local pid = t.ok(S.fork())
  if pid == 0 then
    local ok, errno = pcall(function()
      assert(S.capset {}) -- the user stays, who alone may be allowed to read the library's files
      local value, _, number = body()
      return value == nil and number or 0
    end)
    S._exit(ok and errno or 255)
  end
  return select(2, t.ok(S.waitpid(pid))).exitstatus
end

local function one_of(errno, ...)
  for i = 1, select("#", ...) do
    if errno == S.c.E[select(i, ...)] then
      return t.ok(true)
    end
  end
  error(("errno %s is not expected"):format(tostring(S.errname(errno) or errno)), 2)
end

t.describe("modules of the kernel", function()
  t.it("are loaded and unloaded by the privileged alone", function()
    one_of(unprivileged(function() return S.init_module("none", "") end), "PERM", "NOSYS")
    one_of(unprivileged(function() return S.delete_module("callgate_none", "nonblock") end), "PERM", "NOSYS")
    local fd = t.ok(S.open(t.write("module", "no module"), "rdonly"))
    one_of(unprivileged(function() return fd:finit_module() end), "PERM", "NOSYS")
  end)

  t.it("are refused when they are none", function()
    local ok, _, errno = S.init_module("no module", "option=1")
    t.equal(ok, nil)
    one_of(errno, "NOEXEC", "PERM", "NOSYS")
    local fd = t.ok(S.open(t.write("module", "no module"), "rdonly"))
    ok, _, errno = fd:finit_module("option=1", "ignore_vermagic")
    t.equal(ok, nil)
    one_of(errno, "NOEXEC", "PERM", "NOSYS", "INVAL")
    ok, _, errno = S.delete_module("callgate_none", "nonblock")
    t.equal(ok, nil)
    one_of(errno, "NOENT", "PERM", "NOSYS")
    t.raises("init_module: argument 1 (image): expected a string or a buffer, got nil", S.init_module)
    t.raises("delete_module: argument 1 (name): expected a string, got nil", S.delete_module)
    t.raises('finit_module: argument 3 (flags): unknown name "ignore_vermagik" for MODULE_INIT_*; did you mean '
      .. '"ignore_vermagic"?', S.finit_module, fd, "", "ignore_vermagik")
  end)
end)

t.describe("the next kernel", function()
  t.it("is chosen by the privileged alone", function()
    one_of(unprivileged(function() return S.kexec_load(0, { { "data", 4096, 4096 } }) end), "PERM", "NOSYS")
    if S.kexec_file_load then
      local fd = t.ok(S.open(t.write("kernel", "no kernel"), "rdonly"))
      one_of(unprivileged(function() return S.kexec_file_load(fd, nil, "quiet") end), "PERM", "NOSYS")
    end
  end)

  t.it("is described by what makes sense", function()
    t.raises("kexec_load: argument 2 (segments[1]): expected a table { data, address, size }, got 5", S.kexec_load,
      0, { 5 })
    t.raises("kexec_load: argument 2 (segments[1][1]): expected a string or a buffer, got nil", S.kexec_load, 0, { {} })
    if S.kexec_file_load then
      t.raises("kexec_file_load: argument 3 (cmdline): expected a string, got 5", S.kexec_file_load, 0, nil, 5)
    end
  end)
end)

t.describe("restarting the machine", function()
  t.it("is for the privileged alone", function()
    one_of(unprivileged(function() return S.reboot "cad_on" end), "PERM")
    one_of(unprivileged(function() return S.reboot("restart2", "none") end), "PERM")
  end)

  t.it("takes a command of the kernel's, by name", function()
    t.raises('reboot: argument 1 (operation): unknown name "restat" for LINUX_REBOOT_CMD_*; did you mean "restart"?',
      S.reboot, "restat")
    t.raises("reboot: argument 1 (operation): expected names of LINUX_REBOOT_CMD_* or a number, got nil", S.reboot)
    -- Wrong magic numbers, whoever asks; no machine stops for these.
    local ok, _, errno = S.syscall.reboot(1, 2, 0, nil)
    t.equal(ok, nil)
    one_of(errno, "INVAL", "PERM")
  end)

  t.it("in a PID namespace ends that alone, and is no matter of the keyboard's", function()
    -- There only restart, halt and power_off mean anything, for its init: kernel/pid_namespace.c, reboot_pid_ns.
    local pid = t.ok(S.fork())
    if pid == 0 then
      local ok, status = pcall(function()
        if not S.unshare "newpid" then
          return 77
        end
        local inner = assert(S.fork())
        if inner == 0 then
          if S.getpid() ~= 1 then -- not in a namespace of its own
            S._exit(77)
          end
          local _, _, errno = S.reboot "cad_off"
          if errno == S.EINVAL then -- surely in one: outside it would have succeeded
            S.reboot "restart"
          end
          S._exit(errno == S.EPERM and 77 or 1)
        end
        local status = select(2, assert(S.waitpid(inner)))
        return status.termsig == S.SIGHUP and 0 or status.exitstatus or 98
      end)
      S._exit(ok and status or 99)
    end
    local status = select(2, t.ok(S.waitpid(pid))).exitstatus
    if status == 77 then
      t.skip "no PID namespace, or no right to restart it, here"
    end
    t.equal(status, 0)
  end)
end)
