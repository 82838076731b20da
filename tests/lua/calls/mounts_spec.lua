local t = ...

local bit = require "bit"
local ffi = require "ffi"
local S = require "callgate"

-- Namespaces in which the child may mount.
local OWN = S.geteuid() == 0 and "newns" or "newuser, newns"

local made = 0

-- A new empty folder.
local function folder()
  made = made + 1
  local path = t.path("mnt-" .. made)
  t.ok(S.mkdir(path))
  return path
end

local function needs(name, errno)
  if not S[name] or errno == S.ENOSYS then
    t.skip(name .. " is not in this kernel")
  end
end

-- The line of /proc/self/mountinfo for a path: number, parent, root, options, further fields, type, source.
local function mounted(path)
  for line in io.lines "/proc/self/mountinfo" do
    local id, parent, root, point, options, rest, kind, source =
      line:match "^(%d+) (%d+) %S+ (%S+) (%S+) (%S+) ?(.-) %- (%S+) (%S+)"
    if point == path then
      return { id = tonumber(id), parent = tonumber(parent), root = root, options = options, fields = rest, type = kind,
        source = source }
    end
  end
end

t.describe("mount", function()
  t.it("mounts, binds, remounts and unmounts by names", function()
    local path, other = folder(), folder()
    t.child(OWN, function()
      t.ok(S.mount("callgate", path, "tmpfs", "nosuid, nodev", "size=64k"))
      local row = t.ok(mounted(path))
      t.equal(row.type, "tmpfs")
      t.equal(row.source, "callgate")
      t.matches(row.options, "nosuid,nodev")
      t.ok(tonumber(t.ok(S.statfs(path)).f_blocks) * tonumber(S.statfs(path).f_bsize) == 65536)
      t.ok(S.mount(path, other, nil, "bind"))
      t.ok(S.mount(nil, other, nil, "remount, bind, ro"))
      t.fails("EROFS", S.mkdir(other .. "/x"))
      t.ok(S.mkdir(path .. "/x"))
      t.ok(S.mount(nil, path, nil, "shared"))
      t.matches(mounted(path).fields, "^shared:%d+$")
      t.ok(S.umount(other, "nofollow"))
      t.equal(mounted(other), nil)
      local busy = t.ok(S.open(path .. "/x", "rdonly, directory"))
      t.fails("EBUSY", S.umount(path))
      t.ok(S.umount2(path, "detach"))
      t.ok(busy:close())
      t.fails("EINVAL", S.umount(path))
      t.fails("ENODEV", S.mount("x", path, "callgatefs"))
      t.fails("ENOENT", S.mount("x", path .. "/none", "tmpfs"))
    end)
    local message = 'mount: argument 4 (flags): unknown name "readonly" for MS_*; did you mean "rdonly"?'
    t.raises(message, S.mount, "x", path, "tmpfs", "readonly")
    t.raises("mount: argument 2 (target): expected a path (a string), got nil", S.mount, "x")
    t.raises('umount: argument 2 (flags): unknown name "detatch" for MNT_*; did you mean "detach"?', S.umount, path,
      "detatch")
  end)

  t.it("changes the root by pivot_root and chroot", function()
    local path = folder()
    t.child(OWN, function()
      t.ok(S.mount("new", path, "tmpfs"))
      t.ok(S.mkdir(path .. "/old"))
      t.ok(S.chdir(path))
      -- What is called behind the new root must be loaded while the library is in sight.
      t.fails("ENOENT", S.stat(path .. "/none"))
      t.ok(S.umount and S.mkdir and S.chroot and S.chdir)
      t.ok(S.pivot_root(".", "old"))
      t.ok(S.stat "/old/proc")
      t.ok(S.umount("/old", "detach"))
      t.fails("ENOENT", S.stat "/old/proc")
      t.ok(S.mkdir "/inner")
      t.ok(S.chroot "/inner")
      t.ok(S.chdir "/")
      t.fails("ENOENT", S.stat "/old")
      t.fails("ENOENT", S.chroot "/none")
    end)
    t.fails("ENOENT", S.pivot_root(path .. "/none", path))
  end)
end)

t.describe("the mount API", function()
  t.it("configures, makes and attaches a file system", function()
    local path = folder()
    t.child(OWN, function()
      local fs, message, errno = S.fsopen "tmpfs"
      if errno == S.ENOSYS then
        needs("fsopen", errno)
      end
      t.ok(fs, message)
      t.matches(tostring(fs), "^fscontext %d+$")
      t.equal(fs:fcntl "getfd", S.FD_CLOEXEC)
      t.ok(fs:set { size = "128k", nr_inodes = 100 })
      t.ok(fs:set("mode", "0711"))
      t.ok(fs:config("set_string", "source", "named"))
      t.ok(fs:create())
      t.fails("EBUSY", fs:config "cmd_create")
      local tree = t.ok(fs:mount("cloexec", "nodev, noexec"))
      t.matches(tostring(tree), "^mount %d+$")
      t.equal(tree:fcntl "getfd", S.FD_CLOEXEC)
      t.ok(tree:attach(path))
      local row = t.ok(mounted(path))
      t.equal(row.source, "named")
      t.matches(row.options, "nodev,noexec")
      t.equal(t.ok(S.stat(path)).perm, 457)
      t.equal(tonumber(S.statfs(path).f_files), 100)
    end)
  end)

  t.it("tells what is wrong with an option", function()
    t.child(OWN, function()
      local fs, message, errno = S.fsopen "tmpfs"
      needs("fsopen", errno)
      t.ok(fs, message)
      t.fails("EINVAL", fs:set("size", "much"))
      local log = t.ok(fs:log())
      t.equal(#log, 1)
      t.matches(log[1], "^e .*size")
      t.same(fs:log(), {})
      t.fails("EINVAL", fs:set { mode = "0700", size = "more" })
      t.fails("EINVAL", fs:set "nonesuch")
      t.fails("EINVAL", fs:config("set_flag", "nonesuch"))
      t.fails("EINVAL", fs:config("set_binary", "nonesuch", "a\0b"))
      t.fails("EINVAL", fs:config("set_path", "nonesuch", "/"))
      t.fails("EINVAL", fs:config("set_path_empty", "nonesuch", "", "stdin"))
      t.fails("EINVAL", fs:config("set_fd", "nonesuch", fs))
      t.fails("EINVAL", fs:set("nonesuch", fs))
      t.fails("ENODEV", S.fsopen "callgatefs")
      local plain = t.ok(S.open "/")
      t.fails("EINVAL", plain:fsconfig("set_flag", "ro"))
      t.raises('fsconfig: argument 2 (operation): unknown name "set_strin" for FSCONFIG_*; did you mean "set_string"?',
        fs.config, fs, "set_strin")
      t.raises("fsconfig: argument 3 (key): expected a string, got nil", fs.config, fs, "set_flag")
      t.raises("fsconfig: argument 4 (value): expected a string, got nil", fs.config, fs, "set_string", "size")
      t.raises("fsconfig: argument 2 (operation): unknown operation 99", fs.config, fs, 99)
      t.raises("fsconfig_set: argument 3 (value): a flag is set or not named; most have a name to clear it", fs.set, fs,
        "ro", false)
    end)
  end)

  t.it("reconfigures a mounted file system", function()
    local path = folder()
    t.child(OWN, function()
      t.ok(S.mount("x", path, "tmpfs"))
      local fs, message, errno = S.fspick(nil, path, "no_automount")
      needs("fspick", errno)
      t.ok(fs, message)
      t.ok(fs:set "ro")
      t.ok(fs:reconfigure())
      t.fails("EROFS", S.mkdir(path .. "/x"))
    end)
  end)

  t.it("copies, changes and moves mounts", function()
    local from, to, further, plain = folder(), folder(), folder(), folder()
    t.child(OWN, function()
      t.ok(S.mount("x", from, "tmpfs"))
      t.ok(S.mkdir(from .. "/inside"))
      local tree, message, errno = S.open_tree(nil, from, "clone")
      needs("open_tree", errno)
      t.ok(tree, message)
      local done, why, number = tree:set { set = "rdonly, nosuid", propagation = "shared" }
      needs("mount_setattr", number)
      t.ok(done, why)
      t.ok(tree:attach(to))
      t.ok(S.stat(to .. "/inside"))
      t.fails("EROFS", S.mkdir(to .. "/x"))
      t.matches(mounted(to).options, "ro,nosuid")
      t.matches(mounted(to).fields, "^shared:")
      t.ok(S.mount_setattr(nil, to, "recursive", { clear = "rdonly", propagation = S.MS_PRIVATE }))
      t.ok(S.mkdir(to .. "/x"))
      t.equal(mounted(to).fields, "")
      t.ok(S.move_mount(nil, to, nil, further))
      t.equal(mounted(to), nil)
      t.ok(mounted(further))
      t.ok(S.move_mount(S.open_tree(nil, further), "", nil, to, "f_empty_path"))
      t.ok(mounted(to))
      t.fails("EINVAL", S.mount_setattr(nil, plain, nil, { set = "rdonly" }))
      t.raises('mount_setattr: argument 4 (attr): unknown name "readonly" for MOUNT_ATTR_*; did you mean "rdonly"?',
        S.mount_setattr, nil, to, nil, { set = "readonly" })
    end)
  end)

  t.it("gives a copy its attributes at once", function()
    local from, to = folder(), folder()
    t.child(OWN, function()
      t.ok(S.mount("x", from, "tmpfs"))
      local tree, message, errno = nil, nil, S.ENOSYS
      if S.open_tree_attr then
        tree, message, errno = S.open_tree_attr(nil, from, "clone, recursive", { set = "rdonly" })
      end
      needs("open_tree_attr", errno)
      t.ok(tree, message)
      t.ok(tree:attach(to:match "[^/]*$", S.open(to:match "^(.*)/", "path")))
      t.fails("EROFS", S.mkdir(to .. "/x"))
    end)
  end)
end)

t.describe("statmount and listmount", function()
  t.it("tell what /proc/self/mountinfo tells", function()
    local path = folder()
    t.child(OWN, function()
      t.ok(S.mount("a source", path, "tmpfs", "nodev", "size=64k"))
      local row = t.ok(mounted(path:gsub(" ", "\\040")))
      local stx = t.ok(S.statx(nil, path, nil, "mnt_id_unique"))
      local id = stx.mnt_id
      local m, message, errno = nil, nil, S.ENOSYS
      if S.statmount then
        m, message, errno = S.statmount(id)
      end
      needs("statmount", errno)
      t.ok(m, message)
      t.equal(m.id, id)
      t.equal(m.old_id, row.id)
      t.equal(m.old_parent, row.parent)
      t.equal(m.point, path)
      t.equal(m.root, "/")
      t.equal(m.type, "tmpfs")
      t.equal(m.propagation, "private")
      t.equal(m.attributes % (2 * S.MOUNT_ATTR_NODEV) >= S.MOUNT_ATTR_NODEV, true)
      t.equal(m.magic, S.TMPFS_MAGIC)
      if m.source then -- Linux 6.13
        t.equal(m.source, "a source")
      end
      if m.option_list then -- Linux 6.13
        t.matches(table.concat(m.option_list, " "), "size=64k")
      end
      t.matches(tostring(m), "point = ")
      local little = t.ok(S.statmount(id, "mnt_point"))
      t.equal(little.point, path)
      t.equal(little.type, nil)
      t.equal(little.id, nil)
      t.equal(little.option_list, nil)

      local found = false
      for _, each in ipairs(t.ok(S.listmount())) do
        found = found or each == id
      end
      t.equal(found, true)
      local inner = path .. "/inner"
      t.ok(S.mkdir(inner))
      t.ok(S.mount("first", inner, "tmpfs"))
      t.ok(S.mkdir(path .. "/second"))
      t.ok(S.mount("second", path .. "/second", "tmpfs"))
      local below = t.ok(S.listmount(id))
      t.equal(#below, 2)
      t.equal(t.ok(S.statmount(below[1])).parent, id)
      t.same(S.listmount { id = id, after = below[1] }, { below[2] })
      local backwards, _, number = S.listmount(id, "reverse")
      if number ~= S.EINVAL then -- Linux 6.13
        t.same(backwards, { below[2], below[1] })
      end
      local fd = t.ok(S.open(path, "rdonly, directory"))
      local of, _, unknown = S.statmount(fd, "mnt_basic")
      if unknown ~= S.EINVAL then -- Linux 7.0
        t.equal(t.ok(of).id, id)
        t.equal(fd:statmount().point, path)
      end
      t.fails("ENOENT", S.statmount(id + 1000000))
      t.fails("EINVAL", S.statmount(1))
    end)
    t.raises('statmount: argument 1 (mount): expected a mount\'s number, a descriptor, or "root", got nil', S.statmount)
  end)

  t.it("list many mounts completely", function()
    local path = folder()
    t.child(OWN, function()
      local list, message, errno = nil, nil, S.ENOSYS
      if S.listmount then
        list, message, errno = S.listmount()
      end
      needs("listmount", errno)
      t.ok(list, message)
      local before = #list
      for _ = 1, 600 do -- more than one call returns
        t.ok(S.mount("x", path, "tmpfs"))
      end
      t.equal(#t.ok(S.listmount()), before + 600)
    end)
  end)
end)

t.describe("namespaces", function()
  t.it("are left by name and entered by descriptor", function()
    t.child(nil, function()
      local before = t.ok(S.readlink "/proc/self/ns/uts")
      local old = t.ok(S.open("/proc/self/ns/uts", "rdonly"))
      local done, message, errno = S.unshare(S.geteuid() == 0 and "uts" or "user, uts")
      if errno == S.EPERM then
        t.skip "unshare is not allowed here"
      end
      t.ok(done, message)
      t.ok(S.readlink "/proc/self/ns/uts" ~= before)
      t.ok(S.sethostname "callgate")
      if S.geteuid() == 0 then
        t.fails("EINVAL", S.setns(old, "newnet"))
        t.ok(old:setns "newuts")
        t.equal(S.readlink "/proc/self/ns/uts", before)
      end
      t.ok(S.uname().nodename ~= "callgate" or S.geteuid() ~= 0)
    end)
    t.fails("EBADF", S.setns(1000))
    t.raises('unshare: argument 1 (flags): unknown name "newusr" for CLONE_*; did you mean "newuser"?', S.unshare,
      "newusr")
  end)

  t.it("are listed", function()
    local list, message, errno = nil, nil, S.ENOSYS
    if S.listns then
      list, message, errno = S.listns "user"
    end
    needs("listns", errno)
    t.ok(list, message)
    t.ok(#list >= 1)
    t.ok(#list <= #t.ok(S.listns()))
  end)
end)

t.describe("swapping, accounting and quotas", function()
  t.it("refuse what is no swap area", function()
    local path = t.write("no-swap", ("\0"):rep(65536))
    local _, _, errno = S.swapon(path, "discard, prefer, 5")
    t.ok(errno == S.EINVAL or errno == S.EPERM or errno == S.ENOSYS)
    _, _, errno = S.swapoff(path)
    t.ok(errno == S.EINVAL or errno == S.EPERM or errno == S.ENOSYS)
    local unknown = 'swapon: argument 2 (flags): unknown name "perfer" for SWAP_FLAG_*; did you mean "prefer"?'
    t.raises(unknown, S.swapon, path, "perfer")
  end)

  t.it("account for the processes of a namespace", function()
    local path = t.write("accounts", "")
    t.child("newns, newpid", function()
      local pid = t.ok(S.fork()) -- the first process of the namespace
      if pid == 0 then
        local ok, _, errno = S.acct(path)
        if not ok then
          S._exit((errno == S.ENOSYS or errno == S.EPERM) and 2 or 1)
        end
        local inner = S.fork()
        if inner == 0 then
          S._exit(7)
        end
        S.waitpid(inner)
        S._exit(S.acct() and 0 or 1)
      end
      local _, status = t.ok(S.waitpid(pid))
      if status.exitstatus == 2 then
        t.skip "accounting is not allowed here"
      end
      t.equal(status.exitstatus, 0)
      local record = S.t.acct_v3()
      t.equal(t.ok(S.open(path)):read(record, #record), 64)
      -- In the kernel's byte order, which ac_version tells (linux/acct.h: ACCT_BYTEORDER): under qemu-user another
      -- than this program's.
      local foreign = (record.ac_version >= 128) ~= ffi.abi "be"
      t.equal(foreign and bit.bswap(record.ac_exitcode) or record.ac_exitcode, 7 * 256)
    end)
    t.equal(S.errname(select(3, S.acct(t.path "none"))), S.geteuid() == 0 and "ENOENT" or "EPERM")
  end)

  t.it("of quotas are typed by their operation", function()
    t.equal(select(2, S.quotactl "sync") == nil or select(3, S.quotactl "sync") == S.ENOSYS, true)
    local path = t.path "no-device"
    local value, _, errno = S.quotactl("getquota", "usr", path, 0)
    t.equal(value, nil)
    t.ok(errno == S.ENOENT or errno == S.ENOSYS)
    local fd = t.ok(S.open("/proc", "rdonly, directory"))
    local _, _, number = fd:quotactl("getfmt", "grp")
    t.ok(number == S.ESRCH or number == S.ENOSYS or number == S.EPERM)
    local quota = S.t.if_dqblk { bhardlimit = 1000, valid = "blimits" }
    t.equal(quota.bhardlimit, 1000)
    t.equal(quota.valid, S.QIF_BLIMITS)
    t.raises('quotactl: argument 1 (operation): unknown name "getquot" for Q_*; did you mean "getquota"?', S.quotactl,
      "getquot")
    local missing = "quotactl_fd: argument 5 (value): expected a path (a string), got nil"
    t.raises(missing, S.quotactl_fd, fd, "quotaon", "usr", "vfs_v1")
  end)

  t.it("limit what a user may write", function()
    local path = folder()
    t.child("newns", function()
      local ok, message, errno = S.mount("x", path, "tmpfs", nil, "usrquota")
      if errno == S.EINVAL or errno == S.EPERM then
        t.skip "the kernel has no quotas of tmpfs"
      end
      t.ok(ok, message)
      local fd = t.ok(S.open(path, "rdonly, directory"))
      t.ok(fd:quotactl("setquota", "usr", 0, { ihardlimit = 3, valid = "ilimits" }))
      local quota = t.ok(fd:quotactl("getquota", "usr", 0))
      t.equal(quota.ihardlimit, 3)
      t.equal(quota.curinodes, 1)
      t.equal(fd:quotactl("getinfo", "usr").igrace, 604800) -- a week: linux/quota.h, MAX_IQ_TIME
      t.equal(t.ok(fd:quotactl("getnextquota", "usr", 0)).id, 0)
      t.ok(fd:quotactl("sync", "usr"))
      t.ok(S.mkdir(path .. "/a"))
    end)
  end)
end)
