local t = ...

local ffi = require "ffi"
local S = require "callgate"

t.describe("several messages by one call", function()
  t.it("are sent and received as tables", function()
    local a, b = t.ok(S.socketpair("unix", "dgram"))
    t.equal(t.need("sendmmsg", a:sendmmsg { "one", { "tw", "o" }, "three" }), 3)
    local got = t.ok(t.need("recvmmsg", b:recvmmsg(8, "waitforone")))
    t.equal(#got, 3)
    t.ok(got[1].data == "one" and got[2].data == "two" and got[3].data == "three")
    t.equal(got[2].count, 3)
    t.fails("EAGAIN", b:recvmmsg(1, "dontwait"))
  end)

  t.it("carry descriptors and addresses of their own", function()
    local server = t.ok(S.socket("inet", "dgram"))
    t.ok(server:bind(S.t.sockaddr_in(0, "127.0.0.1")))
    local client = t.ok(S.socket("inet", "dgram"))
    local to = server:getsockname()
    t.equal(t.need("sendmmsg", client:sendmmsg { { "x", to = to }, { "yy", to = to } }), 2)
    local got = t.ok(t.need("recvmmsg", server:recvmmsg(2)))
    t.equal(got[1].from.port, client:getsockname().port)
    t.equal(got[2].data, "yy")

    local a, b = t.ok(S.socketpair("unix", "dgram"))
    local r, w = t.ok(S.pipe())
    t.equal(a:sendmmsg { { "plain" }, { "take", fds = { r, w } } }, 2)
    got = t.ok(b:recvmmsg(2))
    t.equal(got[1].fds, nil)
    t.equal(#got[2].fds, 2)
    got[2].fds[2]:write "through"
    t.equal(r:read(), "through")
  end)

  t.it("go where a table of tables says", function()
    local a, b = t.ok(S.socketpair("unix", "dgram"))
    t.ok(t.need("sendmmsg", a:sendmmsg { "first message", "second" }))
    local buffer = ffi.new "char[6]"
    local got = t.ok(t.need("recvmmsg", b:recvmmsg { { size = 5 }, { buffer } }))
    t.equal(got[1].data, "first")
    t.equal(got[1].flags % (2 * S.MSG_TRUNC) >= S.MSG_TRUNC, true)
    t.equal(ffi.string(buffer, 6), "second")
    t.equal(got[2].data, nil)
  end)

  t.it("are waited for as long as a timeout says, which stays as it is", function()
    local a, b = t.ok(S.socketpair("unix", "dgram"))
    t.ok(t.need("sendmmsg", a:sendmmsg { "one", "two" }))
    local timeout = S.t.timespec(10)
    t.equal(#t.need("recvmmsg", b:recvmmsg(2, nil, timeout)), 2)
    t.equal(timeout.time, 10)
    local _, _, errno = b:recvmmsg(1, "dontwait", S.t.timespec(-1, 0))
    t.ok(errno == S.EINVAL or errno == S.EAGAIN) -- qemu-user knows no timeout of it
  end)

  t.it("that are none are refused", function()
    local a = t.ok(S.socketpair "unix")
    t.raises("sendmmsg: argument 2 (messages): expected 1 to 1024 messages, got 0", a.sendmmsg, a, {})
    t.raises("sendmmsg: argument 2 (messages[2]): expected a string or a table, got 5", a.sendmmsg, a, { "x", 5 })
    t.raises('sendmmsg: argument 2 (msg): unknown key "fd"; did you mean "fds"?', a.sendmmsg, a, { { "x", fd = a } })
    t.raises('recvmmsg: argument 2 (messages): expected a number of messages, or a table such as { { size = 100 } }, '
      .. "got nil", a.recvmmsg, a)
    t.raises("recvmmsg: argument 2 (messages): expected 1 to 1024 messages, got 5000", a.recvmmsg, a, 5000)
  end)
end)
