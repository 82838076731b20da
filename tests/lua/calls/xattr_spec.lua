local t = ...

local ffi = require "ffi"
local bit = require "bit"
local S = require "callgate"

-- A new file on a file system that keeps extended attributes of users.
local function file(name)
  local path = t.write(name, "content")
  local ok, message, errno = S.setxattr(path, "user.first", "one")
  if not ok and errno == S.EOPNOTSUPP then
    t.skip "the file system of the scratch folder keeps no user attributes"
  end
  t.ok(ok, message)
  return path
end

-- Whether a call that is younger than some kernels is there.
local function needs(name, errno)
  if not S[name] or errno == S.ENOSYS then
    t.skip(name .. " is not in this kernel")
  end
end

local function sorted(list)
  table.sort(list)
  return list
end

t.describe("an extended attribute", function()
  t.it("is set, read as a string, listed and removed by path", function()
    local path = file "by-path"
    t.equal(S.getxattr(path, "user.first"), "one")
    t.equal(S.setxattr(path, "user.bytes", "a\0b\255"), true)
    t.equal(S.getxattr(path, "user.bytes"), "a\0b\255")
    t.equal(S.setxattr(path, "user.empty", ""), true)
    t.equal(S.getxattr(path, "user.empty"), "")
    t.same(sorted(S.listxattr(path)), { "user.bytes", "user.empty", "user.first" })
    t.equal(S.removexattr(path, "user.first"), true)
    t.fails("ENODATA", S.getxattr(path, "user.first"))
    t.fails("ENODATA", S.removexattr(path, "user.first"))
    t.fails("ENOENT", S.getxattr(path .. "-none", "user.first"))
    t.fails("ENOENT", S.listxattr(path .. "-none"))
  end)

  t.it("is created or replaced as its flags say, and cut where a size is given", function()
    local path = file "flags"
    t.fails("EEXIST", S.setxattr(path, "user.first", "two", "create"))
    t.fails("ENODATA", S.setxattr(path, "user.second", "two", "replace"))
    t.equal(S.setxattr(path, "user.first", "two", "replace"), true)
    t.equal(S.setxattr(path, "user.second", "shorter", "create", 5), true)
    t.equal(S.getxattr(path, "user.second"), "short")
    local message = 'setxattr: argument 4 (flags): unknown name "creat" for XATTR_*; did you mean "create"?'
    t.raises(message, S.setxattr, path, "user.x", "", "creat")
    t.raises("setxattr: argument 5 (size): 4 bytes, but the string has 3", S.setxattr, path, "user.x", "abc", nil, 4)
    t.raises("setxattr: argument 2 (name): expected a string, got nil", S.setxattr, path)
  end)

  t.it("goes into a buffer, or tells its length", function()
    local path = file "buffer"
    local buffer = ffi.new "char[8]"
    t.equal(S.getxattr(path, "user.first", buffer), 3)
    t.equal(ffi.string(buffer), "one")
    t.fails("ERANGE", S.getxattr(path, "user.first", buffer, 2))
    t.fails("ERANGE", S.getxattr(path, "user.first", nil, 2))
    t.equal(S.getxattr(path, "user.first", nil, 0), 3)
    t.equal(S.listxattr(path, nil, 0), #"user.first" + 1)
    t.fails("ERANGE", S.listxattr(path, buffer))
    t.raises("getxattr: argument 4 (size): 9 bytes, but the buffer has 8", S.getxattr, path, "user.first", buffer, 9)
    t.raises("listxattr: argument 2 (buf): expected a buffer (cdata), got \"x\" (string)", S.listxattr, path, "x")
  end)

  t.it("may be as long as the file system allows", function()
    local path = file "long"
    local value = ("0123456789abcdef"):rep(128)
    t.equal(S.setxattr(path, "user.long", value), true)
    t.equal(S.getxattr(path, "user.long"), value)
    t.equal(S.getxattr(path, "user.long", nil, 0), #value)
    local number = select(3, S.setxattr(path, "user.long", ("x"):rep(65537))) -- XATTR_SIZE_MAX is 65536
    t.equal(S.errname(number), "E2BIG")
  end)

  t.it("belongs to an open file, too", function()
    local fd = t.ok(S.open(file "open", "rdwr"))
    t.equal(fd:getxattr "user.first", "one")
    t.equal(fd:setxattr("user.second", "two"), true)
    t.same(sorted(fd:listxattr()), { "user.first", "user.second" })
    t.equal(fd:removexattr "user.second", true)
    t.same(S.flistxattr(fd), { "user.first" })
    t.equal(S.fgetxattr(fd.fd, "user.first"), "one")
    fd:close()
    t.raises("fgetxattr: argument 1 (fd): closed descriptor", S.fgetxattr, fd, "user.first")
    t.fails("EBADF", S.fgetxattr(1000, "user.first"))
  end)

  t.it("of a link is not that of its file", function()
    local path = file "target"
    local link = t.path "link"
    t.ok(S.symlink(path, link))
    t.equal(S.getxattr(link, "user.first"), "one")
    t.fails("ENODATA", S.lgetxattr(link, "trusted.none"))
    t.fails("EPERM", S.lsetxattr(link, "user.first", "x")) -- xattr(7): only files and directories have user's
    t.equal(#S.llistxattr(link), 0)
    t.ok(S.lsetxattr(path, "user.second", "two")) -- a file itself
    t.equal(S.lgetxattr(path, "user.second"), "two")
    t.ok(S.lremovexattr(path, "user.second"))
    t.fails("ENODATA", S.lgetxattr(path, "user.second"))
    t.equal(select(3, S.lremovexattr(link, "trusted.none")) ~= nil, true)
  end)

  t.it("is reached relative to a directory's descriptor", function()
    local path = file "relative"
    local folder = t.ok(S.open(path:match "^(.*)/", "path, directory"))
    local value, _, errno = nil, nil, S.ENOSYS
    if S.getxattrat then
      value, _, errno = S.getxattrat(folder, "relative", nil, "user.first")
    end
    needs("getxattrat", errno)
    t.equal(value, "one")
    t.equal(folder:setxattrat("relative", nil, "user.second", "two", "create"), true)
    t.fails("EEXIST", folder:setxattrat("relative", nil, "user.second", "2", "create"))
    t.same(sorted(folder:listxattrat "relative"), { "user.first", "user.second" })
    t.equal(folder:listxattrat("relative", nil, nil, 0), #"user.first" + #"user.second" + 2)
    local buffer = ffi.new "char[8]"
    t.equal(folder:getxattrat("relative", "symlink_nofollow", "user.second", buffer), 3)
    t.equal(ffi.string(buffer), "two")
    t.equal(folder:removexattrat("relative", nil, "user.second"), true)
    local fd = t.ok(S.open(path))
    t.same(fd:listxattrat(nil, "empty_path"), { "user.first" })
    t.equal(fd:getxattrat("", "empty_path", "user.first"), "one")
    t.fails("ENODATA", fd:removexattrat("", "empty_path", "user.second"))
  end)
end)

t.describe("the flags of an inode", function()
  t.it("are read and set by name", function()
    local path = t.write("inode", "")
    local attr, message, errno = nil, nil, S.ENOSYS
    if S.file_getattr then
      attr, message, errno = S.file_getattr(nil, path)
    end
    needs("file_getattr", errno)
    if errno == S.EOPNOTSUPP then
      t.skip "the file system of the scratch folder keeps no flags"
    end
    t.ok(attr, message)
    t.equal(attr:has "nodump", false)
    attr.xflags = bit.bor(attr.xflags, S.c.FS_XFLAG.NODUMP)
    t.equal(S.file_setattr(nil, path, nil, attr), true)
    local again = t.ok(S.file_getattr("fdcwd", path, "symlink_nofollow"))
    t.equal(again:has "nodump", true)
    t.equal(again:has "nodump, noatime", false)
    t.equal(again.projid, 0)
    local fd = t.ok(S.open(path))
    t.equal(t.ok(fd:file_getattr("", "empty_path")):has "nodump", true)
    t.equal(t.ok(fd:ioctl "FS_IOC_FSGETXATTR"):has "nodump", true)
    t.equal(S.file_setattr(nil, path, nil, { xflags = 0 }), true)
    t.equal(t.ok(S.file_getattr(nil, path)):has "nodump", false)
    t.fails("ENOENT", S.file_getattr(nil, path .. "-none"))
  end)
end)

t.describe("a file's handle", function()
  t.it("opens it again, from the object or from bytes that were kept", function()
    local path = t.write("handled", "found")
    local handle, mount, errno = S.name_to_handle_at(nil, path)
    if errno == S.EOPNOTSUPP then
      t.skip "the file system of the scratch folder gives no handles"
    end
    t.ok(handle, mount)
    t.ok(#handle.bytes > 0 and #handle.bytes == handle.handle_bytes)
    t.matches(tostring(handle), "^file_handle { type = %d+, bytes = %x+ }$")
    local listed = false
    for line in io.lines "/proc/self/mountinfo" do
      listed = listed or tonumber(line:match "^(%d+) ") == mount
    end
    t.equal(listed, true)
    local folder = t.ok(S.open(path:match "^(.*)/", "rdonly, directory"))
    local fd, message, number = folder:open_by_handle_at(handle, "rdonly")
    if number == S.EPERM then
      t.skip "opening by handle takes CAP_DAC_READ_SEARCH"
    end
    t.equal(t.ok(fd, message):read(), "found")
    t.equal(fd:fcntl "getfd", S.FD_CLOEXEC)
    local kept = S.t.file_handle(handle.type, handle.bytes)
    t.equal(tostring(S.t.file_handle { type = handle.type, bytes = handle.bytes }), tostring(handle))
    t.equal(kept.bytes, handle.bytes)
    t.equal(t.ok(S.open_by_handle_at(folder, kept, "rdonly")):read(), "found")
    S.unlink(path)
    fd:close()
    collectgarbage()
    t.fails("ENOENT", S.name_to_handle_at(nil, path))
  end)

  t.it("says when it has too little room", function()
    local path = t.write("little", "")
    local small = S.t.file_handle(0, {})
    local handle, message, errno = S.name_to_handle_at(nil, path, nil, small)
    if errno == S.EOPNOTSUPP then
      t.skip "the file system of the scratch folder gives no handles"
    end
    t.fails("EOVERFLOW", handle, message, errno)
    t.ok(small.handle_bytes > 0) -- what it would take
  end)
end)

t.describe("cachestat", function()
  t.it("counts the pages of a file that are in the page cache", function()
    local fd = t.ok(S.open(t.write("cached", ("x"):rep(65536)), "rdwr"))
    local stat, message, errno = nil, nil, S.ENOSYS
    if S.cachestat then
      stat, message, errno = fd:cachestat()
    end
    needs("cachestat", errno)
    t.ok(stat, message)
    t.ok(stat.cache >= 1 and stat.cache <= 16)
    t.equal(stat.evicted, 0)
    local part = t.ok(fd:cachestat(0, 4096))
    t.ok(part.cache <= stat.cache)
    t.ok(fd:sync())
    t.equal(t.ok(fd:cachestat(0, 0, stat)).dirty, 0)
    t.fails("EBADF", S.cachestat(1000))
    t.raises("cachestat: argument 2 (offset): expected a size >= 0, got -1", fd.cachestat, fd, -1)
  end)
end)
