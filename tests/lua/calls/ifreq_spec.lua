local t = ...

local S = require "callgate"

local function inet()
  local fd, message = S.socket("inet", "dgram")
  if not fd then
    t.skip(message)
  end
  return fd
end

-- Runs body(fd) in a process with a network of its own, in which lo is down; it may return "skip " and why.
local function apart(body)
  local r, w = t.ok(S.pipe())
  local pid = t.ok(S.fork())
  if pid == 0 then
    local said = "passed"
    local done, message, errno = S.unshare "newnet"
    if not done then
      said = (errno == S.EPERM or errno == S.EINVAL or errno == S.ENOSYS) and "skip " .. message or message
    else
      local ok, problem = pcall(function()
        return body(t.ok(S.socket("inet", "dgram")))
      end)
      said = ok and (problem or said) or tostring(problem)
    end
    w:write(said)
    S.exit(0)
  end
  w:close()
  local said = r:read()
  S.waitpid(pid)
  if said:find "^skip " then
    t.skip(said:sub(6))
  end
  t.equal(said, "passed")
end

t.describe("ifreq", function()
  t.it("is made from a name or a table, and read by the fields' short names", function()
    t.equal(S.t.ifreq("lo").name, "lo")
    t.equal(tostring(S.t.ifreq "lo"), 'ifreq { name = "lo" }')
    local ifr = S.t.ifreq { name = "eth0", flags = "up, running" }
    t.equal(ifr.flags, "up, running")
    t.equal(ifr:has "up", true)
    t.equal(ifr:has "up, loopback", false)
    t.equal(ifr.ifr_ifru.ifru_flags, S.IFF_UP + S.IFF_RUNNING)
    ifr.addr = "192.0.2.7"
    t.equal(ifr.addr, "192.0.2.7")
    t.equal(ifr.netmask, "192.0.2.7") -- one union
    ifr.hwaddr = "02:00:5e:10:00:ff"
    t.equal(ifr.hwaddr, "02:00:5e:10:00:ff")
    t.equal(ifr.hwtype, 1)
    ifr.mtu = 1400
    t.equal(ifr.mtu, 1400)
    t.equal(S.t.ifreq({ name = "a", flags = "dynamic" }):has "dynamic", true)
    t.raises('ifreq: field "name": expected a name of less than 16 bytes, got "an interface of Linux" (string)',
      S.t.ifreq, { name = "an interface of Linux" })
    t.raises('ifreq: field "addr": not an IPv4 address: "::1"; write it as "127.0.0.1", or "any" or "loopback"',
      S.t.ifreq, { name = "lo", addr = "::1" })
  end)
end)

t.describe("requests about interfaces", function()
  t.it("take a name, and give what they are asked for", function()
    local fd = inet()
    local ifr, message, errno = fd:ioctl("SIOCGIFINDEX", "lo")
    if not ifr then
      t.ok(errno == S.ENODEV or errno == S.ENOTTY, message)
      t.skip(message)
    end
    t.ok(ifr.index > 0)
    t.equal(fd:ioctl("SIOCGIFNAME", { index = ifr.index }).name, "lo")
    local flags = t.ok(fd:ioctl("SIOCGIFFLAGS", { name = "lo" }))
    t.equal(flags:has "loopback", true)
    t.matches(flags.flags, "loopback")
    t.ok(fd:ioctl("SIOCGIFMTU", { name = "lo" }).mtu >= 68) -- RFC 791
    t.equal(fd:ioctl("SIOCGIFHWADDR", { name = "lo" }).hwtype, 772) -- linux/if_arp.h: ARPHRD_LOOPBACK
    t.equal(fd:ioctl("SIOCGIFHWADDR", { name = "lo" }).hwaddr, "00:00:00:00:00:00")
    t.fails("ENODEV", fd:ioctl("SIOCGIFINDEX", { name = "no such one" }))
  end)

  t.it("turn names into numbers and back", function()
    local index, message, errno = S.if_nametoindex "lo"
    if not index then
      t.equal(errno, S.ENODEV)
      t.skip(message) -- a jail without the loopback
    end
    t.equal(index, inet():ioctl("SIOCGIFINDEX", "lo").index)
    t.equal(S.if_indextoname(index), "lo")
    t.fails("ENODEV", S.if_nametoindex "none")
    t.fails("ENODEV", S.if_nametoindex "longer than any interface")
    local ok, _, number = S.if_indextoname(2000000000)
    t.equal(ok, nil)
    t.ok(number == S.ENODEV or number == S.ENXIO)
    t.raises("if_nametoindex: argument 1 (name): expected a string, got 5", S.if_nametoindex, 5)
  end)

  t.it("set address, mask, flags, size and name", function()
    apart(function(fd)
      t.equal(fd:ioctl("SIOCGIFFLAGS", "lo"):has "up", false)
      t.equal(fd:ioctl("SIOCSIFFLAGS", { name = "lo", flags = "up" }), true)
      t.equal(fd:ioctl("SIOCGIFFLAGS", "lo"):has "up", true)
      t.equal(fd:ioctl("SIOCGIFADDR", "lo").addr, "127.0.0.1")
      t.equal(fd:ioctl("SIOCSIFADDR", { name = "lo", addr = "127.1.2.3" }), true)
      t.equal(fd:ioctl("SIOCSIFNETMASK", { name = "lo", netmask = "255.255.0.0" }), true)
      t.equal(fd:ioctl("SIOCGIFADDR", "lo").addr, "127.1.2.3")
      t.equal(fd:ioctl("SIOCGIFNETMASK", "lo").netmask, "255.255.0.0")
      t.equal(fd:ioctl("SIOCSIFMTU", { name = "lo", mtu = 4000 }), true)
      t.equal(fd:ioctl("SIOCGIFMTU", "lo").mtu, 4000)
      local queued, _, errno = fd:ioctl("SIOCSIFTXQLEN", { name = "lo", qlen = 77 })
      if queued then
        t.equal(fd:ioctl("SIOCGIFTXQLEN", "lo").qlen, 77)
      else
        t.ok(errno == S.EPERM or errno == S.ENOTTY) -- for the first user namespace's root; unknown to some emulators
      end
      t.ok(fd:bind(S.t.sockaddr "127.1.2.3:0"))
    end)
  end)

  t.it("list the addresses of all", function()
    apart(function(fd)
      t.equal(#fd:ioctl("SIOCGIFCONF"):list(), 0)
      t.equal(fd:ioctl("SIOCSIFFLAGS", { name = "lo", flags = "up" }), true)
      local conf = t.ok(fd:ioctl "SIOCGIFCONF")
      collectgarbage()
      local list = conf:list()
      t.equal(conf.count, #list)
      t.equal(#list, 1)
      t.equal(list[1].name, "lo")
      t.equal(list[1].addr, "127.0.0.1")
      t.equal(#fd:ioctl("SIOCGIFCONF", S.t.ifconf(1)):list(), 1)
    end)
  end)

  t.it("make an interface of a program's own", function()
    apart(function(fd)
      local tun, message, errno = S.open("/dev/net/tun", "rdwr")
      if not tun then
        t.ok(errno == S.ENOENT or errno == S.ENODEV or errno == S.EPERM or errno == S.EACCES, message)
        return "skip " .. message
      end
      local ifr = t.ok(tun:ioctl("TUNSETIFF", { name = "call%d", flags = "tap, no_pi" }))
      t.equal(ifr.name, "call0")
      for _, request in ipairs {
        { "SIOCSIFHWADDR", { name = "call0", hwaddr = "02:00:00:00:00:05" } },
        { "SIOCSIFNAME", { name = "call0", newname = "gate0" } },
      } do
        local set, why, number = fd:ioctl(request[1], request[2])
        if not set then
          t.ok(number == S.ENOTTY or number == S.ENOSYS, why) -- what an emulator does not translate
          return "skip " .. request[1] .. ": " .. why
        end
      end
      t.equal(fd:ioctl("SIOCGIFHWADDR", "gate0").hwaddr, "02:00:00:00:00:05")
      t.ok(fd:ioctl("SIOCGIFINDEX", "gate0").index)
    end)
  end)
end)
