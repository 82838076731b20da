-- What goes into a record is in it afterwards, or is an error: never rounded, cut, wrapped or left out.

local t = ...

local ffi = require "ffi"
local S = require "callgate"

t.describe("a number for an integer of a record", function()
  t.it("is whole, and what the field holds", function()
    local fraction = 'timespec: field "%s": expected a whole number, got %s'
    t.raises(fraction:format("sec", 0.5), S.t.timespec, { sec = 0.5 })
    t.raises(fraction:format("tv_sec", 1.5), S.t.timespec, 1.5, 0)
    t.raises(fraction:format("tv_sec", 0.5), S.t.timespec, { 0.5, 0 })
    t.raises(fraction:format("nsec", 0.5), function() S.t.timespec().nsec = 0.5 end)
    t.raises('winsize: field "row": expected a number from 0 to 65535, got 70000', S.t.winsize, { row = 70000 })
    t.raises('winsize: field "ws_col": expected a number from 0 to 65535, got 65536', S.t.winsize, 24, 65536)
    t.raises('winsize: field "ws_row": expected a number from 0 to 65535, got 70000', S.t.winsize, 70000)
    t.raises('winsize: field "row": expected a number from 0 to 65535, got 70000LL (cdata)', S.t.winsize,
      { row = 70000LL })
    t.raises('in_addr: field "s_addr": expected a number from 0 to 4294967295, got 8589934592', S.t.in_addr, 2 ^ 33)
    t.raises('flock: field "start": expected a whole number, got 1.5', S.t.flock, { start = 1.5 })
    t.matches(select(2, pcall(S.t.flock, { start = 0 / 0 })),
      'flock: field "start": expected a whole number, got %-?nan')
    t.raises('perf_event_attr: field "precise_ip": expected a number from 0 to 3, got 9', S.t.perf_event_attr,
      { precise_ip = 9 })
    t.raises('ff_effect: field "trigger": ff_trigger: field "interval": expected a whole number, got 1.5',
      S.t.ff_effect, { trigger = { interval = 1.5 } })
  end)

  t.it("of 64 bits is exact, or cdata", function()
    t.equal(S.t.flock({ start = 2 ^ 53 }).l_start, 9007199254740992LL)
    t.equal(S.t.flock({ start = 0x7fffffffffffffffLL }).l_start, 0x7fffffffffffffffLL)
    t.equal(S.t.fstrim_range({ len = 0xffffffffffffffffULL }).len, 0xffffffffffffffffULL)
    t.raises('flock: field "start": expected an integer (a number, or int64_t beyond 2^53), got 1.8014398509482e+16',
      S.t.flock, { start = 2 ^ 54 })
  end)

  t.it("may be the other form of the same bits, as C programs write it", function()
    t.equal(S.t.winsize({ row = -1 }).row, 65535)
    t.equal(S.t.input_id(-32768).bustype, 32768)
    t.equal(S.t.sockaddr_vm(-1, -1).cid, 4294967295)
    t.equal(S.t.pollfd({ 0, "in" }).events, S.POLLIN)
    t.equal(S.t.io_uring_cqe({ res = 0xffffffff }).res, -1)
    t.equal(S.t.winsize({ row = 7LL }).row, 7)
    t.raises('winsize: field "row": expected a number from 0 to 65535, got -32769', S.t.winsize, { row = -32769 })
    t.raises('io_uring_cqe: field "res": expected a number from -2147483648 to 2147483647, got 4294967296',
      S.t.io_uring_cqe, { res = 2 ^ 32 })
  end)

  t.it("is no number of another kind", function()
    local fd = t.ok(S.open("/dev/null", "rdonly"))
    t.matches(select(2, pcall(S.t.winsize, { row = fd })),
      'winsize: field "row": expected a number, got fd %d+ %(cdata%)')
    t.matches(select(2, pcall(S.t.iovec, { iov_base = fd })), 'iovec: field "iov_base": expected a pointer')
    t.matches(select(2, pcall(S.t.winsize, { row = ffi.new("double", 2.5) })),
      'field "row": expected a number, got cdata')
    t.equal(S.t.bpf_attr({ map_fd = fd }).map_fd, fd.fd)
    fd:close()
  end)

  t.it("is checked by the types with constructors of their own, too", function()
    for _, row in ipairs {
      { "sembuf", { 0, 70000 }, 'field "op": expected a number from -32768 to 32767, got 70000' },
      { "sembuf", { 0.5, 1 }, 'field "num": expected a whole number, got 0.5' },
      { "sockaddr_nl", { pid = 2 ^ 33 }, 'field "pid": expected a number from 0 to 4294967295, got 8589934592' },
      { "sockaddr_vm", { cid = 2 ^ 33 }, 'field "cid": expected a number from 0 to 4294967295, got 8589934592' },
      { "linger", 1.5, 'field "seconds": expected a whole number, got 1.5' },
      { "linger", { seconds = 1.5 }, 'field "seconds": expected a whole number, got 1.5' },
      { "rlimit", 1.5, "expected a whole number, got 1.5" },
      { "flock", { type = 70000 }, 'field "type": expected a number from -32768 to 32767, got 70000' },
      { "epoll_event", { events = "in", data = 0.5 }, 'field "data": expected a whole number, got 0.5' },
      { "epoll_event", { events = 2 ^ 40 },
        'field "events": expected a number from 0 to 4294967295, got 1099511627776' },
      { "mq_attr", { maxmsg = 1.5 }, 'field "maxmsg": expected a whole number, got 1.5' },
      { "sched_attr", { nice = 1.5 }, 'field "nice": expected a whole number, got 1.5' },
      { "sigevent", { signo = "usr1", value = 1.5 }, 'field "value": expected a whole number, got 1.5' },
      { "timex", { freq = 0.5 }, 'field "freq": expected a whole number, got 0.5' },
      { "siginfo", { signal = "usr1", pid = 1.5 }, 'field "pid": expected a whole number, got 1.5' },
      { "termios", { iflag = 2 ^ 32 }, 'field "iflag": expected a number from 0 to 4294967295, got 4294967296' },
      { "if_dqblk", { bhardlimit = 0.5 }, 'field "bhardlimit": expected a whole number, got 0.5' },
      { "mnt_id_req", 1.5, 'field "id": expected a whole number, got 1.5' },
      { "msqid_ds", { mode = 2 ^ 16 }, 'field "mode": expected a number from 0 to 65535, got 65536' },
      { "perf_event_attr", { type = 4, config = 0.5 }, 'field "config": expected a whole number, got 0.5' },
      { "ifreq", { mtu = 1.5 }, 'field "mtu": expected a whole number, got 1.5' },
    } do
      t.raises(row[1] .. ": " .. row[3], S.t[row[1]], row[2])
    end
  end)
end)

t.describe("a time", function()
  t.it("may stand alone in a table, with its fraction", function()
    t.equal(S.t.timespec({ 0.5 }).time, 0.5)
    t.equal(S.t.timeval({ 1.5 }).time, 1.5)
    t.equal(S.t.itimerspec({ value = { 0.25 } }).value, 0.25)
    t.equal(S.t.itimerspec({ value = { 1, 500000000 } }).value, 1.5)
    t.raises('itimerspec: expected seconds, got "x" (string)', S.t.itimerspec, { value = "x" })
  end)
end)

t.describe("an array of a record", function()
  t.it("takes no string and no table that is too long", function()
    t.raises(('utsname: field "sysname": expected at most 65 bytes, got "%s..." (string)'):format(("x"):rep(57)),
      S.t.utsname, { sysname = ("x"):rep(66) })
    t.equal(ffi.string(S.t.utsname({ sysname = ("x"):rep(65) }).sysname, 65), ("x"):rep(65))
    t.raises('sysinfo: field "loads": expected at most 3 elements, got 5', S.t.sysinfo, { loads = { 1, 2, 3, 4, 5 } })
    t.raises('sysinfo: field "loads": element 3: expected a number, got "x" (string)', S.t.sysinfo,
      { loads = { 1, 2, "x" } })
    t.raises('sysinfo: field "loads": expected its elements as a table, got one with the key "x"', S.t.sysinfo,
      { loads = { 1, x = 2 } })
    t.raises('sysinfo: field "loads": expected its elements as a table, got 5', S.t.sysinfo, { loads = 5 })
  end)

  t.it("takes tables that count from 0, too, and such with holes", function()
    local loads = S.t.sysinfo({ loads = { [0] = 7, 8 } }).loads
    t.equal(tonumber(loads[0]), 7)
    t.equal(tonumber(loads[1]), 8)
    t.equal(tonumber(S.t.sysinfo({ loads = { nil, nil, 9 } }).loads[2]), 9)
  end)

  t.it("may be an array of another one of its type", function()
    local info = S.t.sysinfo { loads = { 1, 2, 3 } }
    t.equal(tonumber(S.t.sysinfo({ loads = info.loads }).loads[2]), 3)
  end)
end)

t.describe("a record's values in C's order", function()
  t.it("are as many as it has fields, and count from 1", function()
    t.raises("winsize: expected at most 4 values, got 5", S.t.winsize, { 1, 2, 3, 4, 5 })
    t.raises("winsize: expected at most 4 values, got 5", S.t.winsize, 1, 2, 3, 4, 5)
    local key = "winsize: there is no field %s: fields go by their names, values in C's order count from 1"
    t.raises(key:format "0", S.t.winsize, { [0] = 1 })
    t.raises(key:format "1.5", S.t.winsize, { [1.5] = 1 })
    t.raises(key:format "true", S.t.winsize, { [true] = 1 })
    t.equal(S.t.winsize({ nil, 80 }).col, 80)
  end)

  t.it("are those of the first member of a union", function()
    t.raises("sigval: expected at most 1 value, got 2", S.t.sigval, { 1, 2 })
    t.equal(S.t.sigval({ 7 }).sival_int, 7)
  end)

  t.it("beyond what a constructor takes are refused", function()
    t.raises("sigset: expected one value, got 2", S.t.sigset, "int", "term")
    t.raises("cpu_set: expected one value, got 2", S.t.cpu_set, 0, 1)
    t.raises('sigset: unknown key "x": members have no names and count from 1', S.t.sigset, { "int", x = 1 })
    t.raises("cpu_set: unknown key 0: members have no names and count from 1", S.t.cpu_set, { [0] = 1 })
    t.raises("timespec: expected at most 2 values, got 3", S.t.timespec, 1, 2, 3)
    t.raises("sockaddr_nl: expected at most 2 values, got 3", S.t.sockaddr_nl, 1, 2, 3)
    t.raises("sockaddr_vm: there is no field 3: fields go by their names, values in C's order count from 1",
      S.t.sockaddr_vm, { 1, 2, 3 })
    t.equal(tostring(S.t.sigset("int", nil)), "sigset { int }")
  end)

  t.it("are the interval and the value of a timer", function()
    local made_time = { itimerspec = S.t.timespec, itimerval = S.t.old_timeval }
    for _, name in ipairs { "itimerspec", "itimerval" } do
      for _, made in ipairs { S.t[name](1, 2), S.t[name] { 1, 2 }, S.t[name] { { 1, 0 }, { 2, 0 } } } do
        t.equal(made.interval, 1)
        t.equal(made.value, 2)
      end
      t.equal(S.t[name]({ 3 }).value, 3)
      t.equal(S.t[name](3).interval, 0)
      t.equal(S.t[name](made_time[name](3)).value, 3)
      t.raises(name .. ": expected at most 2 values, got 3", S.t[name], 1, 2, 3)
    end
  end)
end)

t.describe("an internet socket address", function()
  t.it("says what it is made from", function()
    local forms = '; it is made from port and address: (80, "127.0.0.1"), { port = 80, addr = "127.0.0.1" }'
    t.raises("sockaddr_in: expected an address as text or in_addr, got 2130706433" .. forms, S.t.sockaddr_in,
      80, 0x7f000001)
    t.raises('sockaddr_in: expected a port, got "127.0.0.1" (string)' .. forms, S.t.sockaddr_in, "127.0.0.1", 80)
    t.raises('sockaddr_in6: expected an address as text or in6_addr, got 1; it is made from port and address: '
      .. '(80, "::1"), { port = 80, addr = "::1" }', S.t.sockaddr_in6, 80, 1)
    t.equal(tostring(S.t.sockaddr_in { 80, "127.0.0.1" }), "127.0.0.1:80")
    t.equal(tostring(S.t.sockaddr_in6 { 80, "::1" }), "[::1]:80")
  end)
end)

t.describe("a call that takes what makes a record", function()
  t.it("refuses what would not arrive as it is", function()
    t.raises('nanosleep: argument 1 (ts): timespec: field "sec": expected a whole number, got 0.5', S.nanosleep,
      { sec = 0.5 })
    t.equal(S.nanosleep { 0.001 }, true)
  end)
end)
