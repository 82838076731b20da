-- Macros as functions: those that are translated from headers, and those that C has as statements or inline functions.

local ffi = require "ffi"
local S = require "callgate"
local t = ...

t.describe("device numbers", function()
  t.it("are taken apart as the kernel's names of devices say", function()
    local st = assert(S.stat "/dev/null") -- Documentation/admin-guide/devices.txt: 1, 3
    t.equal(S.major(st.st_rdev), 1)
    t.equal(S.minor(st.st_rdev), 3)
  end)

  t.it("survive being put together, up to 32 bits each", function()
    for _, pair in ipairs { { 0, 0 }, { 1, 3 }, { 4095, 255 }, { 4096, 256 }, { 4294967295, 1048575 } } do
      local dev = S.makedev(pair[1], pair[2])
      t.equal(S.major(dev), pair[1])
      t.equal(S.minor(dev), pair[2])
    end
    t.equal(S.makedev(8, 1), 2049)
    t.equal(S.major(0xffffffffffffffffULL), 4294967295)
  end)

  t.it("are integers that fit", function()
    local integer = "expected an integer (a number, or int64_t beyond 2^53), got "
    t.raises("major: argument 1 (dev): " .. integer .. '"8:1" (string)', S.major, "8:1")
    t.raises("major: argument 1 (dev): " .. integer .. "nil", S.major)
    t.raises("major: argument 1 (dev): " .. integer .. "a table", S.major, {})
    t.raises("minor: argument 1 (dev): " .. integer .. "1.5", S.minor, 1.5)
    t.raises("minor: argument 1 (dev): " .. integer .. "nan", S.minor, 0 / 0)
    t.raises("minor: argument 1 (dev): expected a device number such as st.rdev, got -1", S.minor, -1)
    t.raises("makedev: argument 1 (major): " .. integer .. '"8" (string)', S.makedev, "8", "1")
    t.raises("makedev: argument 2 (minor): " .. integer .. "nil", S.makedev, 8)
    t.raises("makedev: argument 1 (major): expected a number from 0 to 4294967295, got 1099511627776", S.makedev,
      2 ^ 40, 1)
  end)
end)

t.describe("byte order", function()
  t.it("puts the high byte first", function()
    local number = ffi.new("uint16_t[1]", S.htons(0x1234))
    local bytes = ffi.cast("uint8_t *", number)
    t.equal(bytes[0], 0x12)
    t.equal(bytes[1], 0x34)
    t.equal(S.ntohs(S.htons(65535)), 65535)
    local long = ffi.new("uint32_t[1]", S.htonl(0xfedcba98))
    bytes = ffi.cast("uint8_t *", long)
    t.equal(bytes[0], 0xfe)
    t.equal(bytes[3], 0x98)
    t.equal(S.ntohl(S.htonl(0xfedcba98)), 0xfedcba98)
    t.equal(S.htonl(-1), 4294967295) -- as bit.bor gives it
    t.equal(S.htons(80ULL), S.htons(80))
  end)

  t.it("is that of numbers of 16 or 32 bits", function()
    t.raises("htons: argument 1 (value): expected a number from 0 to 65535, got 70000", S.htons, 70000)
    t.raises("ntohs: argument 1 (value): expected a number from 0 to 65535, got -1", S.ntohs, -1)
    for _, value in ipairs { 1.5, 0 / 0, "80" } do
      t.matches(select(2, pcall(S.htons, value)), "htons: argument 1 %(value%): expected an integer ")
      t.matches(select(2, pcall(S.ntohl, value)), "ntohl: argument 1 %(value%): expected an integer ")
    end
    t.raises("htonl: argument 1 (value): expected an integer from 0 to 4294967295, got 1099511627776", S.htonl, 2 ^ 40)
  end)
end)

t.describe("messages in a buffer", function()
  t.it("are walked by macros that return the next one and what is left", function()
    local buffer = S.t.buffer(64)
    local first, second = S.pt.nlmsghdr(buffer), S.pt.nlmsghdr(buffer + 20)
    first.nlmsg_len, first.nlmsg_type, second.nlmsg_len, second.nlmsg_type = 17, 1, 16, 2
    local types, header, left = {}, first, 36
    while S.NLMSG_OK(header, left) do
      types[#types + 1] = header.nlmsg_type
      header, left = S.NLMSG_NEXT(header, left)
    end
    t.same(types, { 1, 2 })
    t.equal(left, 0)
    local attribute = S.pt.rtattr(buffer)
    attribute.rta_len, attribute.rta_type = 5, 9
    local behind, rest = S.RTA_NEXT(attribute, 8)
    t.equal(ffi.cast("char *", behind) - ffi.cast("char *", attribute), 8)
    t.equal(rest, 0)
    t.equal(S.RTA_OK(behind, rest), false)
  end)
end)

t.describe("control messages", function()
  t.it("are walked from the first to the last", function()
    local room = S.CMSG_SPACE(4) + S.CMSG_SPACE(12)
    local control = ffi.new("uint64_t[?]", math.ceil(room / 8))
    local message = S.t.msghdr()
    message.msg_control, message.msg_controllen = control, room
    local first = S.CMSG_FIRSTHDR(message)
    first.cmsg_len, first.cmsg_type = S.CMSG_LEN(4), 1
    local second = S.CMSG_NXTHDR(message, first)
    t.equal(ffi.typeof(second), ffi.typeof(first))
    t.equal(ffi.cast("char *", second) - ffi.cast("char *", first), S.CMSG_SPACE(4))
    second.cmsg_len, second.cmsg_type = S.CMSG_LEN(12), 2
    t.equal(S.CMSG_NXTHDR(message, second), nil)
    first.cmsg_len = 1 -- of which no header has room
    t.equal(S.CMSG_NXTHDR(message, first), nil)
    t.raises("CMSG_NXTHDR: argument 2 (cmsg): no message of this header's control", S.CMSG_NXTHDR, message,
      S.t.cmsghdr())
    t.raises("CMSG_NXTHDR: argument 2 (cmsg): expected a record or a pointer to one, got nil", S.CMSG_NXTHDR, message)
  end)
end)

t.describe("bit sets", function()
  t.it("of descriptors are those that select reads", function()
    local r, w = assert(S.pipe())
    assert(w:write "x")
    local set = S.t.__kernel_fd_set()
    S.FD_SET(r.fd, set)
    t.equal(S.FD_ISSET(r.fd, set), true)
    t.equal(S.FD_ISSET(w.fd, set), false)
    local now = S.t.timespec(0)
    t.equal(assert(S.syscall.pselect6(r.fd + 1, set, nil, nil, now, nil)), 1)
    t.equal(S.FD_ISSET(r.fd, set), true)
    S.FD_CLR(r.fd, set)
    t.equal(S.FD_ISSET(r.fd, set), false)
    S.FD_SET(r, set)
    t.equal(S.FD_ISSET(r, set), true)
    t.equal(S.FD_ISSET(r.fd, set), true)
    S.FD_CLR(r, set)
    t.equal(S.FD_ISSET(r, set), false)
    assert(r:close())
    assert(w:close())
    t.raises("FD_SET: argument 1 (fd): closed descriptor", S.FD_SET, r, set)
    t.raises("FD_SET: argument 1 (fd): expected a number from 0 to 1023, got 1024", S.FD_SET, 1024, set)
    t.raises("FD_SET: argument 2 (set): expected a set (a record or an array), got a table", S.FD_SET, 1, {})
  end)

  t.it("of processors are those that sched_getaffinity fills in", function()
    local set = ffi.new("unsigned long[?]", 128 / ffi.sizeof "unsigned long")
    assert(S.syscall.sched_getaffinity(0, ffi.sizeof(set), set))
    t.ok(S.CPU_COUNT(set) >= 1)
    S.CPU_ZERO(set)
    t.equal(S.CPU_COUNT(set), 0)
    S.CPU_SET(70, set)
    t.equal(S.CPU_ISSET(70, set), true)
    t.equal(S.CPU_COUNT(set), 1)
    t.raises("CPU_SET: argument 1 (cpu): expected a number from 0 to 1023, got 1024", function()
      S.CPU_SET(1024, set)
    end)
  end)
end)

t.describe("translated macros", function()
  t.it("have the values of C", function()
    -- Which bits say "read" differs (mips, powerpc); the headers' own requests have them.
    t.equal(S._IOR(0x54, 0x30, 4), S.TIOCGPTN)
    t.equal(S._IOW(0x54, 0x31, 4), S.TIOCSPTLCK)
    t.equal(S._IOR(0xff, 5, "struct winsize") % 0x1000000, 0x08ff05)
    t.equal(S.S_ISDIR(S.stat("/").mode), true)
    if S.WEXITSTATUS then -- uClibc-ng's is a statement expression
      t.equal(S.WEXITSTATUS(0x300), 3)
    end
    t.equal(S.MAJOR(0x80010), 2048)
    t.equal(S.BPF_CLASS(0x1f), 7)
  end)

  t.it("take a character where C has one, and a status where waitpid gave one", function()
    t.equal(S._IOR("T", 0x30, 4), S.TIOCGPTN)
    t.equal(S._IO("T", 1), S._IO(0x54, 1))
    t.equal(S._IOC(1, "T", 1, 4), S._IOC(1, 0x54, 1, 4))
    t.raises('_IO: argument 1 (type): expected an integer, got "TT" (string)', S._IO, "TT", 1)
    local pid = assert(S.fork())
    if pid == 0 then
      S._exit(3)
    end
    local _, status = assert(S.waitpid(pid))
    for name, expected in pairs { WIFEXITED = true, WIFSIGNALED = false, WEXITSTATUS = 3 } do
      if S[name] then -- uClibc-ng's are statement expressions
        t.equal(S[name](status), expected)
      end
    end
  end)

  t.it("say which argument they cannot work with", function()
    t.matches(select(2, pcall(S.CMSG_DATA)), "CMSG_DATA: argument 1 %(cmsg%): expected a .-record.-, got nil$")
    t.raises('MAJOR: argument 1 (dev): expected an integer, got "8" (string)', S.MAJOR, "8")
    t.raises("_IOR: argument 3 (argtype): expected a type, got a table", S._IOR, 1, 2, {})
  end)
end)
