-- Calls of single architectures, and forms of calls that only some have, as S.syscall.NAME.

local t = ...

local ffi = require "ffi"
local S = require "callgate"
local signatures = require "callgate.signatures"

local call = t.call

ffi.cdef [[int callgate_architectures_abs(int) __asm__("abs");]]
local HANDLER = ffi.cast("void *", ffi.C.callgate_architectures_abs) -- safe in a handler

-- Runs what waits for a signal while signals come again and again.
local function interrupted(wait)
  t.child(nil, function()
    assert(S.sigaction("alrm", HANDLER))
    S.setitimer("real", { value = 0.02, interval = 0.02 })
    local value, message, errno = wait()
    S.setitimer("real", 0)
    if errno == S.EFAULT and jit.arch == "s390x" then
      t.skip "qemu-user takes a number for an address"
    end
    assert(value == nil and errno == S.EINTR, message)
  end)
end

t.describe("waiting for signals", function()
  call("pause", function(pause)
    interrupted(pause)
  end)

  -- A mask: its address, itself, or itself after two numbers without a meaning. qemu-user takes the first of these for
  -- an address, which it cannot be on 64-bit machines.
  call("sigsuspend", function(sigsuspend)
    local letters = signatures.sigsuspend:sub(3)
    local mask = ffi.new "unsigned long[4]"
    interrupted(function()
      if letters == "p" then
        return sigsuspend(mask)
      elseif #letters == 1 then
        return sigsuspend(0)
      end
      return sigsuspend(ffi.abi "32bit" and tonumber(ffi.cast("uintptr_t", mask)) or 0, 0, 0)
    end)
  end)

  call("rt_sigtimedwait", function(wait)
    t.fails("EAGAIN", wait(ffi.new "uint64_t[2]", nil, ffi.new("long[2]", 0, 0), jit.arch:find "^mips" and 16 or 8))
  end)
end)

t.describe("forms of calls", function()
  if #(signatures.mmap or "") == 3 then -- one pointer to all arguments
    call("mmap", function(mmap)
      local what = ffi.new("unsigned long[6]", 0, 4096, 1, 0x22, -1, 0)
      local address = t.ok(mmap(what))
      t.ok(address ~= 0)
      t.equal(S.syscall.munmap(address, 4096), 0)
    end)
  end

  if signatures.select == "i:p" then
    call("select", function(select)
      local time = ffi.new "long[2]"
      local what = ffi.new("void *[5]", nil, nil, nil, nil, time)
      t.equal(select(what), 0)
    end)
  end

  call("pselect6_time64", function(select)
    t.equal(select(0, nil, nil, nil, ffi.new "int64_t[2]", nil), 0)
  end)

  call("sched_rr_get_interval", function(interval)
    t.equal(interval(0, ffi.new "long[2]"), 0)
  end)

  call("futex", function(futex)
    t.equal(futex(ffi.new "uint32_t[1]", 1, 1, nil, nil, 0), 0) -- wake who waits here
  end)

  -- mips' has seven registers of arguments, which only the C library's own function fills.
  for _, name in ipairs(jit.arch:find "^mips" and {} or { "fadvise64", "fadvise64_64", "arm_fadvise64_64" }) do
    call(name, function(advise)
      local fd = t.ok(S.memfd_create "advice")
      if name == "arm_fadvise64_64" or jit.arch == "ppc" and name == "fadvise64_64" then
        t.equal(advise(fd, 2, 0, 0), 0)
      else
        t.equal(advise(fd, 0, 0, 2), 0)
      end
      t.ok(fd:close())
    end)
  end

  for _, name in ipairs { "sync_file_range2", "arm_sync_file_range" } do
    call(name, function(sync)
      local path = t.write(name, "x")
      local fd = t.ok(S.open(path, "rdwr"))
      t.equal(sync(fd, 2, 0, 1), 0)
      t.ok(fd:close())
      S.unlink(path)
    end)
  end

  for _, name in ipairs { "send", "recv" } do
    call(name, function(fn)
      local a, b = t.ok(S.socketpair("unix", "stream"))
      local text = ffi.new("char[8]", "text")
      if name == "send" then
        t.equal(fn(a, text, 4, 0), 4)
        t.equal(b:read(), "text")
      else
        t.equal(a:write "text", 4)
        t.equal(fn(b, text, 8, 0), 4)
      end
      t.ok(a:close() and b:close())
    end)
  end

  for _, name in ipairs { "recvmmsg", "recvmmsg_time64" } do
    call(name, function(fn) -- room for no message
      local a, b = t.ok(S.socketpair("unix", "dgram"))
      t.equal(fn(a, ffi.new "uint64_t[16]", 0, S.MSG_DONTWAIT, nil), 0)
      t.ok(a:close() and b:close())
    end)
  end

  call("ipc", function(ipc) -- 13: msgget, 14: msgctl; IPC_RMID is 0, or'd with IPC_64
    local fifth = #signatures.ipc == 8 and { 0 } or {} -- s390x' has none
    local id = t.ok(ipc(13, 0, 384, 0, nil, unpack(fifth)))
    t.equal(ipc(14, id, 256, 0, nil, unpack(fifth)), 0)
  end)
end)

t.describe("single architectures", function()
  call("ARM_cacheflush", function(flush)
    local memory = ffi.new "uint32_t[64]"
    local address = tonumber(ffi.cast("intptr_t", memory))
    t.equal(flush(memory, address + 256, 0), 0)
  end)

  call("ARM_get_tls", function(get)
    local pointer = t.ok(get())
    t.equal(S.syscall.ARM_set_tls(pointer), 0)
    t.equal(get(), pointer)
  end)

  for _, name in ipairs { "ARM_breakpoint", "ARM_usr26", "ARM_usr32" } do -- a trap; modes of processors long gone
    call(name, function(fn)
      local pid = t.ok(S.fork())
      if pid == 0 then
        fn()
        S._exit(0)
      end
      local _, status = t.ok(S.waitpid(pid))
      t.ok(name ~= "ARM_breakpoint" or status.termsig == S.SIGTRAP)
    end)
  end

  call("cacheflush", function(flush)
    t.equal(flush(ffi.new "char[64]", 64, 3), 0)
  end)

  call("riscv_flush_icache", function(flush)
    t.equal(flush(0, 0, 0), 0)
  end)

  call("riscv_hwprobe", function(probe)
    local pairs = ffi.new("int64_t[2]", 3) -- what the processor does as a base
    t.equal(probe(pairs, 1, 0, nil, 0), 0)
    t.ok(pairs[1] ~= 0)
  end)

  call("swapcontext", function(swap) -- nowhere; a size that is too small
    t.fails("EINVAL", swap(nil, nil, 1))
  end)

  call("switch_endian", function(switch) -- the child cannot go on after it
    local pid = t.ok(S.fork())
    if pid == 0 then
      switch()
      S._exit(0)
    end
    t.ok(S.waitpid(pid))
  end)
end)
