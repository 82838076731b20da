local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- The exit status of a child process that runs `body`; 99 when it raised.
local function status_of(body)
  local pid = t.ok(S.fork())
  if pid == 0 then
    local ok, status = xpcall(body, debug.traceback)
    if not ok then
      io.stderr:write(tostring(status), "\n")
    end
    S._exit(ok and status or 99)
  end
  return select(2, t.ok(S.waitpid(pid))).exitstatus
end

-- The user stays the same, who alone may be allowed to read the library's files.
local function drop_privileges()
  assert(S.capset {})
end

t.describe("the kernel's messages", function()
  t.it("are read by the action's name", function()
    local size, message, errno = S.syslog "size_buffer"
    if size == nil and (errno == S.ENOSYS or errno == S.EPERM) then
      t.skip(message)
    end
    t.ok(size > 0)
    local text = t.ok(S.klogctl "read_all")
    t.equal(type(text), "string")
    t.ok(#t.ok(S.syslog("read_all", 100)) <= 100)
    local unread = S.syslog "size_unread"
    t.ok(unread == nil or unread >= 0)
  end)

  t.it("are there for those who may", function()
    t.raises('syslog: argument 1 (action): unknown name "readall" for SYSLOG_ACTION_*; did you mean "read_all"?',
      S.syslog, "readall")
    t.raises("syslog: argument 2 (value): expected an integer of 32 bits, got nil", S.syslog, "console_level")
    t.equal(status_of(function()
      drop_privileges()
      local _, _, errno = S.syslog("console_level", 4)
      return (errno == S.EPERM or errno == S.ENOSYS) and 0 or 1
    end), 0)
    local _, _, errno = S.syslog("console_level", 100)
    t.ok(errno == S.EINVAL or errno == S.EPERM or errno == S.ENOSYS)
  end)
end)

t.describe("file systems", function()
  t.it("have types with numbers", function()
    if not S.sysfs then
      t.skip "no such call on this machine"
    end
    local count, message, errno = S.sysfs()
    if count == nil and errno == S.ENOSYS then
      t.skip(message)
    end
    t.ok(count > 1)
    local number = t.ok(S.sysfs "proc")
    t.equal(S.sysfs(number), "proc")
    t.fails("EINVAL", S.sysfs(count))
    t.fails("EINVAL", S.sysfs "callgate")
  end)

  t.it("tell free inodes by their device", function()
    if not S.ustat then
      t.skip "no such call on this machine"
    end
    local found, message, errno = S.ustat(S.stat("/").dev)
    if found == nil and errno == S.ENOSYS then
      t.skip(message)
    end
    t.ok(found and found.f_tfree >= 0 or errno == S.EINVAL, message) -- overlays have devices that it does not find
    t.fails("EINVAL", S.ustat(0xfffff))
  end)
end)

t.describe("the terminal", function()
  t.it("is hung up by the privileged alone", function()
    t.equal(status_of(function()
      drop_privileges()
      local _, _, errno = S.vhangup()
      return errno == S.EPERM and 0 or errno
    end), 0)
  end)
end)

t.describe("x86", function()
  t.it("has ports, for those who may", function()
    if not S.ioperm then
      t.skip "no such call on this machine"
    end
    t.equal(status_of(function()
      local ok, _, errno = S.ioperm(0x80, 1, false)
      if errno == S.ENOSYS then
        return 77
      end
      assert(ok)
      local _, _, number = S.ioperm(0x20000, 1, true)
      assert(number == S.EINVAL)
      drop_privileges()
      _, _, number = S.ioperm(0x80, 1, true)
      assert(number == S.EPERM)
      return 0
    end) % 77, 0)
  end)

  t.it("has levels of privilege for them", function()
    if not S.iopl then
      t.skip "no such call on this machine"
    end
    local _, _, errno = S.iopl(4)
    t.ok(errno == S.EINVAL or errno == S.ENOSYS)
    t.equal(status_of(function()
      drop_privileges()
      local _, _, number = S.iopl(3)
      return (number == S.EPERM or number == S.ENOSYS) and 0 or 1
    end), 0)
  end)

  t.it("has a table of segments", function()
    if not S.modify_ldt then
      t.skip "no such call on this machine"
    end
    t.equal(status_of(function()
      local before, _, errno = S.modify_ldt "read"
      if errno == S.ENOSYS then
        return 77
      end
      assert(before:find "^%z*$")
      assert(S.modify_ldt("write", { entry_number = 1, base_addr = 0x1000, limit = 0xfff, useable = 1 }))
      local after = assert(S.modify_ldt("read", 16))
      assert(#after == 16 and after:sub(9) ~= ("\0"):rep(8))
      assert(after:byte(8 + 4) == 0x10) -- bits 8 to 15 of the base, in the fourth byte
      local _, _, number = S.modify_ldt("write", { entry_number = 100000 })
      assert(number == S.EINVAL)
      return 0
    end) % 77, 0)
    t.raises('modify_ldt: argument 1 (operation): unknown name "raed"; did you mean "read"?', S.modify_ldt,
      "raed")
  end)
end)

t.describe("brk", function()
  t.it("tells where the data segment ends, and moves it", function()
    t.equal(status_of(function()
      local now = assert(S.brk())
      assert(now > 0 and S.brk(1) == now) -- where it cannot be moved to, it stays
      local moved = assert(S.brk(tonumber(now) + 65536))
      assert(moved == now or moved == now + 65536)
      return 0
    end), 0)
  end)
end)

t.describe("clone", function()
  t.it("makes a child as fork does", function()
    local pid, pidfd = t.ok(S.clone())
    if pid == 0 then
      S._exit(7)
    end
    t.equal(pidfd, nil)
    t.equal(select(2, t.ok(S.waitpid(pid))).exitstatus, 7)
  end)

  t.it("gives a descriptor of the child, and sends another signal at its end", function()
    local pid, pidfd, errno = S.clone("pidfd", 0)
    if pid == 0 then
      S._exit(3)
    elseif pid == nil and errno == S.EINVAL then
      t.skip "no such form of clone here"
    end
    t.ok(pid, pidfd)
    t.ok(pidfd, "no descriptor")
    local info = t.ok(S.waitid("pidfd", pidfd, "exited, clone"))
    t.equal(info.status, 3)
    t.equal(info.pid, pid)
  end)

  t.it("makes namespaces", function()
    local pid, message, errno = S.clone "newpid"
    if pid == 0 then
      S._exit(S.getpid() == 1 and 0 or 1)
    elseif pid == nil and (errno == S.EPERM or errno == S.EINVAL) then
      t.skip(message)
    end
    t.equal(select(2, t.ok(S.waitpid(pid))).exitstatus, 0)
  end)

  t.it("makes no thread of a Lua state", function()
    t.raises("clone: argument 1 (flags): CLONE_VM is for threads: a Lua state cannot be shared", S.clone, "vm")
    t.raises("clone: argument 1 (flags): expected flags that clone has: a signal is the second argument, and the newer "
      .. "ones are clone3's, got 17", S.clone, 17)
  end)
end)

t.describe("rseq_slice_yield", function()
  t.it("says whether a slice was extended", function()
    if not S.rseq_slice_yield then
      t.skip "no such call on this machine"
    end
    local yielded, message, errno = S.rseq_slice_yield()
    if yielded == nil and errno == S.ENOSYS then
      t.skip(message)
    end
    t.equal(yielded, 0)
  end)
end)

t.describe("mode bits", function()
  t.it("are asked for and set with flags by the calls that have them", function()
    local path = t.write("file", "")
    local ok, message, errno = S.faccessat2(nil, path, "r", "symlink_nofollow")
    t.ok(ok or errno == S.ENOSYS, message)
    ok, message, errno = S.fchmodat2(nil, path, "0640", "symlink_nofollow")
    t.ok(ok or errno == S.ENOSYS or errno == S.EOPNOTSUPP, message)
    t.equal(ffi.istype(S.t.stat, S.stat(path)), true)
    if ok then
      t.equal(S.stat(path).mode % 512, 416)
    end
  end)
end)
