local t = ...

local ffi = require "ffi"
local S = require "callgate"
local types = require "callgate.types"

t.describe("S.t", function()
  t.it("gives the ctype itself, usable wherever LuaJIT wants one", function()
    local ctype = S.t.iovec
    t.equal(type(ctype), "cdata")
    t.equal(ffi.sizeof(ctype), 2 * ffi.sizeof "void *")
    t.ok(ffi.istype(ctype, ffi.new(ctype)))
    t.equal(ffi.sizeof(ffi.new(ffi.typeof("$[3]", ctype))), 3 * S.s.iovec)
    t.equal(S.t.iovec, ctype)
  end)

  t.it("has structs, unions and typedefs of every header, and nil for what is none", function()
    t.equal(S.s.sched_attr, ffi.sizeof(S.t.sched_attr))
    t.equal(ffi.sizeof(S.t.bpf_attr), S.s.bpf_attr)
    t.equal(ffi.sizeof(S.t.__u32), 4)
    t.equal(S.t.no_such_type, nil)
    t.equal(S.s.no_such_type, nil)
    t.equal(S.pt.no_such_type, nil)
    t.equal(S.t[1], nil)
  end)

  t.it("has buffers", function()
    t.equal(ffi.sizeof(S.t.buffer(10)), 10)
    t.equal(ffi.string(S.t.buffer "a\0b", 3), "a\0b")
    for got, size in pairs { ["-1"] = -1, nan = 0 / 0, ["a table"] = {}, ["1.5"] = 1.5 } do
      t.raises("S.t.buffer: expected a number of bytes or a string, got " .. got, S.t.buffer, size)
    end
    t.raises("S.t.buffer: no memory for 1000000000000000000 bytes", S.t.buffer, 1e18)
    t.raises(("S.pt.timespec: 4 bytes are too few: it has %d"):format(S.s.timespec), S.pt.timespec, S.t.buffer(4))
  end)
end)

t.describe("a record", function()
  t.it("is made empty, from positions, from a table of positions or of names", function()
    t.equal(S.t.input_id().bustype, 0)
    t.equal(S.t.input_id(3, 4).vendor, 4)
    t.equal(S.t.input_id({ 3, 4 }).vendor, 4)
    local size = S.t.input_id { bustype = 3, product = 5 }
    t.equal(size.bustype, 3)
    t.equal(size.vendor, 0)
    t.equal(size.product, 5)
    t.equal(S.t.input_id({ 3, product = 5 }).product, 5)
    t.equal(S.t.input_id(size).product, 5)
  end)

  t.it("has its size as length, a pointer to it, too", function()
    t.equal(#S.t.input_id(), 8)
    t.equal(#ffi.cast(types.pointer "input_id", S.t.input_id()), 8)
  end)

  t.it("shows its fields", function()
    t.equal(tostring(S.t.input_id(1, 2)), "input_id { bustype = 1, vendor = 2, product = 0, version = 0 }")
    t.matches(tostring(S.t.ff_effect { trigger = { 1, 2 } }),
      "trigger = ff_trigger { button = 1, interval = 2 }, replay = ff_replay { length = 0, delay = 0 }")
    t.matches(tostring(S.t.ethtool_drvinfo { driver = "h\1\n\"" }), [[ driver = "h\x01\n\"", version = "",]])
    t.equal(tostring(S.t.mtd_oob_buf()), "mtd_oob_buf { start = 0, length = 0, ptr = NULL }")
    t.equal(tostring(S.t.mtd_oob_buf(1, 2, ffi.cast("void *", 0xabc))),
      "mtd_oob_buf { start = 1, length = 2, ptr = 0xabc }")
  end)

  t.it("shows a pointer's address, and follows none", function()
    local info = S.t.addrinfo()
    t.matches(tostring(info), "ai_next = NULL }$")
    info.ai_next = info
    t.matches(tostring(info), "ai_next = 0x%x+ }$")
    t.equal(tostring(ffi.cast(types.pointer "addrinfo", nil)), "NULL")
    t.matches(tostring(ffi.cast(types.pointer "addrinfo", info)), "^addrinfo { ai_flags = 0,")
  end)

  t.it("shows 64-bit numbers whole", function()
    t.equal(tostring(S.t.fstrim_range { len = 0xffffffffffffffffULL }),
      "fstrim_range { start = 0, len = 18446744073709551615, minlen = 0 }")
  end)

  t.it("names an unknown field and the nearest one, read, written or given", function()
    local message = 'input_id has no field "bustyep"; did you mean "bustype"?'
    local size = S.t.input_id()
    t.raises(message, function() return size.bustyep end)
    t.raises(message, function() size.bustyep = 1 end)
    t.raises(message, S.t.input_id, { bustyep = 1 })
    t.raises('input_id has no field "something"', function() return size.something end)
  end)

  t.it("refuses an unknown field where the constructor is a friendly one, too", function()
    t.raises('sigaction: unknown field "sa_flags"; there are handler, flags and mask', S.t.sigaction, { sa_flags = 1 })
    t.raises('sock_filter: unknown field "jump"; there are code, k, jt and jf',
      S.t.sock_filter, { "ret, k", 1, jump = 1 })
    t.raises('sock_fprog: unknown field "filtre"; there are instructions alone, or len and filter',
      S.t.sock_fprog, { { "ret, k", 1 }, filtre = 1 })
    t.raises('siginfo has no field "sig"; did you mean "pid"?', S.t.siginfo, { sig = 1 })
    local info = S.t.siginfo { si_signo = S.SIGINT, si_code = S.SI_TKILL }
    t.equal(info.si_signo, S.SIGINT)
    t.equal(info.si_code, S.SI_TKILL)
  end)

  t.it("refuses what an instruction of a filter would cut down to another one", function()
    t.raises("sock_filter: jt: expected a number of instructions from 0 to 255, got 300", S.t.sock_filter,
      { "jmp, jeq, k", 1, 300, 1 })
    t.raises("sock_filter: jf: expected a number of instructions from 0 to 255, got -1", S.t.sock_filter,
      "jmp, jeq, k", 1, 0, -1)
    for _, k in ipairs { 2 ^ 40, 0 / 0, 1.5, 2 ^ 32, -2 ^ 31 - 1 } do
      t.raises("sock_filter: k: expected a whole number of 32 bits, got " .. tostring(k), S.t.sock_filter,
        { "ret, k", k })
    end
    t.raises("sock_filter: code: expected a number from 0 to 65535, got 65542", S.t.sock_filter, { 65542, 0 })
    t.equal(S.t.sock_filter("ld, imm", -1).k, 0xffffffff)
    t.equal(S.t.sock_filter("ret, k", -1LL).k, 0xffffffff)
    t.equal(S.t.sock_filter("ret, k", "errno EPERM").k, S.SECCOMP_RET_ERRNO + S.EPERM)
    t.raises('sock_filter: k: expected a whole number of 32 bits, got "allow" (string)', S.t.sock_filter,
      { "ld, imm", "allow" })
    t.equal(S.t.sock_fprog({ { "ret, k", "allow" } }).filter[0].k, S.SECCOMP_RET_ALLOW)
    t.raises('sock_fprog: filter[2]: expected an instruction such as { "ret, k", 0 }, got nil', S.t.sock_fprog,
      { { "ld, imm", 0 }, nil, { "ret, k", 0 } })
    local rows = {}
    for i = 1, 65537 do
      rows[i] = { "ret, k", 0 }
    end
    t.raises("sock_fprog: filter: 65537 instructions; the kernel takes 4096", S.t.sock_fprog, rows)
  end)

  t.it("takes a text in C's order where the field is a record that is made of one", function()
    local member = S.t.ip_mreqn { "224.0.0.1", "127.0.0.1", 7 }
    t.equal(tostring(member), "ip_mreqn { imr_multiaddr = 224.0.0.1, imr_address = 127.0.0.1, imr_ifindex = 7 }")
    t.equal(tostring(S.t.in_pktinfo({ 1, "1.2.3.4" }).ipi_spec_dst), "1.2.3.4")
    t.raises('ip_mreqn: field "imr_address": in_addr: not an IPv4 address: "localhost"; write it as "127.0.0.1", '
      .. 'or "any" or "loopback"', S.t.ip_mreqn, { "224.0.0.1", "localhost" })
  end)

  t.it("names the field that takes no such value", function()
    t.raises([[input_id: field "bustype": expected a number, got "x" (string)]], S.t.input_id,
      { bustype = "x" })
    t.raises([[input_id: expected a table of its fields, or their values in C's order, got "x" (string)]],
      S.t.input_id, "x")
    t.raises('input_id: field "bustype": expected a number, got a table', S.t.input_id, { {} })
  end)

  t.it("is an error at the line that is wrong", function()
    local _, made = pcall(function()
      local size = S.t.input_id { bustyep = 1 }
      return size
    end)
    t.matches(made, "^[^\n]*types_spec.lua:%d+: input_id has no")
    local _, read = pcall(function() return S.t.input_id().bustyep end)
    t.matches(read, "^[^\n]*types_spec.lua:%d+: input_id has no")
  end)

  t.it("takes nested records in whatever form those take", function()
    local effect = S.t.ff_effect { trigger = { interval = 2 }, replay = S.t.ff_replay(3, 4) }
    t.equal(effect.trigger.interval, 2)
    t.equal(effect.replay.delay, 4)
    t.raises('ff_effect: field "trigger": ff_trigger has no field "intervall"; did you mean "interval"?', S.t.ff_effect,
      { trigger = { intervall = 1 } })
  end)
end)

t.describe("a friendly type", function()
  t.it("is made in its own form, and in the common ones", function()
    t.equal(tostring(S.t.timespec(1.5)), "timespec { tv_sec = 1, tv_nsec = 500000000 }")
    t.equal(tostring(S.t.timespec(1, 5)), "timespec { tv_sec = 1, tv_nsec = 5 }")
    t.equal(tostring(S.t.timespec { 1, 5 }), "timespec { tv_sec = 1, tv_nsec = 5 }")
    t.equal(tostring(S.t.timespec { tv_sec = 1, nsec = 5 }), "timespec { tv_sec = 1, tv_nsec = 5 }")
  end)

  t.it("has accessors and short names, to read and to write", function()
    local ts = S.t.timespec(1.5)
    t.equal(ts.time, 1.5)
    t.equal(ts.sec, 1)
    ts.nsec = 7
    t.equal(tonumber(ts.tv_nsec), 7)
    ts.time = 2.25
    t.equal(tonumber(ts.sec), 2)
    t.equal(tonumber(ts.nsec), 250000000)
    t.raises('timespec: "nanoseconds" cannot be set', function() ts.nanoseconds = 1 end)
    t.raises('timespec has no field "tine"; did you mean "time"?', function() return ts.tine end)
  end)
end)

t.describe("fields and accessors", function()
  t.it("reached by changing names in one compiled loop are each their own", function()
    local attr = S.t.perf_event_attr { type = 1, disabled = 1, wakeup_events = 5, size = 7 }
    local names = { "disabled", "type", "inherit", "wakeup_events", "disabled", "size", "precise_ip" }
    local seen = {}
    for i = 0, 699 do
      seen[i % 7 + 1] = (seen[i % 7 + 1] or 0) + attr[names[i % 7 + 1]]
    end
    t.same(seen, { 100, 100, 0, 500, 100, 700, 0 })
    for i = 1, 700 do
      attr[names[i % 7 + 1]] = 1
    end
    t.equal(attr.wakeup_events + attr.type + attr.size + attr.disabled + attr.inherit + attr.precise_ip, 6)
  end)
end)

t.describe("bit-fields of 64 bits", function()
  t.it("read and write their own bits only", function()
    local attr = S.t.perf_event_attr { disabled = 1, precise_ip = 2, exclude_kernel = true }
    t.equal(attr.disabled, 1)
    t.equal(attr.precise_ip, 2)
    t.equal(attr.exclude_kernel, 1)
    t.equal(attr.inherit, 0)
    attr.precise_ip = 7 -- only two bits stay
    t.equal(attr.precise_ip, 3)
    attr.precise_ip = 0
    attr.disabled = false
    t.equal(attr.disabled, 0)
    t.equal(attr.exclude_kernel, 1)
    t.matches(tostring(attr), "exclude_user = 0,")
    t.matches(tostring(attr), "exclude_kernel = 1,")
  end)

  t.it("of signed types have a sign", function()
    local ctype = ffi.typeof "struct { uint64_t unit; }"
    local accessors = {
      low = { unit = "unit", shift = 0, width = 4, signed = true },
      middle = { unit = "unit", shift = 4, width = 59, signed = true },
      high = { unit = "unit", shift = 63, width = 1, signed = false },
    }
    require("callgate.record").metatype(ctype, "struct", "bits", "{\n  uint64_t unit;\n}", nil, accessors)
    local bits = ctype { low = -3, middle = -5, high = 1 }
    t.equal(bits.low, -3)
    t.equal(bits.middle, -5LL)
    t.equal(bits.high, 1)
    t.equal(bits.unit, 0xffffffffffffffbdULL)
    bits.low = 7
    t.equal(bits.low, 7)
    t.equal(bits.middle, -5LL)
    t.equal(tostring(bits), "bits { low = 7, middle = -5, high = 1 }")
  end)

  t.it("of all 64 bits keep every bit", function()
    local ctype = ffi.typeof "struct { uint64_t unit; }"
    local accessors = { all = { unit = "unit", shift = 0, width = 64, signed = false } }
    require("callgate.record").metatype(ctype, "struct", "bits", "{\n  uint64_t unit;\n}", nil, accessors)
    t.equal(ctype({ all = -1 }).all, 0xffffffffffffffffULL)
    t.equal(ctype({ all = 0x8000000000000001ULL }).all, 0x8000000000000001ULL)
  end)
end)

t.describe("what helps with a record", function()
  t.it("is loaded when it is first wanted, not with a record that has such a member", function()
    local tried = 0
    for name, row in pairs(require("callgate.rows").whole(require "callgate.types.index")) do
      local ctype = row.record and row.module and not package.loaded[row.module] and S.t[name]
      if ctype then -- some are of other machines
        t.equal(package.loaded[row.module], nil)
        t.matches(tostring(ctype()), "%S")
        t.ok(package.loaded[row.module])
        tried = tried + 1
      end
    end
    t.ok(tried > 5)
  end)
end)

t.describe("a record with a flexible array", function()
  t.it("is made with a length, with none, or with what goes into it", function()
    t.equal(#S.t.inotify_event(), 16)
    t.equal(#S.t.inotify_event(8), 24)
    t.equal(S.s.inotify_event, 16)
    local event = S.t.inotify_event { wd = 3, name = "abc" }
    t.equal(event.wd, 3)
    t.equal(ffi.string(event.name), "abc")
    t.equal(#event, 20)
    t.equal(S.t.inotify_event(4, { mask = 2 }).mask, 2)
    t.matches(tostring(event), "^inotify_event { wd = 3, mask = 0, cookie = 0, len = 0")
    event = S.t.inotify_event { 4, 2, 1, 3, "abc" }
    t.equal(event.wd, 4)
    t.equal(ffi.string(event.name), "abc")
  end)

  -- LuaJIT would write the string behind the record, over other objects of Lua.
  t.it("takes nothing as a whole later: its elements are set, within what it was made with", function()
    local event = S.t.inotify_event(4)
    event.name[0] = 97
    t.equal(ffi.string(event.name), "a")
    for _, made in ipairs { event, S.t.inotify_event() } do
      local ok, message = pcall(function() made.name = "abc" end)
      t.ok(not ok)
      t.matches(message, 'inotify_event: field "name" has no room of its own')
      t.ok(not pcall(function() made.name = { 1, 2, 3 } end))
    end
    t.ok(not pcall(S.t.inotify_event, 1, 2, 3, 4, "abc"))
    t.raises('inotify_event: field "name": expected at most 2 elements, got 3', S.t.inotify_event, 2, { name = "abc" })
    t.raises('inotify_event: field "name": expected at most 2 elements, got 3', S.t.inotify_event,
      2, { name = { 1, 2, 3 } })
    t.ok(not pcall(function() S.t.epoll_params().__pad = { 1, 2, 3, 4, 5, 6, 7, 8, 9 } end))
  end)
end)

t.describe("an array of a record's table", function()
  t.it("is zero beyond what the table has, as in C", function()
    local tio = S.t.termios { c_cc = { 3 } }
    t.equal(tio.c_cc[0], 3)
    t.equal(tio.c_cc[1], 0)
    tio = S.t.termios { c_cc = { 3, 4 } }
    t.equal(tio.c_cc[1], 4)
    t.equal(tio.c_cc[2], 0)
    local _, message = pcall(S.t.termios, { c_cc = { "x" } })
    t.matches(message, '^[^\n]+: termios: field "c_cc": element 1: expected a number, got "x"')
  end)
end)

t.describe("S.t.array", function()
  t.it("makes zeroed elements, or each from its own form", function()
    local array = S.t.array("input_id", 3)
    t.equal(ffi.sizeof(array), 24)
    t.equal(array[2].bustype, 0)
    local times = S.t.array("timespec", { 1.5, { 2, 3 } })
    t.equal(times[0].time, 1.5)
    t.equal(tonumber(times[1].tv_nsec), 3)
  end)

  t.it("refuses what is no type or count", function()
    t.raises('S.t.array: no type "input_ids"', S.t.array, "input_ids", 3)
    t.raises("S.t.array: expected a count or a table, got -1", S.t.array, "input_id", -1)
    t.raises("S.t.array: expected a count or a table, got nil", S.t.array, "input_id")
    t.raises("S.t.array: no memory for 4503599627370496 of input_id", S.t.array, "input_id", 2 ^ 52)
    t.raises("S.t.array: element 2: timespec: expected a table of its fields, or their values in C's order, got "
      .. '"x" (string)', S.t.array, "timespec", { 1, "x" })
  end)

  t.it("holds what integers of C are given, or says that they do not", function()
    local numbers = S.t.array("uid_t", { 4294967295, -1, true })
    t.equal(numbers[0], 4294967295)
    t.equal(numbers[1], 4294967295)
    t.equal(numbers[2], 1)
    t.equal(S.t.array("uint64_t", { 0xffffffffffffffffULL })[0], 0xffffffffffffffffULL)
    t.raises("S.t.array: element 2: expected a whole number, got 1.5", S.t.array, "uid_t", { 1, 1.5 })
    t.raises("S.t.array: element 1: expected a number from 0 to 4294967295, got 4294967296", S.t.array, "uid_t",
      { 2 ^ 32 })
    t.raises('S.t.array: element 1: expected a number, got "x" (string)', S.t.array, "uint64_t", { "x" })
  end)
end)

t.describe("S.pt", function()
  t.it("reads a record in a buffer of another type", function()
    local buffer = ffi.new "char[16]"
    ffi.copy(buffer, ffi.new("uint16_t[4]", 3, 0, 1, 2), 8)
    local size = S.pt.input_id(buffer)
    t.equal(size.bustype, 3)
    t.equal(size.version, 2)
  end)
end)

t.describe("every record of every header", function()
  t.it("can be made and shown", function()
    local made = 0
    local constants = require "callgate.constants"
    for number, header in ipairs(constants.headers()) do
      for name in pairs(constants.of(header).records or {}) do
        local value = t.ok(types.record(name), name)()
        t.matches(tostring(value), ".")
        made = made + 1
      end
      if number % 100 == 0 then
        collectgarbage()
      end
    end
    t.ok(made > 1000, made)
  end)

  t.it("survives many collections", function()
    for _ = 1, 20 do
      collectgarbage()
    end
    t.equal(tostring(S.t.timespec(2)), "timespec { tv_sec = 2, tv_nsec = 0 }")
    t.equal(S.t.perf_event_attr({ pinned = 1 }).pinned, 1)
  end)
end)
