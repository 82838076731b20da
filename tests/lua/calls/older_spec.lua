-- Calls that newer ones replaced, as S.syscall.NAME: the library's own functions make the newer ones, and a program
-- that is ported may still say the old ones. Architectures that came later have none of them.

local t = ...

local ffi = require "ffi"
local S = require "callgate"

local call = t.call

local function remove(...)
  for _, path in ipairs { ... } do
    S.unlink(path)
  end
end

local function is_written(memory)
  return ffi.string(memory, ffi.sizeof(memory)):find "[^%z]" ~= nil
end

local seconds = ffi.typeof "long[4]" -- two times, of seconds and microseconds each

t.describe("older calls on files", function()
  call("creat", function(creat)
    local path = t.path "creat"
    local fd = S.t.fd((t.ok(creat(path, 384))))
    t.equal(fd:write "text", 4)
    t.ok(fd:close())
    t.equal(S.stat(path).size, 4)
    remove(path)
  end)

  call("open", function(open)
    local fd = S.t.fd((t.ok(open("/dev/null", S.O_RDONLY, 0))))
    t.ok(fd:fstat().ischr)
    t.ok(fd:close())
    t.fails("ENOENT", open("/nonexistent", 0, 0))
  end)

  call("access", function(access)
    t.equal(access("/dev/null", S.R_OK), 0)
    t.fails("ENOENT", access("/nonexistent", S.R_OK))
  end)

  call("mkdir", function(mkdir)
    local path = t.path "mkdir"
    t.equal(mkdir(path, 448), 0)
    t.ok(S.stat(path).isdir)
    t.ok(S.rmdir(path))
  end)

  call("rmdir", function(rmdir)
    local path = t.path "rmdir"
    t.ok(S.mkdir(path))
    t.equal(rmdir(path), 0)
    t.fails("ENOENT", rmdir(path))
  end)

  call("mknod", function(mknod)
    local path = t.path "mknod"
    t.equal(mknod(path, bit.bor(S.S_IFIFO, 384), 0), 0)
    t.ok(S.stat(path).isfifo)
    remove(path)
  end)

  call("link", function(link)
    local from, to = t.write("link-from", "x"), t.path "link-to"
    t.equal(link(from, to), 0)
    t.equal(S.stat(from).nlink, 2)
    remove(from, to)
  end)

  call("symlink", function(symlink)
    local path = t.path "symlink"
    t.equal(symlink("some/where", path), 0)
    t.equal(S.readlink(path), "some/where")
    remove(path)
  end)

  call("readlink", function(readlink)
    local path = t.path "readlink"
    t.ok(S.symlink("else/where", path))
    local text = ffi.new "char[64]"
    t.equal(ffi.string(text, t.ok(readlink(path, text, 64))), "else/where")
    remove(path)
  end)

  call("unlink", function(unlink)
    local path = t.write("unlink", "x")
    t.equal(unlink(path), 0)
    t.fails("ENOENT", S.stat(path))
  end)

  call("rename", function(rename)
    local from, to = t.write("rename-from", "x"), t.path "rename-to"
    t.equal(rename(from, to), 0)
    t.equal(S.stat(to).size, 1)
    remove(to)
  end)

  call("renameat", function(renameat)
    local from, to = t.write("renameat-from", "x"), t.path "renameat-to"
    t.equal(renameat(S.AT_FDCWD, from, S.AT_FDCWD, to), 0)
    t.equal(S.stat(to).size, 1)
    remove(to)
  end)

  call("chmod", function(chmod)
    local path = t.write("chmod", "x")
    t.equal(chmod(path, 256), 0)
    t.equal(S.stat(path).perm, 256)
    remove(path)
  end)

  for _, name in ipairs { "chown", "lchown", "chown32", "lchown32" } do
    call(name, function(chown)
      local path = t.write(name, "x")
      local before = S.stat(path)
      t.equal(chown(path, before.uid, before.gid), 0)
      t.equal(S.stat(path).uid, before.uid)
      remove(path)
    end)
  end

  for _, name in ipairs { "fchown", "fchown32" } do
    call(name, function(fchown)
      local path = t.write(name, "x")
      local fd, before = t.ok(S.open(path, "rdwr")), S.stat(path)
      t.equal(fchown(fd, before.uid, before.gid), 0)
      t.ok(fd:close())
      remove(path)
    end)
  end

  for _, name in ipairs { "stat", "lstat", "stat64", "lstat64" } do
    call(name, function(stat)
      local memory = ffi.new "uint64_t[64]"
      t.equal(stat("/dev/null", memory), 0)
      t.ok(is_written(memory))
      t.fails("ENOENT", stat("/nonexistent", memory))
    end)
  end

  for _, name in ipairs { "oldstat", "oldlstat" } do -- ids of 16 bits; what fits in none is EOVERFLOW
    call(name, function(stat)
      t.fails("ENOENT", stat("/nonexistent", ffi.new "uint64_t[64]"))
    end)
  end

  for _, name in ipairs { "fstat", "fstat64" } do
    call(name, function(fstat)
      local memory, fd = ffi.new "uint64_t[64]", t.ok(S.open("/dev/null", "rdonly"))
      t.equal(fstat(fd, memory), 0)
      t.ok(is_written(memory))
      t.ok(fd:close())
    end)
  end

  call("oldfstat", function(fstat)
    t.fails("EBADF", fstat(-1, ffi.new "uint64_t[64]"))
  end)

  for _, name in ipairs { "newfstatat", "fstatat64" } do
    call(name, function(fstatat)
      local memory = ffi.new "uint64_t[64]"
      t.equal(fstatat(S.AT_FDCWD, "/dev/null", memory, 0), 0)
      t.ok(is_written(memory))
    end)
  end

  call("statfs", function(statfs)
    local memory = ffi.new "uint64_t[64]"
    t.equal(statfs("/proc", memory), 0)
    t.ok(is_written(memory))
  end)

  call("fstatfs", function(fstatfs)
    local memory, fd = ffi.new "uint64_t[64]", t.ok(S.open("/proc", "rdonly"))
    t.equal(fstatfs(fd, memory), 0)
    t.ok(is_written(memory))
    t.ok(fd:close())
  end)

  for _, name in ipairs { "getdents", "getdents64" } do
    call(name, function(getdents)
      local folder, memory = t.path(name), ffi.new "uint64_t[128]"
      t.ok(S.mkdir(folder))
      t.write(name .. "/entry", "")
      local fd = t.ok(S.open(folder, "rdonly, directory"))
      t.matches(ffi.string(memory, t.ok(getdents(fd, memory, 1024))), "entry")
      t.equal(getdents(fd, memory, 1024), 0)
      t.ok(fd:close())
      remove(folder .. "/entry")
      t.ok(S.rmdir(folder))
    end)
  end

  call("readdir", function(readdir)
    local fd, memory = t.ok(S.open("/proc/self", "rdonly, directory")), ffi.new "uint64_t[64]"
    local count, message, errno = readdir(fd, memory, 1)
    t.ok(count == 1 or errno == S.EOVERFLOW, message) -- inode numbers of 32 bits
    t.ok(fd:close())
  end)

  call("utime", function(utime)
    local path = t.write("utime", "x")
    t.equal(utime(path, ffi.new("long[2]", 10, 20)), 0)
    t.equal(S.stat(path).mtime, 20)
    remove(path)
  end)

  call("utimes", function(utimes)
    local path = t.write("utimes", "x")
    t.equal(utimes(path, seconds(10, 0, 20, 500000)), 0)
    t.equal(S.stat(path).mtime, 20.5)
    remove(path)
  end)

  call("futimesat", function(futimesat)
    local path = t.write("futimesat", "x")
    t.equal(futimesat(S.AT_FDCWD, path, seconds(10, 0, 30, 0)), 0)
    t.equal(S.stat(path).mtime, 30)
    remove(path)
  end)

  call("truncate64", function(truncate)
    local path = t.write("truncate64", "text")
    t.equal(truncate(path, 2), 0)
    t.equal(S.stat(path).size, 2)
    remove(path)
  end)

  call("ftruncate64", function(truncate)
    local fd = t.ok(S.memfd_create "ftruncate64")
    t.equal(truncate(fd, 5000000000), 0)
    t.equal(fd:fstat().size, 5000000000)
    t.ok(fd:close())
  end)

  for _, name in ipairs { "truncate", "ftruncate" } do
    call(name, function(truncate)
      local path = t.write(name, "text")
      local fd = t.ok(S.open(path, "rdwr"))
      t.equal(truncate(name == "truncate" and path or fd, 3), 0)
      t.equal(fd:fstat().size, 3)
      t.ok(fd:close())
      remove(path)
    end)
  end

  call("_llseek", function(llseek)
    local fd, place = t.ok(S.memfd_create "_llseek"), ffi.new "int64_t[1]"
    t.equal(llseek(fd, 1, 2, place, S.SEEK_SET), 0)
    t.equal(tonumber(place[0]), 2 ^ 32 + 2)
    t.ok(fd:close())
  end)

  call("sendfile", function(sendfile)
    local from, to = t.ok(S.memfd_create "from"), t.ok(S.memfd_create "to")
    t.equal(from:write "text", 4)
    t.equal(sendfile(to, from, ffi.new "long[1]", 4), 4)
    t.equal(to:fstat().size, 4)
    t.ok(from:close() and to:close())
  end)

  call("sysfs", function(sysfs)
    t.ok(t.ok(sysfs(3)) > 0) -- how many kinds of file systems there are
  end)

  call("ustat", function(ustat)
    t.fails("EINVAL", ustat(0, ffi.new "uint64_t[8]"))
  end)

  call("uselib", function(uselib)
    t.fails("ENOENT", uselib "/nonexistent")
  end)

  call("umount", function(umount)
    local _, _, errno = umount "/nonexistent"
    t.ok(errno == S.ENOENT or errno == S.EPERM)
  end)
end)

t.describe("older calls on descriptors", function()
  call("dup", function(dup)
    local fd = t.ok(S.open("/dev/null", "rdonly"))
    local copy = S.t.fd((t.ok(dup(fd))))
    t.ok(copy.fd ~= fd.fd)
    t.ok(fd:close() and copy:close())
  end)

  call("dup2", function(dup2)
    local fd = t.ok(S.open("/dev/null", "rdonly"))
    local free = t.ok(S.dup(fd))
    local number = free.fd
    t.equal(dup2(fd, number), number)
    t.ok(fd:close() and free:close())
  end)

  call("pipe", function(pipe)
    local pair = ffi.new "int[2]"
    t.equal(pipe(pair), 0)
    local reader, writer = S.t.fd(pair[0]), S.t.fd(pair[1])
    t.equal(writer:write "x", 1)
    t.equal(reader:read(), "x")
    t.ok(reader:close() and writer:close())
  end)

  call("epoll_create", function(epoll_create)
    local fd = S.t.fd((t.ok(epoll_create(1))))
    t.fails("EINVAL", epoll_create(0))
    t.ok(fd:close())
  end)

  call("epoll_wait", function(epoll_wait)
    local fd = S.t.fd((t.ok(S.syscall.epoll_create1(0))))
    t.equal(epoll_wait(fd, ffi.new "uint64_t[4]", 1, 0), 0)
    t.ok(fd:close())
  end)

  call("eventfd", function(eventfd)
    local fd = S.t.fd((t.ok(eventfd(3))))
    t.equal(#fd:read(nil, 8), 8)
    t.ok(fd:close())
  end)

  call("signalfd", function(signalfd)
    local fd = S.t.fd((t.ok(signalfd(-1, ffi.new "uint64_t[2]", jit.arch:find "^mips" and 16 or 8))))
    t.ok(fd:close())
  end)

  call("inotify_init", function(inotify_init)
    local fd = S.t.fd((t.ok(inotify_init())))
    t.ok(t.ok(S.syscall.inotify_add_watch(fd, "/", S.IN_CREATE)) > 0)
    t.ok(fd:close())
  end)

  call("poll", function(poll)
    local r, w = S.pipe()
    t.equal(w:write "x", 1)
    local memory = ffi.new("struct { int fd; short events, revents; }[1]", { { r.fd, S.POLLIN } })
    t.equal(poll(memory, 1, 0), 1)
    t.equal(memory[0].revents, S.POLLIN)
    t.ok(r:close() and w:close())
  end)

  for _, name in ipairs { "select", "_newselect" } do
    if require("callgate.signatures")[name] == "i:ipppp" then -- not one pointer to all arguments
      call(name, function(select)
        t.equal(select(0, nil, nil, nil, seconds(0, 0)), 0)
      end)
    end
  end

  call("accept", function(accept)
    local _, _, errno = accept(-1, nil, nil)
    t.equal(errno, S.EBADF)
    local path = t.path "accept"
    local server, client = t.ok(S.socket("unix", "stream")), t.ok(S.socket("unix", "stream"))
    t.ok(server:bind(S.t.sockaddr_un(path)) and server:listen(1) and client:connect(S.t.sockaddr_un(path)))
    local peer = S.t.fd((t.ok(accept(server, nil, nil))))
    t.ok(server:close() and client:close() and peer:close())
    remove(path)
  end)

  for _, name in ipairs { "fcntl", "fcntl64" } do
    call(name, function(fcntl)
      t.ok(t.ok(fcntl(0, S.F_GETFD)) >= 0)
    end)
  end
end)
