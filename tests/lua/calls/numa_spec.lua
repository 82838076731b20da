local t = ...

local ffi = require "ffi"
local S = require "callgate"

local PAGE = 4096

local function need()
  local mode, message, errno = S.get_mempolicy()
  if errno == S.ENOSYS then
    t.skip "the kernel is made without NUMA"
  end
  return t.ok(mode, message)
end

t.describe("memory policies", function()
  t.it("are set and told by thread", function()
    need()
    t.child(nil, function()
      t.equal(S.set_mempolicy("bind", { 0 }), true)
      local mode, nodes = t.ok(S.get_mempolicy())
      t.equal(mode, S.MPOL_BIND)
      t.same(nodes, { 0 })
      t.equal(S.set_mempolicy("preferred, f_static_nodes", 0), true)
      mode, nodes = S.get_mempolicy()
      t.equal(mode, S.MPOL_PREFERRED + S.MPOL_F_STATIC_NODES)
      t.same(nodes, { 0 })
      t.equal(S.set_mempolicy("interleave", "0"), true)
      t.equal(S.get_mempolicy(nil, "node"), 0)
      t.equal(S.set_mempolicy "default", true)
      mode, nodes = S.get_mempolicy()
      t.equal(mode, 0)
      t.same(nodes, {})
      local allowed = select(2, t.ok(S.get_mempolicy(nil, "mems_allowed")))
      t.equal(allowed[1], 0)
    end)
    t.fails("EINVAL", S.set_mempolicy("bind", {}))
    t.fails("EINVAL", S.set_mempolicy("default", { 0 }))
    t.raises("set_mempolicy: argument 2 (nodes): expected a node from 0 to 1023, got 1024", S.set_mempolicy,
      "bind", 1024)
    t.raises('set_mempolicy: argument 1 (mode): unknown name "bnid" for MPOL_*; did you mean "bind"?', S.set_mempolicy,
      "bnid")
  end)

  t.it("are set and told by memory", function()
    need()
    local region = t.ok(S.mmap(nil, 4 * PAGE, "read, write", "private, anonymous"))
    region[0] = 1
    t.equal(S.mbind(region, #region, "bind", { 0 }, "strict, move"), true)
    local mode, nodes = t.ok(S.get_mempolicy(region))
    t.equal(mode, S.MPOL_BIND)
    t.same(nodes, { 0 })
    t.equal(S.get_mempolicy(region, "node"), 0)
    local home, message, errno = S.set_mempolicy_home_node(region, #region, 0)
    if errno ~= S.ENOSYS then -- Linux 5.17
      t.ok(home, message)
      t.fails("EINVAL", S.set_mempolicy_home_node(region, #region, 0, 1))
    end
    t.equal(S.mbind(region, #region, "default"), true)
    t.equal(S.get_mempolicy(region), 0)
    t.fails("EINVAL", S.mbind(ffi.cast("char *", region.addr) + 1, PAGE, "bind", { 0 }))
    t.fails("EFAULT", S.get_mempolicy(8))
  end)
end)

t.describe("pages", function()
  t.it("are moved to nodes, and found on them", function()
    need()
    local region = t.ok(S.mmap(nil, 3 * PAGE, "read, write", "private, anonymous"))
    region[0], region[PAGE] = 1, 1
    local first = ffi.cast("char *", region.addr)
    local status = t.ok(S.move_pages(0, { first, first + PAGE, first + 2 * PAGE }))
    t.equal(status[1], 0)
    t.equal(status[2], 0)
    t.equal(status[3], -S.ENOENT) -- never touched
    t.equal(t.ok(S.move_pages(0, { first }, { 0 }, "move"))[1], 0)
    t.fails("ENODEV", S.move_pages(0, { first }, { 1023 }, "move"))
    t.fails("ESRCH", S.move_pages(2147483647, { first }))
    t.equal(S.migrate_pages(0, { 0 }, { 0 }), 0)
    t.fails("ESRCH", S.migrate_pages(2147483647, { 0 }, { 0 }))
    t.raises("move_pages: argument 3 (nodes): expected a table of 1 nodes, got 0", S.move_pages, 0, { first }, 0)
  end)
end)
