local t = ...

local ffi = require "ffi"
local S = require "callgate"

local function pair(kind)
  return t.ok(S.socketpair("unix", kind or "stream"))
end

local function listener()
  local fd = t.ok(S.socket("inet", "stream"))
  t.equal(fd:setsockopt("socket", "reuseaddr", true), true)
  t.equal(fd:bind(S.t.sockaddr_in(0, "loopback")), true)
  t.equal(fd:listen(16), true)
  return fd, t.ok(fd:getsockname())
end

t.describe("socket", function()
  t.it("is close-on-exec unless ~cloexec, with names and with numbers", function()
    t.equal(t.ok(S.socket("inet", "stream")):fcntl "getfd", S.FD_CLOEXEC)
    t.equal(t.ok(S.socket(S.AF_UNIX, S.SOCK_DGRAM)):fcntl "getfd", S.FD_CLOEXEC)
    t.equal(t.ok(S.socket("unix", "dgram, ~cloexec")):fcntl "getfd", 0)
    t.equal(t.ok(S.socket("inet", "stream, nonblock", "tcp")):fcntl "getfl" >= S.O_NONBLOCK, true)
    t.ok(S.socket("netlink", "raw", "route"))
  end)

  t.it("fails as a triple and names the nearest family", function()
    t.fails("ESOCKTNOSUPPORT", S.socket("unix", S.SOCK_RDM))
    t.raises(
      'socket: argument 1 (domain): unknown name "inett" for AF_*; did you mean "inet"?',
      S.socket, "inett", "stream"
    )
    t.raises(
      'socket: argument 2 (type): unknown name "steam" for SOCK_*; did you mean "stream"?',
      S.socket, "inet", "steam"
    )
    t.raises('socket: argument 3 (protocol): unknown name "tpc" for IPPROTO_*; did you mean "tcp"?',
      S.socket, "inet", "stream", "tpc")
  end)
end)

t.describe("a connection", function()
  t.it("is made over IPv4, with addresses typed and lengths unsaid", function()
    local server, address = listener()
    t.equal(address.addr, "127.0.0.1")
    t.ok(address.port > 0)
    local client = t.ok(S.socket("inet", "stream"))
    t.equal(client:connect(address), true)
    local accepted, peer = t.ok(server:accept "nonblock")
    t.equal(peer.port, client:getsockname().port)
    t.equal(tostring(client:getpeername()), "127.0.0.1:" .. address.port)
    t.equal(accepted:fcntl "getfd", S.FD_CLOEXEC)
    t.equal(client:send "ping", 4)
    t.equal(accepted:recv(nil, 100), "ping")
    t.fails("EAGAIN", accepted:recv(nil, 100))
    t.equal(accepted:shutdown "wr", true)
    t.equal(client:recv(), "")
  end)

  t.it("is made over IPv6", function()
    local server, message, errno = S.socket("inet6", "stream")
    if not server and errno == S.EAFNOSUPPORT then
      t.skip(message)
    end
    local ok, text = server:bind(S.t.sockaddr_in6(0, "::1"))
    if not ok then
      t.skip("no IPv6 loopback: " .. text)
    end
    server:listen()
    local address = server:getsockname()
    t.equal(address.addr, "::1")
    local client = t.ok(S.socket("inet6", "stream"))
    t.equal(client:connect(address), true)
    local _, peer = t.ok(server:accept())
    t.equal(tostring(peer), "[::1]:" .. client:getsockname().port)
  end)

  t.it("is made over Unix sockets, by path, by abstract name and unnamed", function()
    for _, name in ipairs { t.path "socket", "\0callgate-" .. S.getpid() } do
      local server, client = t.ok(S.socket("unix", "stream")), t.ok(S.socket("unix", "stream"))
      t.equal(server:bind(S.t.sockaddr_un(name)), true)
      t.equal(server:listen(), true)
      t.equal(server:getsockname().path, name)
      t.equal(client:connect(S.t.sockaddr_un(name)), true)
      local accepted, peer = t.ok(server:accept())
      t.equal(peer.path, "")
      t.equal(client:getpeername().path, name)
      t.equal(accepted:getsockopt("socket", "peercred").pid, S.getpid())
    end
    local file = io.popen("grep -c callgate-" .. S.getpid() .. " /proc/net/unix")
    t.matches(file:read "*a", "^%d")
    file:close()
  end)

  t.it("that is refused fails as a triple", function()
    local server, address = listener()
    server:close()
    local client = t.ok(S.socket("inet", "stream"))
    t.fails("ECONNREFUSED", client:connect(address))
    t.fails("ENOTCONN", client:getpeername())
    t.raises(
      'connect: argument 2 (addr): expected a socket address such as S.t.sockaddr_in(80, "127.0.0.1"), '
        .. 'got "127.0.0.1" (string)',
      client.connect, client, "127.0.0.1")
    t.fails("EINVAL", client:connect(address, 3))
    t.raises("connect: argument 3 (addrlen): 17 bytes, but the buffer has 16", client.connect, client, address, 17)
  end)
end)

t.describe("data", function()
  t.it("is sent and received with flags, counts and buffers", function()
    local a, b = pair()
    t.equal(a:send("hello", "nosignal"), 5)
    t.equal(b:recv(nil, 2, "peek"), "he")
    local buffer = ffi.new "char[16]"
    t.equal(b:recv(buffer, 3), 3)
    t.equal(ffi.string(buffer, 3), "hel")
    t.equal(b:recv(buffer), 2)
    t.fails("EAGAIN", b:recv(buffer, nil, "dontwait"))
    t.equal(a:send(buffer, 2), 2)
    t.equal(a:send("abc", 2, "dontwait|more"), 2)
    t.equal(b:read(nil, 10), "loab")
    b:close()
    t.fails("EPIPE", a:send("x", "nosignal"))
    t.raises(
      'send: argument 4 (flags): unknown name "nosginal" for MSG_*; did you mean "nosignal"?',
      a.send, a, "x", "nosginal"
    )
    t.raises("send: argument 2 (data): expected a string or a buffer, got nil", a.send, a)
  end)

  t.it("is a datagram with its sender's address", function()
    local server, client = t.ok(S.socket("inet", "dgram")), t.ok(S.socket("inet", "dgram"))
    server:bind(S.t.sockaddr_in(0, "127.0.0.1"))
    client:bind(S.t.sockaddr_in(0, "127.0.0.1"))
    local to = server:getsockname()
    t.equal(client:sendto("first", to), 5)
    t.equal(client:sendto("second", 3, nil, to), 3)
    local text, from = t.ok(server:recvfrom())
    t.equal(text, "first")
    t.equal(from.port, client:getsockname().port)
    local buffer = ffi.new "char[2]"
    local count = t.ok(server:recvfrom(buffer, 2, "trunc"))
    t.equal(count, 3)
    t.equal(ffi.string(buffer, 2), "se")
    client:sendto("longer", to)
    t.equal((server:recvfrom(nil, 2, "trunc")), "lo")
    local a, b = pair "dgram"
    t.equal(a:sendto "to the peer", 11)
    local data, sender = b:recvfrom()
    t.equal(data, "to the peer")
    t.ok(sender == nil or sender.path == "")
  end)
end)

t.describe("messages", function()
  t.it("carry descriptors, which arrive as objects that are close-on-exec", function()
    local a, b = pair()
    local r, w = t.ok(S.pipe())
    t.equal(a:sendmsg { "take ", "these", fds = { r, w.fd } }, 10)
    local m = t.ok(b:recvmsg())
    t.equal(m.data, "take these")
    t.equal(m.count, 10)
    t.equal(#m.fds, 2)
    t.equal(m.fds[1]:fcntl "getfd", S.FD_CLOEXEC)
    t.ok(m.fds[1].fd ~= r.fd)
    m.fds[2]:write "through"
    t.equal(r:read(), "through")
  end)

  t.it("carry credentials", function()
    local a, b = pair()
    t.equal(b:setsockopt("socket", "passcred", true), true)
    t.equal(a:sendmsg { "x", credentials = true }, 1)
    local m = t.ok(b:recvmsg())
    t.equal(m.credentials.pid, S.getpid())
    t.equal(m.credentials.uid, S.getuid())
    t.equal(a:sendmsg { "x", credentials = S.t.ucred(S.getpid(), S.getuid(), S.getgid()) }, 1)
    t.raises("sendmsg: argument 2 (credentials): expected true, or pid, uid and gid in a table or a ucred, got 5",
      a.sendmsg, a, { "x", credentials = 5 })
    t.equal(S.t.sockaddr_un(ffi.cast("struct callgate_ucred *", nil)).family, S.AF_UNIX) -- null is nil
  end)

  t.it("go to addresses and into buffers", function()
    local server, client = t.ok(S.socket("inet", "dgram")), t.ok(S.socket("inet", "dgram"))
    server:bind(S.t.sockaddr_in(0, "127.0.0.1"))
    t.equal(client:sendmsg { "one", "two", to = server:getsockname() }, 6)
    local buffer = ffi.new "char[4]"
    local m = t.ok(server:recvmsg { buffer, 10 })
    t.equal(m.count, 6)
    t.equal(ffi.string(buffer, 4), "onet")
    t.equal(m.data, "wo")
    t.equal(m.from.port, client:getsockname().port)
    client:sendmsg { "too long", to = server:getsockname() }
    local message = t.ok(server:recvmsg { size = 3 })
    t.equal(message.flags % (2 * S.MSG_TRUNC) >= S.MSG_TRUNC, true)
    t.equal(message.truncated, true)
    t.equal(message.control_truncated, false)
    local a, b = pair()
    a:sendmsg { "x", fds = { a } }
    message = t.ok(b:recvmsg { control_size = 4 })
    t.equal(message.truncated, false)
    t.equal(message.control_truncated, true)
    t.equal(message.fds, nil)
  end)

  t.it("fail as triples, and refuse what they do not know", function()
    local a, b = pair()
    t.fails("EAGAIN", b:recvmsg(nil, "dontwait"))
    t.raises('sendmsg: argument 2 (msg): unknown key "fd"; did you mean "fds"?', a.sendmsg, a, { "x", fd = a })
    t.raises("sendmsg: argument 2 (fds[1]): closed descriptor", a.sendmsg, a, { "x", fds = { (function()
      local r = S.pipe()
      r:close()
      return r
    end)() } })
    t.raises("sendmsg: argument 2 (fds): expected a table of descriptors, got fd " .. a.fd .. " (cdata)", a.sendmsg, a,
      { "x", fds = a })
    t.fails("EBADF", a:sendmsg { "x", fds = { 1000 } })
    t.raises(
      "recvmsg: argument 2 (msg): expected a table such as { size = 4096 }, a msghdr, or nothing, "
        .. 'got "x" (string)',
      b.recvmsg, b, "x")
  end)
end)

t.describe("credentials of a message", function()
  t.it("have names that are right", function()
    local a, b = t.ok(S.socketpair("unix", "stream"))
    t.raises('sendmsg: argument 2 (credentials): unknown key "uidd"; did you mean "uid"?', a.sendmsg, a,
      { "x", credentials = { uidd = 1 } })
    t.equal(a:sendmsg { "x", credentials = { uid = S.getuid() } }, 1)
    t.equal(a:sendmsg { "x", credentials = S.t.ucred(S.getpid(), S.getuid(), S.getgid()) }, 1)
    t.equal(b:read(nil, 1), "x")
  end)
end)

t.describe("a Unix address", function()
  t.it("has a path to give and to set", function()
    local addr = S.t.sockaddr_un { path = "/run/longer" }
    t.equal(addr.family, S.AF_UNIX)
    t.equal(addr.path, "/run/longer")
    addr.path = "/x"
    t.equal(addr.path, "/x")
    t.equal(tostring(addr), "/x")
    addr.path = "\0y"
    t.equal(tostring(addr), "@y")
    t.raises("sockaddr_un: expected a path (a string), got 5", S.t.sockaddr_un, { path = 5 })
    t.raises('sockaddr_un has no field "pth"; did you mean "path"?', S.t.sockaddr_un, { pth = "/x" })
    t.raises("sockaddr_un: a Unix socket's path has at most 108 bytes, this has 109", S.t.sockaddr_un,
      { path = ("x"):rep(109) })
  end)
end)

t.describe("socket options", function()
  t.it("are typed by their names", function()
    local fd = t.ok(S.socket("inet", "stream"))
    t.equal(fd:getsockopt("socket", "type"), S.SOCK_STREAM)
    t.equal(fd:getsockopt("SOL_SOCKET", "SO_ERROR"), 0)
    t.equal(fd:getsockopt("socket", "reuseaddr"), 0)
    t.equal(fd:setsockopt("socket", "reuseaddr", true), true)
    t.equal(fd:getsockopt(S.SOL_SOCKET, S.SO_REUSEADDR), 1)
    t.equal(fd:setsockopt("socket", "rcvtimeo", 1.5), true)
    t.equal(fd:getsockopt("socket", "rcvtimeo").time, 1.5)
    t.equal(fd:setsockopt("socket", "linger", { l_onoff = 1, l_linger = 5 }), true)
    t.equal(fd:getsockopt("socket", "linger").l_linger, 5)
    t.equal(fd:setsockopt("tcp", "nodelay", 1), true)
    t.equal(fd:getsockopt("tcp", "nodelay"), 1)
    t.equal(fd:getsockopt("tcp", "congestion"):match "^%l" ~= nil, true)
    t.equal(fd:setsockopt("ip", "ttl", 42), true)
    t.equal(fd:getsockopt("ip", "ttl"), 42)
    t.ok(fd:getsockopt("socket", "cookie") ~= 0)
    t.ok(fd:getsockopt("tcp", "info").tcpi_state)
    local buffer = ffi.new "uint32_t[1]"
    t.equal(fd:getsockopt("ip", "ttl", buffer), 4)
    t.equal(buffer[0], 42)
  end)

  t.it("fail as triples and name the nearest", function()
    local fd = t.ok(S.socket("unix", "stream"))
    t.fails("EOPNOTSUPP", fd:setsockopt("tcp", "nodelay", 1))
    t.raises('getsockopt: argument 3 (name): unknown name "reuseadr" for SO_*; did you mean "reuseaddr"?',
      fd.getsockopt, fd, "socket", "reuseadr")
    t.raises('getsockopt: argument 2 (level): unknown name "sokcet" for SOL_*; did you mean "socket"?',
      fd.getsockopt, fd, "sokcet", "error")
    t.raises("setsockopt: argument 4 (value): expected an integer (a number, or int64_t beyond 2^53), got nil",
      fd.setsockopt, fd, "socket", "reuseaddr")
    t.fails("ENOTSOCK", S.getsockopt(t.ok(S.open "/dev/null"), "socket", "error"))
  end)
end)
