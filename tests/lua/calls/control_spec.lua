local t = ...

local bit = require "bit"
local ffi = require "ffi"
local S = require "callgate"

-- Two datagram sockets on the loopback: one that receives, one connected to it.
local function udp(family, address)
  local server, message = S.socket(family or "inet", "dgram")
  if not server then
    t.skip(message)
  end
  local ok, problem = server:bind(S.t.sockaddr(address or "127.0.0.1:0"))
  if not ok then
    t.skip(problem)
  end
  local client = t.ok(S.socket(family or "inet", "dgram"))
  t.equal(client:connect(t.ok(server:getsockname())), true)
  return server, client
end

-- Switches options on, or skips where one is not known to this kernel.
local function switch(fd, level, ...)
  for _, name in ipairs { ... } do
    local ok, message, errno = fd:setsockopt(level, name, true)
    if not ok then
      t.ok(errno == S.ENOPROTOOPT or errno == S.EOPNOTSUPP or errno == S.EINVAL, message)
      t.skip(name .. ": " .. message)
    end
  end
end

-- Skips where an emulator hands messages on in the byte order of another machine: then a TTL whose bytes are turned
-- round is taken.
local function translated()
  local server, client = udp()
  if client:sendmsg { "x", control = { ip_ttl = bit.bswap(7) } } then
    t.ok(server)
    t.skip "the emulator does not translate control messages"
  end
end

t.describe("control messages", function()
  t.it("say where a datagram came in, its hops and its class", function()
    translated()
    local server, client = udp()
    switch(server, "ip", "pktinfo", "recvttl", "recvtos")
    t.equal(client:sendmsg { "x", control = { ip_ttl = 7, ip_tos = 16 } }, 1)
    local m = t.ok(server:recvmsg())
    t.equal(m.data, "x")
    t.equal(m.control.ip_ttl, 7)
    t.equal(m.control.ip_tos, 16)
    t.equal(tostring(m.control.ip_pktinfo.ipi_addr), "127.0.0.1")
    t.ok(m.control.ip_pktinfo.ipi_ifindex > 0)
    t.equal(#m.control, 3) -- and each as it came
    t.equal(type(m.control[1][3]), "string")
  end)

  t.it("choose by which address a datagram goes out", function()
    translated()
    local server, client = udp()
    local info = S.t.in_pktinfo { ipi_spec_dst = "127.0.0.9" }
    t.equal(client:sendmsg { "x", control = { ip_pktinfo = info } }, 1)
    t.equal(t.ok(server:recvmsg()).from.addr, "127.0.0.9")
    t.equal(client:sendmsg { "y", control = { { "ip", "pktinfo", { ipi_spec_dst = "127.0.0.8" } } } }, 1)
    t.equal(t.ok(server:recvmsg()).from.addr, "127.0.0.8")
    t.equal(client:sendmsg { "z", control = { { S.IPPROTO_IP, S.IP_TTL, 3 } } }, 1)
    t.equal(client:sendmsg { "z", control = { { S.IPPROTO_IP, S.IP_PKTINFO, ffi.string(info, #info) } } }, 1)
  end)

  t.it("are those of version 6 too", function()
    translated()
    local server, client = udp("inet6", "[::1]:0")
    switch(server, "ipv6", "recvpktinfo", "recvhoplimit", "recvtclass")
    t.equal(client:sendmsg { "x", control = { ipv6_hoplimit = 9, ipv6_tclass = 32 } }, 1)
    local m = t.ok(server:recvmsg())
    t.equal(m.control.ipv6_hoplimit, 9)
    t.equal(m.control.ipv6_tclass, 32)
    t.equal(tostring(m.control.ipv6_pktinfo.ipi6_addr), "::1")
  end)

  t.it("tell when a datagram came", function()
    local server, client = udp()
    switch(server, "socket", "timestampns")
    t.equal(client:send "x", 1)
    local now = S.clock_gettime("realtime").time
    local m = t.ok(server:recvmsg())
    t.ok(math.abs(m.control.timestampns.time - now) < 3600)
    switch(server, "socket", "timestamp")
    t.equal(client:send "x", 1)
    t.ok(math.abs(t.ok(server:recvmsg()).control.timestamp.time - now) < 3600)
  end)

  t.it("tell what became of one that nobody took, and who says so", function()
    local server, client = udp()
    switch(client, "ip", "recverr")
    local address = server:getsockname()
    server:close()
    t.equal(client:send "x", 1)
    t.fails("ECONNREFUSED", client:recv(nil, 10))
    local m = t.ok(client:recvmsg({ size = 10 }, "errqueue"))
    t.equal(m.control.ip_recverr.ee_errno, S.ECONNREFUSED)
    t.equal(m.control.ip_recverr.ee_origin, S.SO_EE_ORIGIN_ICMP)
    t.equal(m.control.offender.addr, "127.0.0.1")
    t.equal(m.from.port, address.port)
  end)

  t.it("cut what is sent into datagrams", function()
    translated()
    local server, client = udp()
    local sent, message, errno = client:sendmsg { "aabbc", control = { udp_segment = 2 } }
    if not sent then
      t.ok(errno == S.EINVAL or errno == S.EIO or errno == S.EOPNOTSUPP, message)
      t.skip(message)
    end
    t.equal(server:recv(), "aa")
    t.equal(server:recv(), "bb")
    t.equal(server:recv(), "c")
  end)

  t.it("hold the process of the sender", function()
    local a, b = t.ok(S.socketpair("unix", "dgram"))
    if not S.SO_PASSPIDFD then
      t.skip "SO_PASSPIDFD is not in the headers"
    end
    switch(b, "socket", "passpidfd")
    t.equal(a:send "x", 1)
    local m = t.ok(b:recvmsg())
    local pidfd = m.control.pidfd
    t.matches(io.open("/proc/self/fdinfo/" .. pidfd.fd):read "*a", "Pid:%s*" .. S.getpid())
    pidfd:close()
  end)

  t.it("carry descriptors and credentials beside the others", function()
    local a, b = t.ok(S.socketpair("unix", "dgram"))
    switch(b, "socket", "passcred", "timestamp")
    t.equal(a:sendmsg { "x", fds = { a }, credentials = { pid = S.getpid() } }, 1)
    local m = t.ok(b:recvmsg())
    t.equal(#m.fds, 1)
    t.equal(m.credentials.pid, S.getpid())
    t.ok(m.control.timestamp.time > 0)
  end)

  t.it("are raw where they are not known, and refused by a wrong name", function()
    translated()
    local _, client = udp()
    t.equal(client:sendmsg { "x", control = { { S.IPPROTO_IP, S.IP_TOS, ffi.string(ffi.new("int[1]", 8), 4) } } }, 1)
    t.fails("EINVAL", client:sendmsg { "x", control = { { S.IPPROTO_IP, 255, "????" } } })
    t.raises('sendmsg: argument 2 (control): unknown control message "ip_tll"; did you mean "ip_ttl"?',
      client.sendmsg, client, { "x", control = { ip_tll = 1 } })
    t.raises('sendmsg: argument 2 (control): expected a table of control messages such as { ip_ttl = 5 }, got 5',
      client.sendmsg, client, { "x", control = 5 })
    t.raises('sendmsg: argument 2 (control): expected a row such as { "ip", "ttl", 5 } or { level, type, data }, got 5',
      client.sendmsg, client, { "x", control = { 5 } })
  end)
end)
