local t = ...

local ffi = require "ffi"
local S = require "callgate"

local function sh(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("\n$", ""))
end

t.describe("stat", function()
  t.it("agrees with stat(1) in every field", function()
    local path = t.write("stat", ("x"):rep(1234))
    S.chmod(path, "4751")
    S.utimens(path, { 1.25, 1500000000.5 })
    local st = t.ok(S.stat(path))
    t.equal(st.atime, 1.25)
    t.equal(st.mtime, 1500000000.5)
    local text = ("%d:%d:%x:%d:%d:%d:%d:%d:%d:%d:%d"):format(
      st.dev, st.ino, st.mode, st.nlink, st.uid, st.gid, st.size, st.blksize, st.blocks, st.atime, st.mtime
    )
    t.equal(text, sh("stat -c '%d:%i:%f:%h:%u:%g:%s:%o:%b:%X:%Y' " .. path))
    t.equal(st.isreg, true)
    t.equal(st.isdir, false)
    t.equal(st.type, "file")
    t.equal(st.perm, tonumber("4751", 8))
    t.equal(ffi.sizeof(st.st_size), 8)
  end)

  t.it("knows devices, links and directories", function()
    local null = t.ok(S.stat "/dev/null")
    t.equal(null.ischr, true)
    local extended = t.ok(S.statx(nil, "/dev/null"))
    t.equal(("%d:%d"):format(extended.stx_rdev_major, extended.stx_rdev_minor), "1:3")
    t.ok(S.symlink("/dev/null", t.path "link"))
    t.equal(S.stat(t.path "link").ischr, true)
    t.equal(S.lstat(t.path "link").islnk, true)
    t.equal(S.lstat(t.path "link").type, "link")
    t.equal(S.stat("/").isdir, true)
    t.equal(S.fstatat(nil, t.path "link", "symlink_nofollow").islnk, true)
    t.equal(S.fstat("stdin") ~= nil, true)
  end)

  t.it("fills in what it is given, and fails as a triple", function()
    local st = S.t.stat()
    t.ok(rawequal(S.stat("/", st), st))
    t.equal(st.isdir, true)
    t.fails("ENOENT", S.stat(t.path "none"))
    t.fails("ENOENT", S.stat(t.path "none", st))
    t.raises("stat: argument 2 (st): expected a stat to fill in, got 5", S.stat, "/", 5)
    local _, message = pcall(function()
      return st.siez
    end)
    t.matches(message, 'no field "siez"; did you mean "size"')
  end)

  t.it("statx has the birth time and agrees with stat", function()
    local path = t.write("statx", "abc")
    local st, sx = t.ok(S.stat(path)), t.ok(S.statx(nil, path))
    for _, field in ipairs { "ino", "mode", "nlink", "uid", "gid", "size", "blocks", "mtime", "isreg", "type" } do
      t.equal(sx[field], st[field])
    end
    t.ok(S.statx(nil, path, nil, "btime").btime >= 0)
    local fd = t.ok(S.open(path))
    t.equal(S.statx(fd, "", "empty_path").size, 3)
  end)

  t.it("statfs describes the file system", function()
    local st = t.ok(S.statfs "/")
    t.equal(tostring(tonumber(st.f_bsize)), sh "stat -f -c %s /")
    t.equal(S.fstatfs(t.ok(S.open "/")).f_type, st.f_type)
  end)
end)

t.describe("names", function()
  t.it("are made, renamed, linked and removed", function()
    local d = t.path "dir"
    t.equal(S.mkdir(d, "0700"), true)
    t.fails("EEXIST", S.mkdir(d))
    local dir = t.ok(S.open(d, "directory"))
    t.ok(S.openat(dir, "a", "creat, wronly", "0600"))
    t.equal(S.rename(d .. "/a", d .. "/b"), true)
    t.equal(S.link(d .. "/b", d .. "/c"), true)
    t.equal(S.stat(d .. "/c").nlink, 2)
    t.equal(dir:linkat("b", dir, "d"), true)
    t.equal(S.symlinkat("target", dir, "s"), true)
    t.equal(dir:readlinkat "s", "target")
    t.equal(S.readlink(d .. "/s"), "target")
    local buffer = ffi.new "char[3]"
    t.equal(S.readlink(d .. "/s", buffer), 3)
    t.equal(ffi.string(buffer, 3), "tar")
    t.fails("EINVAL", S.readlink(d .. "/b"))
    t.fails("EEXIST", dir:renameat2("b", dir, "c", "noreplace"))
    t.equal(dir:renameat2("b", dir, "s", "exchange"), true)
    t.equal(dir:readlinkat "b", "target")
    t.equal(dir:renameat("b", dir, "e"), true)
    t.equal(S.unlink(d .. "/s"), true)
    t.fails("ENOENT", S.unlink(d .. "/s"))
    t.fails("ENOTEMPTY", S.rmdir(d))
    t.equal(dir:mkdirat("sub", "0755"), true)
    t.fails("EISDIR", dir:unlinkat "sub")
    t.equal(dir:unlinkat("sub", "removedir"), true)
    for _, name in ipairs { "c", "d", "e" } do
      t.equal(dir:unlinkat(name), true)
    end
    t.equal(S.rmdir(d), true)
  end)

  t.it("can be pipes and devices", function()
    local path = t.path "fifo"
    t.equal(S.mknod(path, S.S_IFIFO + 384), true)
    t.equal(S.stat(path).isfifo, true)
    t.equal(S.mknodat(nil, path .. "2", "fifo, rusr, wusr"), true)
    t.equal(S.stat(path .. "2").perm, 384)
  end)
end)

t.describe("permissions, owners and times", function()
  t.it("are set by path, by descriptor, and relative to a directory", function()
    local path = t.write("perm", "")
    local fd = t.ok(S.open(path))
    t.equal(S.chmod(path, "0600"), true)
    t.equal(fd:stat().perm, 384)
    t.equal(fd:chmod "u=rwx,g=rx", true)
    t.equal(fd:stat().perm, tonumber("750", 8))
    t.equal(S.fchmodat(nil, path, "0644"), true)
    t.equal(fd:stat().perm, tonumber("644", 8))
    t.raises('chmod: argument 2 (mode): expected a mode such as "0644", "u=rw,g=r" or 420, got "9" (string)',
      S.chmod, path, "9")
    t.equal(S.chown(path, S.getuid(), S.getgid()), true)
    t.equal(fd:chown(-1, -1), true)
    t.equal(S.lchown(path), true)
    t.equal(S.fchownat(nil, path, -1, -1, "symlink_nofollow"), true)
    t.equal(S.access(path, "r, w"), true)
    t.equal(S.access(path), true)
    t.fails("ENOENT", S.access(t.path "none", "rw"))
    t.equal(S.faccessat(nil, path, "r"), true)
    t.ok(S.faccessat(nil, path, "r", "eaccess"))
    t.equal(fd:utimens { 10, 20.5 }, true)
    t.equal(fd:stat().mtime, 20.5)
    t.equal(S.utimensat(nil, path, { "omit", 30 }, "symlink_nofollow"), true)
    t.equal(fd:stat().atime, 10)
    t.equal(fd:stat().mtime, 30)
    t.equal(S.utimensat(nil, path, { -5.5, -100 }), true)
    t.equal(fd:stat().atime, -5.5) -- before 1970
    t.equal(S.stat(path).mtime, -100)
    t.equal(fd:utimens(), true)
    t.ok(math.abs(fd:stat().mtime - os.time()) < 5)
  end)

  t.it("umask returns the old mask", function()
    local old = S.umask "0077"
    t.equal(S.umask(old), 63)
  end)
end)

t.describe("directories", function()
  local function fill(count)
    local path = t.path("many" .. count)
    t.ok(S.mkdir(path))
    for i = 1, count do
      t.ok(S.symlink("x", ("%s/entry-%05d"):format(path, i)))
    end
    return path
  end

  t.it("are iterated whole by path, through several system calls", function()
    local path = fill(1500)
    local seen, kinds = {}, {}
    for name, entry in t.ok(S.dir(path)) do
      seen[#seen + 1] = name
      kinds[entry.type] = (kinds[entry.type] or 0) + 1
      t.ok(entry.ino > 0)
    end
    table.sort(seen)
    t.equal(table.concat(seen, "\n"), sh("LC_ALL=C ls -a " .. path))
    t.same(kinds, { link = 1500, directory = 2 })
  end)

  t.it("are iterated by descriptor, which stays open, and by getdents piece by piece", function()
    local fd = t.ok(S.open(fill(3), "directory"))
    local count = 0
    for _ in fd:dir() do
      count = count + 1
    end
    t.equal(count, 5)
    t.equal(fd:lseek(0), 0)
    local pieces = 0
    repeat
      local any = false
      for _ in t.ok(fd:getdents()) do
        any = true
        pieces = pieces + 1
      end
    until not any
    t.equal(pieces, 5)
    local buffer = ffi.new("char[?]", 4096)
    t.equal(fd:lseek(0), 0)
    t.ok(fd:getdents(buffer) > 0)
    local record = "struct { uint64_t ino; int64_t off; uint16_t len; uint8_t type; char name[1]; } *"
    t.equal(ffi.cast(record, buffer).len % 8, 0)
  end)

  t.it("close what they opened, also when the loop is left early", function()
    local function open_count()
      local n = 0
      for _ in S.dir "/proc/self/fd" do
        n = n + 1
      end
      return n
    end
    collectgarbage()
    collectgarbage()
    local before = open_count()
    for _ = 1, 10 do
      t.ok(S.dir "/etc"()) -- one step only
    end
    for _ in S.dir "/etc" do
      t.ok(true)
    end
    collectgarbage()
    collectgarbage()
    t.equal(open_count(), before)
  end)

  t.it("fail as triples", function()
    t.fails("ENOENT", S.dir(t.path "none"))
    t.fails("ENOTDIR", S.dir(t.write("file", "")))
    t.fails("ENOTDIR", S.getdents(t.ok(S.open(t.write("file", "")))))
  end)

  t.it("getcwd, chdir and fchdir agree", function()
    local here = t.ok(S.getcwd())
    local path = sh("cd " .. t.path "" .. " && pwd -P")
    t.equal(S.chdir(path), true)
    t.equal(S.getcwd(), path)
    local buffer = ffi.new("char[?]", 4096)
    t.equal(S.getcwd(buffer), #path + 1)
    t.equal(ffi.string(buffer), path)
    t.fails("ERANGE", S.getcwd(ffi.new "char[1]"))
    local fd = t.ok(S.open("/", "path"))
    t.equal(fd:chdir(), true)
    t.equal(S.getcwd(), "/")
    t.equal(S.chdir(here), true)
  end)
end)
