-- Looking into other processes, and stopping them.

local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- A child that waits in a pipe until it is told to go on, with `text` at an address that it tells.
local function waiting_child(text)
  local r, w = assert(S.pipe())
  local ready, tell = assert(S.pipe())
  local memory = ffi.new("char[64]", text)
  local pid = assert(S.fork())
  if pid == 0 then
    w:close()
    S.prctl("set_ptracer", -1)
    tell:write "!" -- fork is over: it blocks all signals meanwhile
    r:read(nil, 1)
    S._exit(ffi.string(memory) == text and 0 or 5)
  end
  r:close()
  assert(ready:read(nil, 1) == "!" and ready:close() and tell:close())
  return pid, memory, w
end

t.describe("another process's memory", function()
  t.it("is read and written at addresses", function()
    local pid, memory, w = waiting_child "hello, memory"
    local count, parts = S.process_vm_readv(pid, { 5, 8 }, memory)
    if count == nil then
      w:close()
      S.waitpid(pid)
      t.skip "ptrace is not allowed here"
    end
    t.equal(count, 13)
    t.same(parts, { "hello", ", memory" })
    count, parts = S.process_vm_readv(pid, { 9 }, { { memory + 7, 6 }, { memory, 3 } })
    t.equal(count, 9)
    t.same(parts, { "memoryhel" })
    local own = ffi.new "char[4]"
    t.equal(S.process_vm_readv(pid, { own }, memory), 4)
    t.equal(ffi.string(own, 4), "hell")
    t.equal(S.process_vm_writev(pid, { "HE", "LLO" }, memory), 5)
    t.same({ select(2, S.process_vm_readv(pid, { 5 }, memory)) }, { { "HELLO" } })
    t.fails("EFAULT", S.process_vm_readv(pid, { 4 }, 16))
    w:close()
    t.equal(select(2, S.waitpid(pid)).exitstatus, 5)
    t.fails("ESRCH", S.process_vm_readv(2 ^ 31 - 1, { 4 }, memory))
    t.raises('process_vm_readv: argument 2 (local): expected a table of strings, buffers or sizes, got nil',
      S.process_vm_readv, 1)
  end)

  t.it("is advised about and freed through a pidfd", function()
    local region = t.ok(S.mmap(nil, 8192, "read, write", "private, anonymous")) -- which the child has, too
    local pid, _, w = waiting_child "x"
    local pidfd, _, errno = S.pidfd_open(pid)
    if pidfd then
      local advised
      advised, _, errno = pidfd:madvise({ { region, 4096 } }, "cold")
      t.ok(advised == 4096 or errno == S.ENOSYS or errno == S.EPERM)
      if errno ~= S.ENOSYS then
        t.fails("EINVAL", pidfd:madvise({ { region, 4096 } }, "cold", 1))
      end
      local freed
      freed, _, errno = pidfd:mrelease()
      t.ok(not freed and (errno == S.EINVAL or errno == S.ENOSYS)) -- it is not being killed
    else
      t.equal(errno, S.ENOSYS)
    end
    w:close()
    t.ok(S.waitpid(pid))
  end)
end)

t.describe("kcmp", function()
  t.it("compares what two processes have", function()
    local same, _, errno = S.kcmp(S.getpid(), S.getpid(), "vm")
    if same == nil then
      t.ok(errno == S.ENOSYS or errno == S.EPERM)
      return
    end
    t.equal(same, 0)
    local fd = t.ok(S.open("/dev/null", "rdonly"))
    local copy = t.ok(fd:dup())
    local other = t.ok(S.open("/dev/null", "rdonly"))
    t.equal(S.kcmp(S.getpid(), S.getpid(), "file", fd, copy), 0)
    t.ok(S.kcmp(S.getpid(), S.getpid(), "file", fd.fd, other.fd) > 0)
    t.fails("ESRCH", S.kcmp(2 ^ 31 - 1, 1, "vm"))
    t.fails("EBADF", S.kcmp(S.getpid(), S.getpid(), "file", 9999, 0))
  end)
end)

t.describe("ptrace", function()
  local function traced(body)
    local pid, memory, w = waiting_child "hello, ptrace"
    local ok, _, errno = S.ptrace("seize", pid, "exitkill, tracesysgood")
    if not ok then
      w:close()
      S.waitpid(pid)
      t.ok(errno == S.EPERM or errno == S.ENOSYS)
      t.skip "ptrace is not to be had here"
    end
    body(pid, memory, w)
  end

  t.it("holds a process that ends until its memory is freed", function()
    traced(function(pid, _, w)
      local pidfd = S.pidfd_open(pid)
      t.equal(S.ptrace("interrupt", pid), true)
      t.ok(S.waitpid(pid))
      t.equal(S.ptrace("setoptions", pid, "traceexit"), true)
      w:close()
      t.equal(S.ptrace("cont", pid), true)
      local _, status = t.ok(S.waitpid(pid))
      t.equal(bit.rshift(status.status, 16), S.PTRACE_EVENT_EXIT)
      local freed, message, errno
      if pidfd then
        freed, message, errno = pidfd:mrelease()
      end
      t.equal(S.ptrace("detach", pid), true)
      t.equal(select(2, S.waitpid(pid)).exitstatus, 0)
      if not pidfd or errno == S.ENOSYS then
        t.skip "no pidfds, or no process_mrelease before Linux 5.15"
      end
      t.ok(freed, message)
    end)
  end)

  t.it("stops a process, looks into it and changes it", function()
    traced(function(pid, memory, w)
      t.equal(S.ptrace("interrupt", pid), true)
      local _, status = t.ok(S.waitpid(pid))
      t.equal(status.stopsig, S.SIGTRAP)
      local size = ffi.sizeof "long"
      local word = ffi.new("long[1]", ffi.cast("long", t.ok(S.ptrace("peekdata", pid, memory))))
      t.equal(ffi.string(word, size), ("hello, ptrace"):sub(1, size))
      ffi.copy(word, "HELLO, PTRACE", size)
      t.equal(S.ptrace("pokedata", pid, memory, word[0]), true)
      t.equal(ffi.cast("long", S.ptrace("peektext", pid, memory)), word[0])
      t.fails("EIO", S.ptrace("peekdata", pid, 16))
      local registers = t.ok(S.ptrace("getregset", pid, "prstatus"))
      t.ok(#registers >= 16 * size)
      t.equal(S.ptrace("setregset", pid, "prstatus", registers), true)
      t.equal(S.ptrace("getregset", pid, "prstatus"), registers)
      local buffer = S.t.buffer(#registers)
      t.equal(S.ptrace("getregset", pid, "prstatus", buffer), buffer)
      t.equal(ffi.string(buffer, #registers), registers)
      local known, own, _, why = pcall(S.ptrace, "getregs", pid) -- which not all kernels have
      if known and S.t.user_regs_struct and #registers == S.s.user_regs_struct then
        t.ok(own and ffi.string(own, #own) == registers or why == S.EIO)
        t.equal(own == nil or S.ptrace("setregs", pid, own), true)
        local few = "ptrace: argument 3 (argument): 8 bytes are too few: the kernel takes them for " .. #registers
        t.raises(few, S.ptrace, "getregs", pid, S.t.buffer(8))
      end
      t.equal(tostring(S.ptrace("getsigmask", pid)), "sigset {  }")
      t.equal(S.ptrace("setsigmask", pid, "usr1, hup"), true)
      t.equal(tostring(S.ptrace("getsigmask", pid)), "sigset { hup, usr1 }")
      t.equal(t.ok(S.ptrace("getsiginfo", pid)).signal, "trap")
      t.equal(S.ptrace("geteventmsg", pid) >= 0, true)
      local info, _, errno = S.ptrace("get_syscall_info", pid)
      if info then
        t.equal(info.arch % 65536 > 0, true)
      else
        t.ok(errno == S.EIO or errno == S.ENOSYS)
      end
      t.equal(S.ptrace("setoptions", pid, "traceexit, tracesysgood"), true)
      w:close()
      t.equal(S.ptrace("cont", pid), true)
      _, status = t.ok(S.waitpid(pid))
      t.equal(status.status, S.SIGTRAP * 256 + 127 + S.PTRACE_EVENT_EXIT * 65536)
      t.equal(S.ptrace("geteventmsg", pid), 5 * 256)
      t.equal(S.ptrace("detach", pid), true)
      t.equal(select(2, S.waitpid(pid)).exitstatus, 5)
    end)
  end)

  t.it("stops at system calls, and hands on signals", function()
    traced(function(pid)
      t.ok(S.ptrace("interrupt", pid))
      t.ok(S.waitpid(pid))
      t.equal(S.ptrace("syscall", pid), true)
      local _, status = t.ok(S.waitpid(pid))
      t.equal(status.stopsig, S.SIGTRAP + 128)
      t.equal(S.kill(pid, "term"), true)
      t.equal(S.ptrace("cont", pid), true)
      _, status = t.ok(S.waitpid(pid))
      t.equal(status.stopsig, S.SIGTERM)
      t.equal(S.ptrace("cont", pid, "kill"), true)
      t.equal(select(2, S.waitpid(pid)).signal, "kill")
    end)
  end)

  t.it("is asked for by the child, and refused where it makes no sense", function()
    local pid = assert(S.fork())
    if pid == 0 then
      S._exit(S.ptrace "traceme" and S.kill(S.getpid(), "stop") and 3 or 4)
    end
    local _, status = t.ok(S.waitpid(pid))
    if status.stopped then
      t.equal(S.ptrace("cont", pid), true)
      t.equal(select(2, S.waitpid(pid)).exitstatus, 3)
    else
      t.equal(status.exitstatus, 4)
    end
    local ok, _, errno = S.ptrace("attach", 2 ^ 31 - 1)
    t.ok(not ok and (errno == S.ESRCH or errno == S.ENOSYS))
    t.raises('ptrace: argument 1 (request): unknown name "peekdat" for PTRACE_*; did you mean "peekdata"?', S.ptrace,
      "peekdat", 1, 0)
    t.raises('ptrace: argument 3 (argument): unknown name "tracefrok" for PTRACE_O_*; did you mean "tracefork"?',
      S.ptrace, "seize", 1, "tracefrok")
  end)
end)
