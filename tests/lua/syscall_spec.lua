local t = ...

local ffi = require "ffi"
local S = require "callgate"
local sys = require "callgate.sys"
local numbers = require("callgate.target").numbers
local signatures = require "callgate.signatures"

ffi.cdef [[int callgate_spec_abs(int) __asm__("abs");]]

t.describe("S.syscall", function()
  t.it("returns what the kernel does, or nil, text, errno", function()
    t.ok(S.syscall.getpid() > 1)
    t.fails("EBADF", S.syscall.close(-1))
    t.fails("ENOENT", S.syscall.openat(S.AT_FDCWD, "/nonexistent", 0))
    t.equal(S.syscall.umask(S.syscall.umask(18)), 18)
  end)

  t.it("takes numbers, descriptors, booleans, strings, buffers and nil", function()
    local pair = ffi.new "int[2]"
    t.equal(S.syscall.pipe2(pair, S.O_CLOEXEC), 0)
    local reader, writer = S.t.fd(pair[0]), S.t.fd(pair[1])
    t.equal(S.syscall.write(writer, "hello", 5), 5)
    local buffer = ffi.new "char[8]"
    t.equal(S.syscall.read(reader.fd, buffer, 8LL), 5)
    t.equal(ffi.string(buffer, 5), "hello")
    t.equal(S.syscall.fcntl(reader, S.F_SETFD, true), 0)
    t.equal(S.syscall.fcntl(reader, S.F_GETFD), 1)
    t.ok(reader:close() and writer:close())
  end)

  t.it("takes numbers and memory where the operation decides which it is", function()
    local pair = ffi.new "int[2]"
    t.equal(S.syscall.pipe2(pair, S.O_CLOEXEC), 0)
    local reader, writer = S.t.fd(pair[0]), S.t.fd(pair[1])
    t.equal(S.syscall.write(writer, "hello", 5), 5)
    local count = ffi.new "int[1]"
    t.equal(S.syscall.ioctl(reader, S.FIONREAD, count), 0)
    t.equal(count[0], 5)
    t.equal(S.syscall.prctl(S.PR_SET_NAME, ffi.new("char[16]", "words")), 0)
    local now = t.ok(S.syscall.brk(0))
    t.equal(S.syscall.brk(ffi.cast("void *", ffi.cast("intptr_t", now))), now)
    t.ok(reader:close() and writer:close())
  end)

  -- Lua has each string once: FIGETBSZ on "end" left a parser that took the keyword for a name.
  t.it("has no string where the kernel may write, or follow pointers", function()
    local file = S.t.fd((t.ok(S.syscall.memfd_create("x", 0))))
    local why = "the kernel may write there, and a string must not change: pass a buffer (cdata) instead of "
      .. '"end" (string)'
    t.raises("ioctl: argument 3 (word): " .. why, S.syscall.ioctl, file, S.FIGETBSZ, "end")
    t.raises("fcntl: argument 3 (word): " .. why, S.syscall.fcntl, file, S.F_GETLK, "end")
    t.raises("prctl: argument 2 (word): " .. why, S.syscall.prctl, S.PR_GET_NAME, "end")
    t.raises("prctl: argument 2 (argument): " .. why, S.prctl, 12345, "end")
    t.raises("keyctl: argument 3 (argument): " .. why, S.keyctl, 12345, 1, "end")
    t.raises("io_uring_sqe: argument 1 (addr): " .. why, S.t.io_uring_sqe, { "read", addr = "end" })
    t.ok(S.t.io_uring_sqe { "write", addr = "end" }.addr ~= 0)
    t.raises('readv: argument 2 (pointer): expected a buffer or record (cdata), or nil, got "end" (string)',
      S.syscall.readv, file, "end", 1)
    t.ok(loadstring "do end")
    t.ok(file:close())
  end)

  t.it("takes no function for memory, and no float for an integer", function()
    local _, message = pcall(S.read, 0, ffi.C.callgate_spec_abs, 1)
    t.matches(message, "read: argument 2 %(buf%): expected a buffer %(cdata%), got cdata<int %(%)>")
    _, message = pcall(S.lseek, 0, ffi.new("double", 1.5), "set")
    t.matches(message, "lseek: argument 2 %(offset%): expected an integer .*, got cdata<double>")
    t.raises("lseek: argument 3 (whence): expected names of SEEK_* or a number, got 1+0i (cdata)",
      S.lseek, 0, 0, ffi.new("complex", 1))
  end)

  t.it("gives 64-bit results as numbers where they are exact", function()
    local file = S.t.fd((t.ok(S.syscall.memfd_create("x", 0))))
    t.equal(S.syscall.lseek(file, 5, 0), 5)
    t.equal(type(S.syscall.lseek(file, 5, 0)), "number")
    if require("callgate.target").registers == 64 then
      t.equal(S.syscall.lseek(file, 0x7fffffffffffffffLL, 0), 0x7fffffffffffffffLL)
    end
    t.ok(file:close())
  end)

  t.it("names what is wrong with an argument", function()
    t.raises('close: argument 1 (integer): expected a descriptor, its number, or "stdin", "stdout" or "stderr", '
      .. 'got "x" (string)', S.syscall.close, "x")
    t.raises("read: argument 2 (pointer): expected a buffer or record (cdata), or nil, got \"x\" (string)",
      S.syscall.read, 0, "x", 1)
    t.raises("write: argument 2 (pointer): expected a string, a buffer or record (cdata), or nil, got 5",
      S.syscall.write, 0, 5, 1)
    t.raises("listen: argument 2 (integer): expected an integer of 32 bits, got 4294967296",
      S.syscall.listen, 0, 4294967296)
    t.raises("getpid: takes 0 arguments, got 1", S.syscall.getpid, 1)
    t.raises("close: takes 1 argument, got 3", S.syscall.close, 1, 2, 3)
    local fd = S.t.fd((t.ok(S.syscall.eventfd2(0, 0))))
    t.ok(fd:close())
    t.raises("close: argument 1 (integer): closed descriptor", S.syscall.close, fd)
  end)

  t.it("has every call of the target's table, with at most six arguments", function()
    local count = 0
    for name in pairs(numbers) do
      local signature = t.ok(signatures[name], name)
      t.matches(signature, "^[il]:[iulzqpcsw]*$")
      t.ok(#signature <= 8 or name == "syscall", name)
      t.equal(type(S.syscall[name]), "function")
      count = count + 1
    end
    t.ok(count > 300, count)
  end)

  t.it("has nil for what is no system call", function()
    t.equal(S.syscall.no_such_call, nil)
    t.equal(S.syscall[1], nil)
  end)
end)

t.describe("the raw layer", function()
  t.it("is the kernel's result, -1 and errno", function()
    t.equal(sys.close(-1), -1)
    t.equal(ffi.errno(), S.EBADF)
    t.equal(sys.getppid(), S.syscall.getppid())
    t.equal(sys.lseek, rawget(sys, "lseek"))
  end)

  t.it("answers ENOSYS for a call that the target lacks", function()
    local common = require("callgate.prototypes").common
    common.of_another_machine = "i:ip"
    t.equal(S.syscall.of_another_machine, nil)
    t.equal(sys.of_another_machine(1, nil), -1)
    t.equal(ffi.errno(), S.ENOSYS)
    common.of_another_machine = nil
  end)

  t.it("names the nearest call to one that nobody has", function()
    t.raises('no system call "clsoe"; did you mean "close"?', function() return sys.clsoe end)
    t.raises('no system call "1"', function() return sys[1] end)
  end)

  t.it("declares a signature once, under a name made of it", function()
    t.equal(sys.declare "i:ipz", "callgate_i_ipz")
    t.equal(sys.declare "i:ipz", "callgate_i_ipz")
    t.ok(ffi.C.callgate_i_ipz)
  end)
end)
