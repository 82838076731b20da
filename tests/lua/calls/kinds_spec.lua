local t = ...

local ffi = require "ffi"
local S = require "callgate"

local function text_of(fn, ...)
  local ok, message = pcall(fn, ...)
  t.equal(ok, false)
  return message
end

t.describe("times", function()
  t.it("are made from seconds, rounded to what they hold", function()
    local made = { [1.5] = "1 500000000", [-0.25] = "-1 750000000", [0.9999999999] = "1 0", [0] = "0 0" }
    for seconds, expected in pairs(made) do
      local ts = S.t.timespec(seconds)
      t.equal(("%s %s"):format(tonumber(ts.sec), tonumber(ts.nsec)), expected)
    end
    local tv = S.t.timeval(2.25)
    t.equal(tonumber(tv.usec), 250000)
    t.equal(tv.time, 2.25)
    t.equal(tonumber(S.t.timeval(0.9999999).sec), 1)
    local ts = S.t.timespec(3, 4)
    t.equal(ts.nanoseconds, 3000000004LL)
    ts.time = 7.5
    t.equal(tonumber(ts.nsec), 500000000)
    t.equal(S.t.timespec({ 1, 2 }).time, 1.000000002)
    t.equal(S.t.timespec({ sec = 5 }).time, 5)
  end)

  t.it("that no clock has are refused", function()
    t.matches(text_of(S.t.timespec, 0 / 0), "timespec: expected seconds, got %-?nan")
    t.matches(text_of(S.t.timeval, 1 / 0), "timeval: expected seconds, got inf")
    t.matches(text_of(S.t.itimerspec, 0 / 0), "itimerspec: expected seconds, got %-?nan")
    t.raises('timespec: field "time": expected seconds, got inf', function() S.t.timespec().time = 1 / 0 end)
    t.matches(text_of(S.t.timespec, { secs = 1 }), 'no field "secs"; did you mean')
  end)

  t.it("of timers are a value, an interval, or both", function()
    t.equal(S.t.itimerspec(1.5).value, 1.5)
    local both = S.t.itimerspec { value = 1, interval = 0.5 }
    t.equal(both.value, 1)
    t.equal(both.interval, 0.5)
    t.equal(S.t.itimerval({ 2, 3 }).value, 3)
    t.equal(S.t.itimerspec(S.t.timespec(2) and { value = S.t.timespec(2) }).value, 2)
  end)
end)

t.describe("internet addresses", function()
  t.it("of version 4 go from text to bytes and back", function()
    local addr = S.t.in_addr "192.0.2.33"
    t.equal(tostring(addr), "192.0.2.33")
    t.equal(ffi.string(addr, 4), "\192\0\2\33")
    t.equal(tostring(S.t.in_addr "loopback"), "127.0.0.1")
    for _, bad in ipairs { "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", "", "1.2.3.-4", " 1.2.3.4" } do
      t.matches(text_of(S.t.in_addr, bad), "not an IPv4 address")
    end
  end)

  t.it("of version 6 have the text that RFC 5952 recommends", function()
    local texts = {
      ["2001:0db8:0000:0000:0000:0000:0002:0001"] = "2001:db8::2:1",
      ["2001:db8:0:1:1:1:1:1"] = "2001:db8:0:1:1:1:1:1",
      ["2001:0:0:1:0:0:0:1"] = "2001:0:0:1::1",
      ["2001:db8:0:0:1:0:0:1"] = "2001:db8::1:0:0:1",
      ["::"] = "::",
      ["::1"] = "::1",
      ["1::"] = "1::",
      ["FE80::ABCD"] = "fe80::abcd",
      ["::ffff:192.0.2.1"] = "::ffff:192.0.2.1",
      ["64:ff9b::192.0.2.33"] = "64:ff9b::c000:221",
      loopback = "::1",
    }
    for given, expected in pairs(texts) do
      local addr = S.t.in6_addr(given)
      t.equal(tostring(addr), expected)
      t.equal(ffi.string(S.t.in6_addr(expected), 16), ffi.string(addr, 16))
    end
    local malformed = "|:|:::|1::2::3|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|12345::|g::|::1.2.3|1:|"
    for bad in malformed:gmatch "([^|]*)|" do
      t.matches(text_of(S.t.in6_addr, bad), "not an IPv6 address")
    end
  end)

  t.it("of sockets have ports in the machine's order", function()
    local sa = S.t.sockaddr_in(8080, "192.0.2.1")
    t.equal(tostring(sa), "192.0.2.1:8080")
    t.equal(ffi.string(ffi.cast("const char *", sa) + 2, 2), "\31\144")
    sa.port, sa.addr = 53, "any"
    t.equal(tostring(sa), "0.0.0.0:53")
    t.equal(sa.family, S.AF_INET)
    local six = S.t.sockaddr_in6 { port = 443, addr = "2001:db8::5", scope_id = 3 }
    t.equal(tostring(six), "[2001:db8::5]:443")
    t.equal(six.scope_id, 3)
    t.matches(text_of(S.t.sockaddr_in, 65536, "any"), "a port is a number from 0 to 65535, not 65536")
    t.matches(text_of(S.t.sockaddr_in, 80, "example.org"), "not an IPv4 address")
    t.equal(tostring(S.t.sockaddr_un "/run/x"), "/run/x")
    t.equal(tostring(S.t.sockaddr_un "\0name"), "@name")
    t.matches(text_of(S.t.sockaddr_un, ("x"):rep(200)), "at most 108 bytes, this has 200")
    t.raises('sockaddr_un: a path cannot contain a zero byte: "a\\0b"', S.t.sockaddr_un, "a\0b")
    t.equal(S.t.sockaddr_un("\0a\0b").path, "\0a\0b") -- an abstract name may
    t.equal(S.t.sockaddr_nl(5, 2).groups, 2)
  end)
end)

t.describe("sets of signals", function()
  t.it("are made of names and numbers, changed and shown", function()
    local set = S.t.sigset "int, TERM|SIGHUP"
    t.equal(tostring(set), "sigset { hup, int, term }")
    set:add "usr1":delete "int"
    t.equal(set:has(S.SIGUSR1), true)
    t.equal(set:has "int", false)
    local last = 8 * ffi.sizeof(set) -- 64; on mips 128
    set:add(last)
    t.equal(set:has(last), true)
    t.equal(tostring(S.t.sigset()), "sigset {  }")
    t.equal(tostring(S.t.sigset { 2, "term" }), "sigset { int, term }")
    t.matches(text_of(S.t.sigset, "inr"), 'sigset: unknown name "inr" for SIG%*')
    t.raises("sigset: no such signal: a table", S.t.sigset, { {} })
    t.matches(text_of(set.add, set, last + 1), "no such signal: " .. last + 1)
  end)
end)

t.describe("limits, options and locks", function()
  t.it("take words where numbers are hard to read", function()
    t.equal(S.t.rlimit(5).max, 5)
    t.equal(S.t.rlimit({ cur = 1, max = "infinity" }).max, "infinity")
    t.equal(S.t.rlimit({ cur = 1, max = "infinity" }).rlim_max, 0xffffffffffffffffULL)
    t.equal(S.t.rlimit({ rlim_cur = 1, rlim_max = 2 }).max, 2)
    t.raises("rlimit: expected cur and max, or one number for both", S.t.rlimit, { cur = 1 })
    t.raises("rlimit: expected cur and max, or one number for both", S.t.rlimit, { max = 1 })
    local how = S.t.open_how { flags = "wronly, creat", mode = "0640", resolve = "no_symlinks" }
    t.equal(how.flags, 0ULL + S.O_WRONLY + S.O_CREAT + S.O_CLOEXEC)
    t.equal(how.mode, 416)
    t.equal(how.resolve, 0ULL + S.RESOLVE_NO_SYMLINKS)
    t.equal(S.t.flock({ type = "wrlck", whence = "end", start = -5 }).start, -5)
    t.equal(S.t.flock({ type = "wrlck", whence = "end" }).whence, S.SEEK_END)
    t.equal(S.t.winsize(24, 80).col, 80)
    t.equal(S.t.epoll_event("in, et", 5).events, S.EPOLLIN + S.EPOLLET)
    t.equal(S.t.pollfd({ 7, "out" }).events, S.POLLOUT)
  end)

  t.it("take names under C's names of their fields, too", function()
    t.equal(S.t.flock({ l_type = "wrlck", l_whence = "end" }).l_whence, S.SEEK_END)
    local rule = S.t.landlock_path_beneath_attr { parent_fd = "stdin", allowed_access = "read_file, execute" }
    t.equal(rule.allowed_access, 0ULL + S.LANDLOCK_ACCESS_FS_READ_FILE + S.LANDLOCK_ACCESS_FS_EXECUTE)
    t.equal(rule.parent_fd, 0)
    local ruleset = S.t.landlock_ruleset_attr { handled_access_fs = "read_file", handled_access_net = 2 }
    t.equal(ruleset.handled_access_fs, 0ULL + S.LANDLOCK_ACCESS_FS_READ_FILE)
    t.equal(ruleset.handled_access_net, 2ULL)
    t.equal(S.t.mount_attr({ attr_set = "rdonly" }).attr_set, 0ULL + S.MOUNT_ATTR_RDONLY)
    t.equal(S.t.mount_attr({ attr_clr = "nodev", userns_fd = "stdout" }).userns_fd, 1ULL)
  end)
end)

t.describe("a descriptor in a field", function()
  t.it("stands for its number, also in elements of an array without a length", function()
    local fd = t.ok(S.open("/dev/null", "rdonly"))
    t.equal(tonumber(S.t.file_clone_range({ src_fd = fd }).src_fd), fd.fd)
    local dedupe = S.t.file_dedupe_range { info = { { dest_fd = fd, dest_offset = 5 } } }
    t.equal(tonumber(dedupe.info[0].dest_fd), fd.fd)
    t.equal(tonumber(dedupe.info[0].dest_offset), 5)
    fd:close()
    t.raises('file_clone_range: field "src_fd": closed descriptor', S.t.file_clone_range, { src_fd = fd })
    t.raises('file_dedupe_range: field "info": element 1: '
      .. 'file_dedupe_range_info has no field "des_fd"; did you mean "dest_fd"?',
      S.t.file_dedupe_range, { info = { { des_fd = 1 } } })
  end)
end)

t.describe("a negative number in an unsigned field of 64 bits", function()
  t.it("is its two's complement, however the record is made", function()
    local all = 0xffffffffffffffffULL
    local range = S.t.fstrim_range
    for _, made in ipairs { range { len = -1 }, range { 0, -1, 0 }, range(0, -1, 0) } do
      t.equal(made.len, all)
    end
    t.equal(S.t.array("uint64_t", { -2 })[0], 0xfffffffffffffffeULL)
    t.equal(S.t.array("fstrim_range", { { len = -1 } })[0].len, all)
    local sqe = S.t.io_uring_sqe { "read", off = -1, user_data = -2 }
    t.equal(sqe.off, all)
    t.equal(sqe.user_data, 0xfffffffffffffffeULL)
    t.equal(S.t.epoll_event("in", -1).data, all)
    t.equal(S.t.rlimit(-1).cur, "infinity")
    t.equal(S.t.mnt_id_req(-1).mnt_id, all)
    t.equal(S.t.perf_event_attr { type = 4, config = -1 }.config, all)
    t.equal(S.t.flock({ start = -1 }).start, -1)
    t.equal(S.t.timespec({ sec = -1, nsec = 5 }).sec, -1)
  end)

  t.it("reaches the kernel as such", function()
    local a, b = S.socketpair("unix", "stream")
    local ep = t.ok(S.epoll_create())
    t.ok(ep:add(a, "in", -1) and b:write "x")
    local seen = 0
    for data in ep:wait(1, 1000) do
      t.equal(data, 0xffffffffffffffffULL)
      seen = seen + 1
    end
    t.equal(seen, 1)
  end)
end)

t.describe("short accessors of 64-bit fields", function()
  t.it("are numbers where those are exact", function()
    local exact = require "callgate.kinds.exact"
    t.equal(type(exact(5LL)), "number")
    t.equal(exact(9007199254740991LL), 9007199254740991)
    t.equal(type(exact(9007199254740992LL)), "cdata")
    t.equal(exact(9007199254740993ULL), 9007199254740993ULL)
    t.equal(exact(-9007199254740991LL), -9007199254740991)
    t.equal(exact(-9007199254740993LL), -9007199254740993LL)
    t.equal(exact(0xffffffffffffffffULL), 0xffffffffffffffffULL)
    local st = S.t.stat()
    st.st_size = 9007199254740993LL
    t.equal(st.size, 9007199254740993LL)
    local fs = S.t.statfs { blocks = 5, bfree = 9007199254740993ULL }
    t.equal(type(fs.blocks), "number")
    t.equal(fs.f_blocks + 0ULL, 5ULL)
    t.equal(fs.bfree, 9007199254740993ULL)
    t.equal(type(S.t.iovec({ len = 10 }).len), "number")
    t.equal(S.t.iovec({ len = 10 }).base, nil)
  end)
end)

t.describe("a length or an offset in a record", function()
  t.it("never leads beyond what the record was made with", function()
    local handle = S.t.file_handle(1, "abc")
    t.equal(handle.bytes, "abc")
    handle.handle_bytes = 4e9
    t.equal(handle.bytes, "abc")
    t.matches(tostring(handle), "bytes = 616263 }$")
    t.equal(S.t.file_handle({ handle_bytes = 4e9 }).bytes, "")
    t.equal(S.t.statmount({ mask = S.STATMOUNT_MNT_ROOT, mnt_root = 2e9 }).root, nil)
    t.equal(#S.t.statmount({ mask = S.STATMOUNT_OPT_ARRAY, opt_array = 2e9, opt_num = 2e9 }).option_list, 0)
    t.equal(S.t.dirent({ d_type = 4 }).name, "")
    t.equal(S.t.io_uring_probe({ ops_len = 255 }):supports "read", false)
    t.equal(S.t.iovec({ len = 10 }):string(), nil)
    t.equal(#S.t.ifconf({ ifc_len = 4000 }):list(), 0)
  end)

  t.it("leads where a pointer's memory says", function()
    local memory = ffi.new("uint32_t[4]", 4, 9)
    ffi.copy(memory + 2, "wxyz", 4)
    local handle = ffi.cast(ffi.typeof("$ *", ffi.typeof(S.t.file_handle { handle_bytes = 1 })), memory)
    t.equal(handle.bytes, "wxyz")
    t.equal(handle[0].type, 9)
  end)
end)
