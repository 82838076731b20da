local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- A socket, or a skip where the kernel or the jail has none of the family.
local function socket(...)
  local fd, message, errno = S.socket(...)
  if not fd then
    local absent = { [S.EAFNOSUPPORT] = true, [S.EPROTONOSUPPORT] = true, [S.EPERM] = true, [S.EACCES] = true,
      [S.EINVAL] = true, [S.ESOCKTNOSUPPORT] = true }
    t.ok(absent[errno], message)
    t.skip(message)
  end
  return fd
end

-- What a call gave, or a skip where this kernel does not know what was asked for.
local function known(value, message, errno)
  if value == nil then
    t.ok(errno == S.ENOPROTOOPT or errno == S.EOPNOTSUPP or errno == S.ENOSYS or errno == S.EINVAL, message)
    t.skip(message)
  end
  return value
end

t.describe("options of sockets", function()
  t.it("tell of a connection what the kernel knows", function()
    local server, client = socket("inet", "stream"), socket("inet", "stream")
    t.equal(server:bind(S.t.sockaddr "127.0.0.1:0"), true)
    t.equal(server:listen(), true)
    local length = known(client:getsockopt("tcp", "info", S.t.tcp_info()))
    if length <= 4 then
      t.skip("the answer is cut to " .. length .. " bytes") -- by an emulator that takes every option for an int
    end
    t.equal(server:getsockopt("tcp", "info").state, "listen")
    t.equal(client:getsockopt("tcp", "info").state, "close")
    t.equal(client:connect(server:getsockname()), true)
    local info = t.ok(client:getsockopt("tcp", "info"))
    t.equal(info.state, "established")
    t.equal(info.snd_mss, info.tcpi_snd_mss)
    t.ok(info.snd_mss > 0)
    t.ok(server:accept())
  end)

  t.it("take linger in seconds or by names", function()
    local fd = socket("inet", "stream")
    t.equal(fd:setsockopt("socket", "linger", 7), true)
    local linger = t.ok(fd:getsockopt("socket", "linger"))
    t.equal(linger.on, true)
    t.equal(linger.seconds, 7)
    t.equal(fd:setsockopt("socket", "linger", { on = false }), true)
    t.equal(fd:getsockopt("socket", "linger").on, false)
    t.equal(S.t.linger(1, 5).l_linger, 5)
  end)

  t.it("join groups by the text of their addresses", function()
    local fd = socket("inet", "dgram")
    local member = { multiaddr = "224.0.0.251", address = "127.0.0.1" }
    local ok, message, errno = fd:setsockopt("ip", "add_membership", member)
    if not ok then
      t.equal(errno, S.ENODEV)
      t.skip(message)
    end
    t.fails("EADDRINUSE", fd:setsockopt("ip", "add_membership", member))
    t.equal(fd:setsockopt("ip", "drop_membership", S.t.ip_mreqn(member)), true)
    t.fails("EADDRNOTAVAIL", fd:setsockopt("ip", "drop_membership", member))
    local source = { multiaddr = "232.1.2.3", interface = "127.0.0.1", sourceaddr = "192.0.2.1" }
    t.equal(known(fd:setsockopt("ip", "add_source_membership", source)), true)
    t.fails("EADDRNOTAVAIL", fd:setsockopt("ip", "add_source_membership", source))
    t.equal(fd:setsockopt("ip", "drop_source_membership", source), true)
    t.equal(fd:setsockopt("ip", "multicast_if", "127.0.0.1"), true)
    t.equal(S.t.ip_mreq_source(source).sourceaddr, "192.0.2.1")
    t.equal(ffi.string(S.t.ip_mreq { interface = "1.2.3.4" }, 8), "\0\0\0\0\1\2\3\4")
    t.equal(tostring(known(fd:getsockopt("ip", "multicast_if"))), "127.0.0.1")
  end)

  t.it("join groups of version 6", function()
    local fd = socket("inet6", "dgram")
    local member = { multiaddr = "ff02::fb", ifindex = 1 }
    local ok, message, errno = fd:setsockopt("ipv6", "add_membership", member)
    if not ok then
      t.ok(errno == S.ENODEV or errno == S.EADDRNOTAVAIL, message)
      t.skip(message)
    end
    t.equal(fd:setsockopt("ipv6", "drop_membership", member), true)
    t.fails("EADDRNOTAVAIL", fd:setsockopt("ipv6", "drop_membership", member))
  end)

  t.it("let only what a filter takes through", function()
    local a, b = t.ok(S.socketpair("unix", "dgram"))
    -- Takes what begins with "y" whole, of other datagrams nothing.
    local filter = S.t.sock_fprog {
      { "ld, b, abs", 0 },
      { "jmp, jeq, k", ("y"):byte(), 0, 1 },
      { "ret", 65535 },
      { "ret", 0 },
    }
    t.equal(known(b:setsockopt("socket", "attach_filter", filter)), true)
    a:send("no", "dontwait")
    t.equal(a:send "yes", 3)
    t.equal(b:recv(), "yes")
    t.equal(known(b:setsockopt("socket", "detach_filter", 0)), true)
    t.equal(a:send "no", 2)
    t.equal(b:recv(), "no")
  end)

  t.it("name flags and devices", function()
    local fd = socket("inet", "dgram")
    t.equal(known(fd:setsockopt("socket", "timestamping", "rx_software, software")), true)
    t.equal(fd:getsockopt("socket", "timestamping"),
      S.SOF_TIMESTAMPING_RX_SOFTWARE + S.SOF_TIMESTAMPING_SOFTWARE)
    t.equal(known(fd:setsockopt("socket", "bindtodevice", "lo")), true)
    t.equal(fd:getsockopt("socket", "bindtodevice"), "lo")
    t.raises('setsockopt: argument 4 (value): unknown name "rx_sofware" for SOF_TIMESTAMPING_*; did you mean '
      .. '"rx_software"?', fd.setsockopt, fd, "socket", "timestamping", "rx_sofware")
  end)

  t.it("are those of packets", function()
    local mreq = S.t.packet_mreq { ifindex = 2, type = "multicast", addr = "01:00:5e:00:00:01" }
    t.equal(mreq.addr, "01:00:5e:00:00:01")
    t.equal(mreq.mr_alen, 6)
    t.equal(mreq.mr_type, S.PACKET_MR_MULTICAST)
    local packet = socket("packet", "dgram")
    t.equal(known(packet:setsockopt("packet", "add_membership", { ifindex = 1, type = "promisc" })), true)
    t.equal(packet:setsockopt("packet", "drop_membership", { ifindex = 1, type = "promisc" }), true)
    t.equal(packet:getsockopt("packet", "statistics").drops, 0)
  end)

  t.it("are those of virtual machines", function()
    local fd = socket("vsock", "stream")
    t.equal(known(fd:setsockopt("vsock", "buffer_max_size", 1048576)), true)
    t.equal(fd:setsockopt("vsock", "buffer_size", 131072), true)
    t.equal(fd:getsockopt("vsock", "buffer_size"), 131072)
  end)

  t.it("tell who is at the other end", function()
    local a = t.ok(S.socketpair("unix", "stream"))
    local cred = t.ok(a:getsockopt("socket", "peercred"))
    t.equal(cred.uid, S.geteuid())
    t.equal(tostring(cred), ("ucred { pid = %d, uid = %d, gid = %d }"):format(S.getpid(), S.geteuid(), S.getegid()))
    local groups = known(a:getsockopt("socket", "peergroups"))
    t.equal(#groups / 4, #S.getgroups())
    local pidfd = known(a:getsockopt("socket", "peerpidfd"))
    t.ok(pidfd.fd >= 0)
  end)
end)

t.describe("options that are numbers", function()
  t.it("take what fits them, and no text of a number", function()
    local fd = t.ok(S.socketpair("unix", "stream"))
    local call = "setsockopt: argument 4 (value): "
    t.raises(call .. 'expected an integer (a number, or int64_t beyond 2^53), got "5000" (string)', fd.setsockopt, fd,
      "socket", "rcvbuf", "5000")
    t.raises(call .. "expected an integer of 32 bits, got 4294967296", fd.setsockopt, fd, "socket", "rcvbuf", 2 ^ 32)
    t.raises(call .. "expected an integer of 32 bits, got -2147483649", fd.setsockopt, fd, "socket", "rcvbuf",
      -2 ^ 31 - 1)
    for _, value in ipairs { 0xffffffff, 0xffffffffULL, -1 } do
      local ok, _, errno = fd:setsockopt("socket", "priority", value)
      t.ok(ok or errno == S.EPERM)
    end
  end)
end)

t.describe("options of one number", function()
  t.it("take no text, whatever it says", function()
    local fd = socket("inet6", "stream")
    local says = "setsockopt: argument 4 (value): expected an integer (a number, or int64_t beyond 2^53), "
      .. "got %q (string)"
    for level, name in pairs { socket = "keepalive", ipv6 = "v6only", tcp = "nodelay", ip = "freebind" } do
      for _, text in ipairs { "false", "off!", "true", "yes", "1", "\1\0\0\0" } do
        t.raises(says:format(text), fd.setsockopt, fd, level, name, text)
      end
    end
    t.raises(says:format "true", fd.setsockopt, fd, "socket", "mark", "true")
    t.equal(fd:getsockopt("socket", "keepalive"), 0)
    t.equal(fd:setsockopt("socket", "keepalive", true), true)
    t.equal(fd:setsockopt("socket", "keepalive", ffi.new("int[1]", 0)), true)
    t.equal(fd:getsockopt("socket", "keepalive"), 0)
  end)

  t.it("may be any bytes where nobody says that they are numbers", function()
    local fd = socket("inet", "stream")
    local ok, _, errno = fd:setsockopt("tcp", "repair_options", ("\0"):rep(8))
    t.ok(ok or errno == S.EPERM or errno == S.EINVAL or errno == S.ENOPROTOOPT)
    ok, _, errno = fd:setsockopt("ip", "msfilter", S.t.timespec())
    t.ok(ok or errno)
  end)
end)

t.describe("a record of another type", function()
  local shown = ", got timespec { tv_sec = 0, tv_nsec = 0 } (cdata)"
  local timespec = S.t.timespec()

  t.it("is no value of an option", function()
    local fd = socket("inet", "stream")
    local says = "setsockopt: argument 4 (value): expected "
    t.raises(says .. "a number, or memory that is one" .. shown, fd.setsockopt, fd, "socket", "sndbuf", timespec)
    t.raises(says .. "a linger or what makes one" .. shown, fd.setsockopt, fd, "socket", "linger", timespec)
    t.raises(says .. "an in_addr or what makes one" .. shown, fd.setsockopt, fd, "ip", "multicast_if", timespec)
    t.ok(pcall(fd.setsockopt, fd, "ip", "multicast_if", S.t.ip_mreqn())) -- as ip(7) has it
    t.equal(fd:setsockopt("socket", "linger", ffi.new("struct { int on, seconds; }", 1, 3)), true) -- a program's own
    t.equal(fd:getsockopt("socket", "linger").seconds, 3)
  end)

  t.it("is none of an operation's, either", function()
    local r = t.ok(S.pipe())
    local says = "ioctl: argument 3 (argument): expected "
    t.raises(says .. "a winsize or what makes one" .. shown, r.ioctl, r, "TIOCSWINSZ", timespec)
    t.raises(says .. "a number, or memory that is one" .. shown, r.ioctl, r, "FIONREAD", timespec)
    t.matches(select(2, pcall(r.fcntl, r, "setlk", timespec)), "fcntl: argument 3 .*expected a flock")
    if S.t.termios2 then -- termios with more behind it
      t.fails("ENOTTY", r:ioctl("TCSETS", S.t.termios2()))
    end
    t.fails("ENOTTY", r:ioctl("TIOCSWINSZ", ffi.new "uint16_t[4]"))
  end)

  t.it("is no address", function()
    local fd = socket("inet", "dgram")
    local says = '%s: argument %d (addr): expected a socket address such as S.t.sockaddr_in(80, "127.0.0.1")' .. shown
    t.raises(says:format("bind", 2), fd.bind, fd, timespec)
    t.raises(says:format("connect", 2), fd.connect, fd, timespec)
    t.raises(says:format("sendto", 5), fd.sendto, fd, "x", timespec)
    local storage = S.t.sockaddr_storage()
    ffi.copy(storage, S.t.sockaddr "127.0.0.1:0", S.s.sockaddr_in)
    t.equal(fd:bind(storage), true)
    local bytes = ffi.new("uint8_t[?]", S.s.sockaddr_in) -- AF_UNSPEC: what ends a connection
    t.equal(fd:connect(bytes), true)
  end)
end)

t.describe("operations of fcntl", function()
  t.it("take no number beyond an int, and no text for one", function()
    local r = t.ok(S.pipe())
    local says = "fcntl: argument 3 (argument): expected an integer "
    t.raises(says .. "of 32 bits, got 1099511627776", r.fcntl, r, "dupfd", 2 ^ 40)
    t.raises(says .. "of 32 bits, got 1099511627776LL (cdata)", r.fcntl, r, "dupfd", 2LL ^ 40)
    t.raises(says .. '(a number, or int64_t beyond 2^53), got "x" (string)', r.fcntl, r, "dupfd", "x")
    t.equal(r:fcntl("setown", -S.getpgrp()), true)
    t.equal(t.ok(r:fcntl("dupfd", r)).fd > r.fd, true)
  end)

  t.it("tell and say who gets the signals of a descriptor", function()
    local r = t.ok(S.pipe())
    t.equal(r:fcntl("setown_ex", { type = "pid", pid = S.getpid() }), true)
    local owner = t.ok(r:fcntl "getown_ex")
    t.equal(owner.owner, "pid")
    t.equal(owner.pid, S.getpid())
    t.equal(r:fcntl "getown", S.getpid())
    t.equal(r:fcntl("setown_ex", S.t.f_owner_ex("tid", S.gettid())), true)
    t.equal(r:fcntl("getown_ex").owner, "tid")
    t.equal(r:fcntl("setsig", "usr1"), true)
    t.equal(r:fcntl "getsig", S.SIGUSR1)
    t.raises('f_owner_ex: unknown name "prgp" for F_OWNER_*; did you mean "pgrp"?', S.t.f_owner_ex, "prgp", 1)
  end)

  t.it("seal, lease and hint", function()
    local sealed = known(S.memfd_create("sealed", "allow_sealing"))
    t.equal(sealed:fcntl("add_seals", "shrink, write"), true)
    t.equal(sealed:fcntl "get_seals", S.F_SEAL_SHRINK + S.F_SEAL_WRITE)
    t.fails("EPERM", sealed:write "x")
    local fd = t.ok(S.open(t.path "leased", "creat, rdwr", "0600"))
    local leased, message, errno = fd:fcntl("setlease", "wrlck")
    if leased then
      t.equal(fd:fcntl "getlease", S.F_WRLCK)
      t.equal(fd:fcntl("setlease", "unlck"), true)
    else
      t.ok(errno == S.EINVAL or errno == S.EAGAIN, message) -- a file system without leases
    end
    t.equal(known(fd:fcntl("set_rw_hint", S.RWH_WRITE_LIFE_SHORT)), true)
    t.equal(fd:fcntl "get_rw_hint", S.RWH_WRITE_LIFE_SHORT)
  end)

  t.it("compare descriptors and tell of a file's creation", function()
    local r = t.ok(S.pipe())
    local same = known(r:fcntl("dupfd_query", t.ok(r:dup())))
    t.equal(same, 1)
    local other = t.ok(S.pipe())
    t.equal(r:fcntl("dupfd_query", other), 0)
    local path = t.path "created"
    local made = t.ok(S.open(path, "creat, rdwr", "0600"))
    t.equal(known(made:fcntl "created_query"), 1)
    t.equal(t.ok(S.open(path, "creat, rdwr", "0600")):fcntl "created_query", 0)
  end)

  t.it("lock on behalf of an open file", function()
    local path = t.path "locked"
    local a, b = t.ok(S.open(path, "creat, rdwr", "0600")), t.ok(S.open(path, "rdwr"))
    t.equal(a:fcntl("ofd_setlk", { type = "wrlck" }), true)
    t.fails("EAGAIN", b:fcntl("ofd_setlk", { type = "rdlck" }))
    local lock = t.ok(b:fcntl("ofd_getlk", { type = "rdlck" }))
    t.equal(lock.type, S.F_WRLCK)
    t.equal(lock.pid, -1)
  end)
end)

t.describe("iovec", function()
  t.it("is made from memory that it keeps alive", function()
    local vec = S.t.iovec "some text"
    collectgarbage()
    t.equal(vec:string(), "some text")
    t.equal(tonumber(vec.len), 9)
    local buffer = ffi.new("char[8]", "12345678")
    t.equal(S.t.iovec(buffer, 3):string(), "123")
    t.equal(S.t.iovec(buffer):string(), "12345678")
    t.raises("iovec: argument 2 (count): 9 bytes, but the buffer has 8", S.t.iovec, buffer, 9)
    t.equal(tonumber(S.t.iovec().iov_len), 0)
    local r, w = t.ok(S.pipe())
    t.equal(w:writev { S.t.iovec("ab"):string(), "c" }, 3)
    t.equal(r:read(), "abc")
  end)
end)
