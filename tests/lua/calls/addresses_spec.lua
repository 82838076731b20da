local t = ...

local S = require "callgate"

-- A socket, or a skip where the kernel has no such family.
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

t.describe("socket addresses of every family", function()
  t.it("have a text that makes them again", function()
    local texts = {
      { S.t.sockaddr_in(80, "192.0.2.1"), "192.0.2.1:80" },
      { S.t.sockaddr_in6(443, "2001:db8::1"), "[2001:db8::1]:443" },
      { S.t.sockaddr_in6(443, "fe80::1", 2), "[fe80::1%2]:443" },
      { S.t.sockaddr_un "/run/x", "/run/x" },
      { S.t.sockaddr_un "\0name", "@name" },
      { S.t.sockaddr_un(), "@" },
      { S.t.sockaddr_nl(5, 2), "netlink:5:2" },
      { S.t.sockaddr_vm(2, 1234), "vsock:host:1234" },
      { S.t.sockaddr_vm(), "vsock:any:any" },
      { S.t.sockaddr_alg("skcipher", "cbc(aes)"), "alg:skcipher:cbc(aes)" },
      { S.t.sockaddr_can { ifindex = 3 }, "can:3" },
      { S.t.sockaddr_qrtr(1, 7), "qrtr:1:7" },
      { S.t.sockaddr_xdp { ifindex = 2, queue = 1 }, "xdp:2:1:0:0" },
      { S.t.sockaddr_ll { ifindex = 1, protocol = "ip", addr = "02:00:00:00:0a:01" },
        "packet:1:2048:02:00:00:00:0a:01" },
      { S.t.sockaddr_ll { ifindex = 1 }, "packet:1:0:" },
    }
    for _, row in ipairs(texts) do
      local addr, text = row[1], row[2]
      t.equal(tostring(addr), text)
      local again = S.t.sockaddr(text)
      t.equal(tostring(again), text)
      t.equal(again.family, addr.family)
      t.equal(#again, #addr)
    end
    t.equal(S.t.sockaddr("vsock:2:1234").cid, 2)
    t.equal(S.t.sockaddr("vsock:any:80").cid, 4294967295)
    t.equal(S.t.sockaddr("[::1]:53").port, 53)
  end)

  t.it("are made from tables and changed by short names", function()
    local vm = S.t.sockaddr_vm { cid = "host", port = 99 }
    t.equal(vm.svm_family, S.AF_VSOCK)
    t.equal(vm.svm_cid, 2)
    vm.port = 100
    t.equal(vm.svm_port, 100)
    local ll = S.t.sockaddr_ll { protocol = "arp", addr = "ff:ff:ff:ff:ff:ff", sll_hatype = 1 }
    t.equal(ll.protocol, S.ETH_P_ARP)
    t.equal(ll.halen, 6)
    t.equal(ll.hatype, 1)
    ll.addr = "02:01"
    t.equal(ll.addr, "02:01")
    t.equal(ll.pkttype, "host")
    t.equal(S.t.sockaddr_xdp({ flags = "zerocopy" }).flags, S.XDP_ZEROCOPY)
    local alg = S.t.sockaddr_alg { type = "hash", name = "sha1" }
    alg.name = "md5"
    t.equal(alg.name, "md5")
    t.equal(tostring(S.t.sockaddr_nl { nl_family = S.AF_NETLINK, nl_pid = 3, nl_groups = 5 }), "netlink:3:5")
  end)

  t.it("take an interface by its name", function()
    local lo, message = S.if_nametoindex "lo"
    if not lo then
      t.skip(message)
    end
    t.equal(S.t.sockaddr_ll({ ifindex = "lo" }).ifindex, lo)
    t.equal(S.t.sockaddr_ll("packet:lo").ifindex, lo)
    t.equal(S.t.sockaddr_can("lo").ifindex, lo)
    t.equal(S.t.sockaddr_xdp({ ifindex = "lo" }).ifindex, lo)
    t.equal(S.t.packet_mreq({ ifindex = "lo" }).ifindex, lo)
    local ll = S.t.sockaddr_ll()
    ll.ifindex = "lo"
    t.equal(ll.ifindex, lo)
    t.equal(S.t.ip_mreqn({ ifindex = "lo" }).imr_ifindex, lo)
    t.equal(S.t.ip_mreqn({ "224.0.0.1", "127.0.0.1", "lo" }).imr_ifindex, lo)
    t.equal(S.t.sockaddr_in6(1, "fe80::1%lo").scope_id, lo)
    t.equal(S.t.sockaddr_in6(1, "fe80::1", "lo").scope_id, lo)
    t.equal(tostring(S.t.sockaddr_in6(1, "fe80::1%3")), "[fe80::1%3]:1")
    t.raises('ip_mreqn: field "ifindex": interface "no such": No such device', S.t.ip_mreqn, { ifindex = "no such" })
    t.raises('sockaddr_ll: interface "no such": No such device', S.t.sockaddr_ll, { ifindex = "no such" })
  end)

  t.it("say what is wrong with a text or a value", function()
    t.raises('sockaddr: not a socket address: "example.org"; write it as "127.0.0.1:80", "[::1]:80", "/path", '
      .. '"@name" or "vsock:2:1234"', S.t.sockaddr, "example.org")
    t.raises('sockaddr: sockaddr_vm: port: expected a number or a name, got "x" (string)', S.t.sockaddr, "vsock:2:x")
    t.raises('sockaddr_ll: not a hardware address: "02:zz" (string); write it as "02:00:00:00:00:01"',
      S.t.sockaddr_ll, { addr = "02:zz" })
    t.raises("sockaddr_ll: ifindex: expected a number, got a table", S.t.sockaddr_ll, {{}})
    t.raises('sockaddr_alg: expected a string of less than 14 bytes, got "this is too long" (string)',
      S.t.sockaddr_alg, "this is too long")
    t.raises("sockaddr_in: a port is a number from 0 to 65535, not -1", S.t.sockaddr_in, -1)
    t.raises('sockaddr_in: not an IPv4 address: "1.2.3"; write it as "127.0.0.1", or "any" or "loopback"',
      S.t.sockaddr_in, 80, "1.2.3")
    t.raises('sockaddr_vm has no field "prot"; did you mean "port"?', S.t.sockaddr_vm, { prot = 1 })
  end)
end)

t.describe("the kernel's answers", function()
  t.it("are netlink addresses", function()
    local fd = socket("netlink", "raw", "route")
    t.equal(fd:bind(S.t.sockaddr_nl()), true)
    local addr = t.ok(fd:getsockname())
    t.equal(addr.family, S.AF_NETLINK)
    t.equal(tostring(addr), ("netlink:%d:0"):format(addr.pid))
    t.ok(addr.pid ~= 0)
  end)

  t.it("are packet addresses", function()
    local fd = socket("packet", "dgram", "arp")
    t.equal(fd:bind(S.t.sockaddr_ll { protocol = "arp" }), true)
    local addr = t.ok(fd:getsockname())
    t.equal(addr.family, S.AF_PACKET)
    t.equal(addr.protocol, S.ETH_P_ARP)
    t.equal(addr.ifindex, 0)
  end)

  t.it("are addresses of virtual machines", function()
    local fd = socket("vsock", "stream")
    t.equal(fd:bind(S.t.sockaddr "vsock:any:any"), true)
    local addr = t.ok(fd:getsockname())
    t.equal(addr.family, S.AF_VSOCK)
    t.ok(addr.port ~= 4294967295)
  end)

  t.it("come from an algorithm that was bound by its name", function()
    local fd = socket("alg", "seqpacket")
    local ok, message, errno = fd:bind(S.t.sockaddr "alg:hash:sha256")
    if not ok then
      t.equal(errno, S.ENOENT)
      t.skip(message)
    end
    local hash = t.ok(fd:accept())
    t.equal(hash:write "abc", 3)
    local digest = t.ok(hash:read(nil, 32))
    t.equal((digest:gsub(".", function(c) return ("%02x"):format(c:byte()) end)),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") -- FIPS 180-4, "abc"
  end)

  t.it("come from what was bound and connected by its text", function()
    local server, client = socket("inet", "dgram"), socket("inet", "dgram")
    t.equal(server:bind "127.0.0.1:0", true)
    local text = tostring(server:getsockname())
    t.equal(client:sendto("one", text), 3)
    t.equal(client:sendto("two", nil, "dontwait", text), 3)
    t.equal(client:sendmsg { "three", to = text }, 5)
    t.equal(client:connect(text), true)
    t.equal(tostring(client:getpeername()), text)
    for _, expected in ipairs { "one", "two", "three" } do
      t.equal(server:recv(), expected)
    end
    t.raises('bind: argument 2 (addr): expected a socket address such as S.t.sockaddr_in(80, "127.0.0.1"), '
      .. 'got "localhost:80" (string)', server.bind, server, "localhost:80")
  end)

  t.it("are abstract and unnamed Unix sockets by their text", function()
    local name = "@callgate-address-" .. S.getpid()
    local server, client = socket("unix", "dgram"), socket("unix", "dgram")
    t.equal(server:bind(S.t.sockaddr(name)), true)
    t.equal(tostring(server:getsockname()), name)
    t.equal(client:sendto("hi", S.t.sockaddr(name)), 2)
    local data, from = server:recvfrom()
    t.equal(data, "hi")
    t.ok(from == nil or from.path == "")
  end)
end)
