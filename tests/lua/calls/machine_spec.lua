-- Calls that change the whole machine or a processor's own state: each is made with what it must refuse, or with what
-- changes nothing.

local t = ...

local ffi = require "ffi"
local S = require "callgate"

local call = t.call

-- Refused for that reason, or to those who may not.
local function refused(name, ...)
  local value, message, errno = ...
  t.ok(value == nil and (errno == S[name] or errno == S.EPERM), message)
end

t.describe("the machine", function()
  call("reboot", function(reboot) -- numbers that are not reboot(2)'s: kernel/reboot.c looks at them first
    refused("EINVAL", reboot(0, 0, 0, nil))
  end)

  call("kexec_load", function(kexec_load) -- more segments than there may be
    refused("EINVAL", kexec_load(nil, 1000, nil, 0))
  end)

  call("kexec_file_load", function(kexec_file_load) -- flags that there are not
    refused("EINVAL", kexec_file_load(-1, -1, 0, nil, 0x7fff0000))
  end)

  call("syslog", function(syslog) -- 10: the size of the kernel's buffer
    local size, message, errno = syslog(10, nil, 0)
    t.ok(errno == S.EPERM or size > 0, message)
  end)

  call("vhangup", function(vhangup) -- of a session without a terminal
    t.child(nil, function()
      S.setsid()
      local _, message, errno = vhangup()
      assert(errno == nil or errno == S.EPERM, message)
    end)
  end)

  call("ioperm", function(ioperm) -- taking away what nobody had
    t.equal(ioperm(0x80, 1, 0), 0)
  end)

  call("iopl", function(iopl)
    t.equal(iopl(0), 0)
  end)

  call("modify_ldt", function(modify_ldt) -- 0: read
    t.ok(t.ok(modify_ldt(0, ffi.new "char[64]", 64)) >= 0)
  end)

  call("rseq_slice_yield", function(rseq_slice_yield)
    local value = t.ok(rseq_slice_yield())
    t.ok(value == 0 or value == 1)
  end)

  if jit.arch == "x86" then -- mips' is the thread's own pointer, which its C library needs
    for _, name in ipairs { "get_thread_area", "set_thread_area" } do
      call(name, function(area)
        t.fails("EINVAL", area(ffi.new("uint32_t[4]", 1000)))
      end)
    end
  end

  for _, name in ipairs { "vm86", "vm86old" } do
    call(name, function(vm86)
      local _, _, errno = vm86(name == "vm86" and 0 or nil)
      t.ok(errno == S.EFAULT or errno == S.EPERM)
    end)
  end
end)

t.describe("older forms", function()
  call("pwritev2", function(pwritev2)
    local fd, text = t.ok(S.memfd_create "pwritev2"), ffi.new("char[4]", "text")
    local vector = ffi.new("struct { void *base; size_t size; }[1]", { { text, 4 } })
    t.equal(pwritev2(fd, vector, 1, 0, 0, 0), 4)
    t.equal(fd:fstat().size, 4)
    t.ok(fd:close())
  end)

  call("fchmodat2", function(fchmodat2)
    local path = t.write("fchmodat2", "x")
    t.equal(fchmodat2(S.AT_FDCWD, path, 256, S.AT_SYMLINK_NOFOLLOW), 0)
    t.equal(S.stat(path).perm, 256)
    S.unlink(path)
  end)
end)
