local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- What the command returned, or a skip with the reason why there is no bpf here.
local function need(value, message, errno, ...)
  if value == nil and (errno == S.ENOSYS or errno == S.EPERM or errno == S.EACCES and S.geteuid() ~= 0) then
    t.skip("no bpf here: " .. message)
  end
  return t.ok(value, (message or "") .. "\n" .. tostring((...)))
end

local function map_of(kind, key_size, value_size, max_entries, more)
  if not S.bpf then
    t.skip "the machine has no bpf"
  end
  local given = { map_type = kind, key_size = key_size, value_size = value_size, max_entries = max_entries }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return need(S.bpf("map_create", given))
end

t.describe("bpf_insn", function()
  t.it("takes instructions by their names", function()
    local insn = S.t.bpf_insn { "mov64", dst = 0, imm = 1 }
    t.equal(insn.code, S.BPF_ALU64 + S.BPF_MOV + S.BPF_K)
    t.equal(insn.dst, 0)
    t.equal(insn.imm, 1)
    t.equal(S.t.bpf_insn({ "mov64", dst = 1, src = "r2" }).code, S.BPF_ALU64 + S.BPF_MOV + S.BPF_X)
    insn = S.t.bpf_insn { "jne32", dst = "r3", imm = 0xffffffff, off = -2 }
    t.equal(insn.code, S.BPF_JMP32 + S.BPF_JNE + S.BPF_K)
    t.equal(insn.dst, 3)
    t.equal(insn.imm, -1)
    t.equal(insn.off, -2)
    t.equal(S.t.bpf_insn({ "ldx_dw", dst = 0, src = 10, off = -8 }).code, S.BPF_LDX + S.BPF_MEM + S.BPF_DW)
    t.equal(S.t.bpf_insn({ "st_b", dst = 10, off = -1, imm = 5 }).code, S.BPF_ST + S.BPF_MEM + S.BPF_B)
    t.equal(S.t.bpf_insn({ "call", imm = "map_lookup_elem" }).imm, S.BPF_FUNC_map_lookup_elem)
    t.equal(S.t.bpf_insn({ "atomic_dw", dst = 0, src = 1, imm = "add, fetch" }).imm, S.BPF_ADD + S.BPF_FETCH)
    t.equal(S.t.bpf_insn({ "be16", dst = 1 }).imm, 16)
    t.equal(S.t.bpf_insn({ code = 0x95 }).code, S.t.bpf_insn({ "exit" }).code)
    t.equal(ffi.sizeof(S.t.bpf_insn), 8)
  end)

  t.it("shows them as what makes them", function()
    for _, text in ipairs {
      '"mov64_imm", dst = 0, imm = 0', '"add32_reg", dst = 1, src = 2', '"exit"', '"call", imm = 5',
      '"jeq_imm", dst = 1, off = 3, imm = 7', '"jsgt32_reg", dst = 1, src = 4, off = -3', '"ja", off = 2',
      '"ldx_w", dst = 0, src = 1, off = 4', '"stx_dw", dst = 10, src = 1, off = -8', '"be32", dst = 1, imm = 32',
      '"ld_abs_b", imm = 9', '"ld_imm64", dst = 2, imm = 6',
    } do
      local row = loadstring("return { " .. text .. " }")()
      t.equal(tostring(S.t.bpf_insn(row)), "bpf_insn { " .. text .. " }")
    end
  end)

  t.it("says what is misused", function()
    t.raises('bpf_insn: unknown instruction "mov64_im"; did you mean "mov64_imm"?', S.t.bpf_insn, { "mov64_im" })
    t.raises("bpf_insn: dst: expected a register from 0 to 10, got 11", S.t.bpf_insn, { "mov64", dst = 11 })
    t.raises('bpf_insn has no field "target"', S.t.bpf_insn, { "ja", target = 1 })
    t.raises('bpf_insn: unknown instruction "mov46"; did you mean "mov64"?', S.t.bpf_insn, { "mov46", dst = 0 })
    t.raises("bpf_insn: unknown operand 2; they have names: dst, src, off and imm", S.t.bpf_insn, { "mov64", 0, 1 })
    t.raises('bpf_insn: imm: unknown name "ad"; there are add, or, and, xor, fetch, xchg, cmpxchg', S.t.bpf_insn,
      { "atomic_w", dst = 0, src = 1, imm = "ad" })
  end)

  t.it("refuses what would be cut down", function()
    local function raises(what, row)
      t.raises("bpf_insn: " .. what, S.t.bpf_insn, row)
    end
    raises("imm: expected a number of 32 bits, got 1099511627776", { "mov64", dst = 0, imm = 2 ^ 40 })
    raises("imm: expected a number of 32 bits, got 4294967296", { "mov64", dst = 0, imm = 2 ^ 32 })
    raises("imm: expected a number of 32 bits, got -2147483649", { "mov64", dst = 0, imm = -2 ^ 31 - 1 })
    raises("argument 1 (imm): expected an integer (a number, or int64_t beyond 2^53), got nan",
      { "mov64", dst = 0, imm = 0 / 0 })
    raises("off: expected a whole number from -32768 to 32767, got 40000", { "ja", off = 40000 })
    raises("off: expected a whole number from -32768 to 32767, got 1.5", { "ja", off = 1.5 })
    raises("dst: expected a register from 0 to 10, got 20", { "mov64", dst_reg = 20, imm = 0 })
    raises("code: expected a whole number from 0 to 255, got 300", { code = 300 })
    t.equal(S.t.bpf_insn({ "mov64", dst = 0, imm = 2 ^ 32 - 1 }).imm, -1)
    t.equal(S.t.bpf_insn({ "mov64", dst = 0, imm = -2 ^ 31 }).imm, -2 ^ 31)
    t.equal(S.t.bpf_insn({ "ja", off = -32768 }).off, -32768)
    if S.bpf then
      t.raises("bpf: argument 2 (insns[2]): expected an instruction, got nil", S.bpf, "prog_load",
        { prog_type = "socket_filter", license = "GPL", insns = { { "mov64", dst = 0, imm = 0 }, nil, { "exit" } } })
    end
  end)
end)

t.describe("maps", function()
  t.it("keep values by keys: numbers, strings and buffers", function()
    local map = map_of("hash", 4, 8, 3)
    t.matches(tostring(map), "^bpf_map %d+$")
    t.equal(map:fcntl "getfd", S.FD_CLOEXEC)
    t.equal(S.bpf("map_update_elem", map, 1, 0x1122334455667788ULL), true)
    t.equal(map:update(2, "8 bytes."), true)
    t.equal(map:update(ffi.new("uint32_t[1]", 3), ffi.new("uint64_t[1]", 33)), true)
    t.fails("E2BIG", map:update(4, 4))
    t.fails("EEXIST", map:update(2, 2, "noexist"))
    t.fails("ENOENT", map:update(5, 5, "exist"))
    t.equal(S.bpf("map_lookup_elem", map, 1, "uint64"), 0x1122334455667788ULL)
    t.equal(map:lookup(2), "8 bytes.")
    t.equal(map:lookup(3, "uint64"), 33)
    local buffer = ffi.new "uint64_t[1]"
    t.equal(map:lookup(3, buffer), buffer)
    t.equal(buffer[0], 33ULL)
    t.equal(S.bpf("map_lookup_elem", { map_fd = map.fd, key = 3, value = "uint64" }), 33)
    t.fails("ENOENT", map:lookup(9))
    local keys = {}
    for key in map:keys "uint" do
      keys[#keys + 1] = key
    end
    table.sort(keys)
    t.same(keys, { 1, 2, 3 })
    local first = t.ok(map:next_key(nil, "uint"))
    t.ok(map:next_key(first))
    t.equal(map:delete(2), true)
    t.fails("ENOENT", map:delete(2))
    t.fails("ENOENT", map:lookup(2))
    local took, _, errno = S.bpf("map_lookup_and_delete_elem", map, 3, "uint64")
    t.ok(took == 33 or errno == S.EOPNOTSUPP or errno == S.EINVAL) -- of hash maps from Linux 5.14 on
  end)

  t.it("say what they are", function()
    local map = map_of("array", 4, 16, 5, { map_name = "callgate" })
    local info = t.ok(map:info())
    t.equal(info.type, S.BPF_MAP_TYPE_ARRAY)
    t.equal(info.value_size, 16)
    t.equal(info.max_entries, 5)
    t.equal(ffi.string(info.name), "callgate")
    t.equal(ffi.istype(S.t.bpf_map_info, S.bpf("obj_get_info_by_fd", map, "bpf_map_info")), true)
    local again, message, errno = S.bpf("map_get_fd_by_id", info.id)
    if not again and errno == S.EPERM then
      t.skip("objects of others are not for everybody: " .. message)
    end
    t.equal(again:info().id, info.id)
    t.equal(map:update(4, S.t.timespec(5, 7)), true)
    t.equal(#again:lookup(4), 16)
    t.equal(tostring(again:lookup(4, "timespec")), "timespec { tv_sec = 5, tv_nsec = 7 }")
    local ts = S.t.timespec()
    t.equal(again:lookup(4, ts), ts)
    t.equal(tonumber(ts.tv_nsec), 7)
    local id = t.ok(S.bpf("map_get_next_id", info.id - 1))
    t.equal(id, info.id)
    t.equal(map:fcntl "getfl" % 4, S.O_RDWR)
  end)

  t.it("with a value for each processor give them all", function()
    if not S.stat "/sys/devices/system/cpu/possible" then
      t.skip "/sys is not mounted"
    end
    local map = map_of("percpu_array", 4, 4, 1)
    local values = t.ok(map:lookup(0))
    t.equal(#values % 8, 0)
    t.ok(#values >= 8)
    t.equal(values, ("\0"):rep(#values))
    t.raises(("bpf: argument 2 (value): expected a buffer of %d bytes, a type's name or nil, got %s"):format(#values,
      "unsigned int [1] (cdata)"), function()
      local ok, message = pcall(map.lookup, map, 0, ffi.new "uint32_t[1]")
      error((ok and "none" or message):gsub("cdata<(.-)>: 0x%x+", "%1"), 0)
    end)
  end)

  t.it("without keys take none", function()
    local queue = map_of("queue", 0, 4, 2)
    t.equal(queue:update(nil, 7), true)
    t.equal(S.bpf("map_lookup_elem", queue, nil, "uint"), 7)
  end)

  t.it("are pinned and found again", function()
    local map = map_of("array", 4, 4, 1)
    t.child("newns", function()
      local folder = t.path "bpffs"
      t.ok(S.mkdir(folder))
      local mounted, message = S.mount("bpf", folder, "bpf")
      if not mounted then
        t.skip("no file system for bpf here: " .. message)
      end
      t.ok(map:update(0, 77))
      t.equal(map:pin(folder .. "/map"), true)
      t.fails("EEXIST", map:pin(folder .. "/map"))
      local again = t.ok(S.bpf("obj_get", folder .. "/map"))
      t.matches(tostring(again), "^bpf_map %d+$")
      t.equal(again:lookup(0, "uint"), 77)
      t.fails("ENOENT", S.bpf("obj_get", { pathname = folder .. "/none" }))
    end)
  end)

  t.it("say what is misused", function()
    t.raises('bpf: argument 1 (command): unknown name "map_creat" for BPF_*; did you mean "map_create"?', S.bpf,
      "map_creat", {})
    t.raises('bpf: argument 2 (map_type): unknown name "hsh" for BPF_MAP_TYPE_*; did you mean "hash"?', S.bpf,
      "map_create", { map_type = "hsh" })
    t.raises('bpf: argument 2 (map_fd): expected a descriptor, its number, or "stdin", "stdout" or "stderr", got nil',
      S.bpf, "map_freeze", {})
    t.raises('bpf: argument 2 (attr): bpf_attr has no field "key_siz"; did you mean "key_size"?', S.bpf, "map_create",
      { map_type = "hash", key_siz = 4 })
    t.raises('bpf: argument 2 (attr): no member "prog"; did you mean "prog_fd"?', S.bpf, "link_create",
      { prog_fd = 1, prog = 1 })
    t.raises('bpf: argument 2 (attr): bpf_attr has no field "map_typ"; did you mean "map_type"?', S.bpf, "map_create",
      { map_typ = "hash" })
    local map = map_of("hash", 4, 16, 3)
    t.raises("bpf: argument 2 (key): expected 4 bytes, got 3", map.lookup, map, "abc")
    t.raises("bpf: argument 2 (key): 4294967296 does not fit into 4 bytes", map.lookup, map, 2 ^ 32)
    t.raises("bpf: argument 2 (value): a number makes none of 16 bytes; give a string or a buffer", map.update, map, 1,
      1)
    t.raises("bpf: argument 2 (key): expected a number, a string or a buffer, got nil", map.update, map, nil,
      ("x"):rep(16))
    t.raises("bpf: argument 2 (value): expected a number, a string or a buffer, got nil", map.update, map, 1)
    t.raises("bpf: argument 2 (key): expected a number, a string or a buffer, got nil", map.lookup, map)
    t.raises("bpf: argument 2 (key): expected a number, a string or a buffer, got nil", map.delete, map)
    t.fails("EBADFD", S.bpf("map_lookup_elem", 1000, 1)) -- of whoever is asked how long the key is
    t.fails("EBADF", S.bpf("map_freeze", 1000))
  end)
end)

t.describe("programs", function()
  -- r0 = bytes of the packet to keep
  local KEEP = 3

  local function load_filter(insns, more)
    local given = { prog_type = "socket_filter", insns = insns, license = "GPL" }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    if not S.bpf then
      t.skip "the machine has no bpf"
    end
    return S.bpf("prog_load", given)
  end

  t.it("filter what a socket receives", function()
    local prog = need(load_filter({ { "mov64", dst = 0, imm = KEEP }, { "exit" } }, { prog_name = "keep" }))
    t.matches(tostring(prog), "^bpf_prog %d+$")
    local a, b = t.ok(S.socketpair("unix", "dgram"))
    t.equal(b:setsockopt("socket", "attach_bpf", prog), true)
    t.ok(a:send "a message")
    t.equal(b:recv(nil, 100), "a m")
    t.ok(b:setsockopt("socket", "detach_bpf", 0))
    t.ok(a:send "a message")
    t.equal(b:recv(nil, 100), "a message")
    local info = t.ok(prog:info())
    t.equal(info.type, S.BPF_PROG_TYPE_SOCKET_FILTER)
    t.equal(ffi.string(info.name), "keep")
    t.equal(info.xlated_prog_len, 16)
  end)

  t.it("count in a map what they see", function()
    local map = map_of("array", 4, 8, 2)
    local prog = need(load_filter {
      { "st_w", dst = 10, off = -4, imm = 1 }, -- the key, on the stack
      { "mov64", dst = 2, src = 10 },
      { "add64", dst = 2, imm = -4 },
      { "ld_map_fd", dst = 1, imm = map },
      { "call", imm = "map_lookup_elem" },
      { "jeq", dst = 0, imm = 0, off = 2 },
      { "mov64", dst = 1, imm = 1 },
      { "atomic_dw", dst = 0, src = 1, imm = "add" },
      { "mov64", dst = 0, imm = -1 },
      { "exit" },
    })
    local a, b = t.ok(S.socketpair("unix", "dgram"))
    t.ok(b:setsockopt("socket", "attach_bpf", prog))
    for _ = 1, 3 do
      t.ok(a:send "counted")
    end
    t.equal(b:recv(nil, 100), "counted")
    t.equal(map:lookup(1, "uint64"), 3)
    t.equal(map:lookup(0, "uint64"), 0)
  end)

  t.it("run on what they are given", function()
    local prog = need(load_filter { { "ld_imm64", dst = 0, imm = 0x100000007ULL }, { "exit" } })
    local retval, message, errno = S.bpf("prog_test_run", { prog_fd = prog, data_in = ("x"):rep(64) })
    if not retval and (errno == S.EOPNOTSUPP or errno == S.ENOTSUPP or errno == 524) then
      t.skip("programs of this type are not run for a test here: " .. message)
    end
    t.equal(retval, 7)
  end)

  t.it("that are refused come with what the verifier says", function()
    local prog, message, errno, log = load_filter { { "mov64", dst = 0, src = 5 }, { "exit" } }
    if errno == S.ENOSYS or errno == S.EPERM then
      t.skip("no bpf here: " .. message)
    end
    t.fails("EACCES", prog, message, errno)
    t.matches(log, "R5 !read_ok")
    local _, _, _, none = load_filter({ { "mov64", dst = 0, src = 5 }, { "exit" } }, { log_level = 0 })
    t.equal(none, nil)
    local buffer = ffi.new "char[4096]"
    t.ok(load_filter({ { "mov64", dst = 0, imm = 0 }, { "exit" } },
      { log_level = 1, log_buf = buffer, log_size = 4096 }))
    t.matches(ffi.string(buffer), "processed 2 insns")
  end)
end)

t.describe("commands", function()
  t.it("take a bpf_attr of the caller's making", function()
    if not S.bpf then
      t.skip "the machine has no bpf"
    end
    local attr = S.t.bpf_attr { map_type = S.BPF_MAP_TYPE_ARRAY, key_size = 4, value_size = 4, max_entries = 2 }
    local map = S.t.fd(need(S.bpf(S.BPF_MAP_CREATE, attr)))
    t.equal(S.bpf("map_update_elem", map, 1, 5), true)
    t.equal(S.bpf("map_lookup_elem", map, 1, "uint"), 5)
    local batch, values = S.t.bpf_attr(), ffi.new "uint32_t[2]"
    local keys, at = ffi.new "uint32_t[2]", ffi.new "uint32_t[1]"
    batch.batch.map_fd, batch.batch.count = map.fd, 1
    batch.batch.keys = ffi.cast("uintptr_t", ffi.cast("void *", keys))
    batch.batch.values = ffi.cast("uintptr_t", ffi.cast("void *", values))
    batch.batch.out_batch = ffi.cast("uintptr_t", ffi.cast("void *", at))
    local done, message, errno = S.bpf(S.BPF_MAP_LOOKUP_BATCH, batch)
    if not done and errno == S.EINVAL then
      t.skip("an older kernel without batches: " .. message) -- before Linux 5.6
    end
    t.equal(done, 0)
    t.equal(batch.batch.count, 1)
    t.equal(keys[0] + values[0], 0)
    t.raises("bpf: argument 1 (command): expected a command of bpf, or a bpf_attr with it, got 24", S.bpf,
      S.BPF_MAP_LOOKUP_BATCH, {})
  end)

  t.it("name members that bpf_attr has", function()
    local members = require "callgate.behaviour.members"
    local count = 0
    for name, text in pairs(require "callgate.operations.bpf") do
      local row = members.read(text)
      t.ok(S[name], name)
      local target = S.t.bpf_attr()
      target = row.of and target[row.of] or target
      for _, part in ipairs(row.parts) do
        t.ok(pcall(function() return target[part.name] end), name .. ": " .. part.name)
        count = count + 1
      end
    end
    t.ok(count > 60)
  end)
end)
