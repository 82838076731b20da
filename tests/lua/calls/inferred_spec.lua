local t = ...

local ffi = require "ffi"
local S = require "callgate"
local index = require "callgate.calls.index"
local numbers = require("callgate.target").numbers

t.describe("every system call of the table", function()
  t.it("is a function of S under the kernel's name, or stands among the excluded", function()
    local missing = {}
    for name in pairs(numbers) do
      local ok, fn = pcall(function() return S[name] end)
      if not ok or type(fn) ~= "function" then
        missing[#missing + 1] = name
      end
      t.equal(type(S.syscall[name]), "function")
    end
    -- Excluded in spec/inference.toml, or numbers without an entry in the kernel.
    local allowed = {
      rt_sigreturn = true, vfork = true, restart_syscall = true, uprobe = true, uretprobe = true, _sysctl = true,
      afs_syscall = true, create_module = true, epoll_ctl_old = true, epoll_wait_old = true, get_kernel_syms = true,
      getpmsg = true, lookup_dcookie = true, nfsservctl = true, putpmsg = true, query_module = true, security = true,
      set_thread_area = true, get_thread_area = true, tuxcall = true, uselib = true, vserver = true,
      sigreturn = true,
    }
    for _, name in ipairs(missing) do
      if not allowed[name] and not index.functions[name] then
        t.fails("ENOSYS", S.syscall[name]())
      end
    end
  end)

  t.it("makes its function without a mistake", function()
    local count = 0
    for name, module in pairs(require("callgate.rows").whole(index.functions)) do
      local fn = S[name] -- nil where the target's table lacks the call
      t.ok(type(fn) == "function" or fn == nil and (module:find "^calls%." or not numbers[name]), name)
      count = count + (fn and 1 or 0)
    end
    for name, other in pairs(index.aliases) do
      t.ok(rawequal(S[name], S[other]))
    end
    t.ok(count >= 330)
  end)
end)

t.describe("an undeclared call", function()
  t.it("takes what its prototype says: paths, numbers, memory, descriptors", function()
    t.equal(S.setxattr == nil, false)
    local path = t.write("plain", "x")
    local ok, _, errno = S.setxattr(path, "user.callgate", "value")
    if ok then
      local buffer = ffi.new "char[16]"
      t.equal(S.getxattr(path, "user.callgate", buffer, 16), 5)
      t.equal(ffi.string(buffer, 5), "value")
      t.equal(S.removexattr(path, "user.callgate"), true)
    else
      t.ok(errno == S.EOPNOTSUPP or errno == S.EPERM)
    end
    t.fails("ENODATA", S.getxattr(path, "user.none", nil, 0))
    local small = ffi.new "char[8]"
    t.raises("getxattr: argument 4 (size): 9 bytes, but the buffer has 8", S.getxattr, path, "user.x", small, 9)
    t.raises("rt_sigpending: argument 1 (set): expected a pointer (cdata) or nil, got 5", S.rt_sigpending, 5)
    t.fails("EBADF", S.fgetxattr(1000, "user.x", nil, 0))
    local fd = t.ok(S.open(path))
    fd:close()
    t.raises("fgetxattr: argument 1 (fd): closed descriptor", S.fgetxattr, fd, "user.x", nil, 0)
  end)

  t.it("is a method where it takes a descriptor first", function()
    local fd = t.ok(S.open(t.write("attributed", ""), "rdwr"))
    t.fails("ENODATA", fd:getxattr("user.none", nil, 0))
    t.fails("ENODATA", fd:fgetxattr("user.none", nil, 0))
    t.equal(fd.setns, S.setns)
    t.ok(fd:stat()) -- what is declared stays what it is
  end)

  t.it("that makes a descriptor returns an object", function()
    if S.memfd_secret then -- not in the tables of arm and of several others
      local fd, message, errno = S.memfd_secret(0)
      t.ok(fd and ffi.istype(S.t.fd(t.ok(S.dup(0)):nogc().fd), fd) or errno == S.ENOSYS, message)
    end
    local fault, text, number = S.userfaultfd(S.O_CLOEXEC)
    t.ok(fault and fault:close() or number == S.ENOSYS or number == S.EPERM, text)
  end)
end)
