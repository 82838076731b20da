local t = ...

local ffi = require "ffi"
local S = require "callgate"

local PAGE = 4096

local function region_of(pages, prot)
  return t.ok(S.mmap(nil, pages * PAGE, prot or "read, write", "private, anonymous"))
end

-- What a call gave; a test ends where the kernel or the machine has no such call.
local function have(name, value, message, errno)
  if errno == S.ENOSYS or errno == S.EOPNOTSUPP then
    t.skip("there is no " .. name .. " here")
  end
  return t.ok(value, message)
end

local function status_of(pid)
  return select(2, t.ok(S.waitpid(pid)))
end

t.describe("sealed memory", function()
  t.it("can be neither unmapped nor protected otherwise", function()
    local pid = t.ok(S.fork())
    if pid == 0 then -- what is sealed stays until the process ends
      local region = S.mmap(nil, PAGE, "read", "private, anonymous"):nogc()
      local sealed, _, errno = S.mseal(region, PAGE)
      if not sealed then
        S._exit(errno == S.ENOSYS and 2 or 3)
      end
      local a = select(3, S.munmap(region, PAGE))
      local b = select(3, S.mprotect(region, PAGE, "read, write"))
      S._exit(a == S.EPERM and b == S.EPERM and 0 or 1)
    end
    local status = status_of(pid).exitstatus
    t.ok(status == 0 or status == 2, "exit status " .. tostring(status))
    if status == 0 then
      t.fails("EINVAL", S.mseal(1, PAGE))
    end
  end)
end)

t.describe("protection keys", function()
  t.it("are allocated, given to pages and freed", function()
    local key, message, errno = S.pkey_alloc()
    if not key and (errno == S.ENOSPC or errno == S.ENOSYS or errno == S.EINVAL) then
      t.skip "the processor has no protection keys"
    end
    t.ok(key, message)
    local region = region_of(1)
    t.equal(S.pkey_mprotect(region, PAGE, "read", key), true)
    t.equal(S.pkey_mprotect(region, PAGE, "read, write"), true)
    t.equal(S.pkey_free(key), true)
    t.fails("EINVAL", S.pkey_free(key))
  end)

  t.it("are told apart from numbers that are none", function()
    local region = region_of(1)
    local _, _, errno = S.pkey_mprotect(region, PAGE, "read", 12345)
    t.ok(errno == S.EINVAL or errno == S.ENOSYS)
    _, _, errno = S.pkey_free(12345)
    t.ok(errno == S.EINVAL or errno == S.ENOSYS)
    _, _, errno = S.pkey_alloc("disable_write", 1)
    t.ok(errno == S.EINVAL or errno == S.ENOSYS)
    t.raises('pkey_alloc: argument 1 (rights): unknown name "disable_wirte" for PKEY_*; did you mean "disable_write"?',
      S.pkey_alloc, "disable_wirte")
  end)
end)

t.describe("secret memory", function()
  t.it("is a file that is mapped, and read by nothing else", function()
    if not S.memfd_secret then
      t.skip "this machine's table has no memfd_secret"
    end
    local fd = have("memfd_secret", S.memfd_secret())
    t.equal(fd:fcntl "getfd", S.FD_CLOEXEC)
    t.equal(fd:truncate(PAGE), true)
    local region = t.ok(fd:mmap(PAGE, "read, write", "shared"))
    region:write "hidden"
    t.equal(region:string(0, 6), "hidden")
    t.fails("EINVAL", fd:read(nil, 10))
  end)
end)

t.describe("a mapping of a file", function()
  t.it("is rearranged page by page", function()
    local fd = t.ok(S.memfd_create "pages")
    t.ok(fd:write(("a"):rep(PAGE) .. ("b"):rep(PAGE)))
    local region = t.ok(fd:mmap(2 * PAGE, "read, write", "shared"))
    have("remap_file_pages", S.remap_file_pages(region, PAGE, 1))
    t.equal(region:string(0, 1), "b")
    t.equal(region:string(PAGE, 1), "b")
    t.fails("EINVAL", S.remap_file_pages(region, PAGE, 0, "read"))
  end)
end)

t.describe("a shadow stack", function()
  t.it("is mapped where processor and kernel have them", function()
    if not S.map_shadow_stack then
      t.skip "no shadow stacks on this machine"
    end
    local address, _, errno = S.map_shadow_stack(nil, PAGE, 0)
    t.ok(address or errno == S.ENOSYS or errno == S.EOPNOTSUPP or errno == S.EINVAL)
    if address then
      t.equal(S.munmap(tonumber(address), PAGE), true)
    end
  end)
end)

t.describe("mremap", function()
  t.it("moves memory to a given place", function()
    local from, to = region_of(1):nogc(), region_of(2):nogc()
    from:write "moved"
    local address = t.ok(S.mremap(from, PAGE, PAGE, "maymove, fixed", to))
    t.equal(ffi.cast("uintptr_t", address), ffi.cast("uintptr_t", to.addr))
    t.equal(to:string(0, 5), "moved")
    t.equal(tostring(from), "unmapped region")
    t.fails("EINVAL", S.mremap(to.addr, PAGE, PAGE, "fixed", to.addr))
    t.equal(S.munmap(to, 2 * PAGE), true)
  end)

  t.it("does not move what is not there", function()
    local region = region_of(1)
    local address = region.addr
    t.equal(S.munmap(region, PAGE), true)
    t.fails("EFAULT", S.mremap(address, PAGE, 2 * PAGE, "maymove"))
  end)

  t.it("takes a region along", function()
    local region = region_of(1)
    region:write "kept"
    local address = t.ok(S.mremap(region, PAGE, 64 * PAGE, "maymove"))
    t.equal(ffi.cast("uintptr_t", region.addr), ffi.cast("uintptr_t", address))
    t.equal(#region, 64 * PAGE)
    t.equal(region:string(0, 4), "kept")
    t.raises(("mremap: argument 2 (length): a region goes as a whole: it has %d bytes"):format(64 * PAGE), S.mremap,
      region, PAGE, PAGE)
  end)
end)

t.describe("munmap", function()
  t.it("leaves no region that believes to be mapped", function()
    local region = region_of(2)
    t.raises(("munmap: argument 2 (length): a region goes as a whole: it has %d bytes"):format(2 * PAGE), S.munmap,
      region, PAGE)
    t.equal(S.munmap(region), true)
    t.equal(tostring(region), "unmapped region")
    t.raises("string: argument 1 (region): it is unmapped", region.string, region)
    t.fails("EINVAL", S.munmap(region))
    t.raises("munmap: argument 2 (length): expected a size >= 0, got -1", S.munmap, region, -1)
    t.raises("mremap: argument 1 (addr): it is unmapped", S.mremap, region, PAGE, PAGE)
  end)
end)

t.describe("memory kept in RAM", function()
  t.it("is locked now, on use, or altogether", function()
    local region = region_of(2)
    local locked, message, errno = S.mlock2(region, PAGE, "onfault")
    if errno ~= S.ENOSYS then
      t.ok(locked, message)
      t.fails("EINVAL", S.mlock2(region, PAGE, 64))
    end
    t.equal(S.munlock(region, PAGE), true)
    local pid = t.ok(S.fork())
    if pid == 0 then
      local all, _, number = S.mlockall "current, onfault"
      S._exit((all or number == S.ENOMEM or number == S.EPERM) and S.munlockall() and 0 or 1)
    end
    t.equal(status_of(pid).exitstatus, 0)
    t.fails("EINVAL", S.mlockall())
  end)
end)

t.describe("a userfaultfd", function()
  t.it("tells of a fault and resolves it", function()
    local u, message, errno = S.userfaultfd "user_mode_only"
    if errno == S.ENOSYS or errno == S.EPERM then
      t.skip("no userfaultfd here: " .. message)
    end
    t.ok(u, message)
    t.equal(u:fcntl "getfd", S.FD_CLOEXEC)
    local api = t.ok(u:api())
    t.equal(api.api, S.UFFD_API)
    local region = t.ok(S.mmap(nil, 2 * PAGE, "read, write", "shared, anonymous"))
    local registered = t.ok(u:register(region, #region, "mode_missing"))
    t.ok(registered.ioctls ~= 0)
    -- The faulting process has a copy of the mapping; this one, with the descriptor, resolves its own.
    t.equal(u:copy(region, ("p"):rep(PAGE)), PAGE)
    t.equal(region:string(0, 4), "pppp")
    t.fails("EEXIST", u:copy(region, ("q"):rep(PAGE)))
    local second = ffi.cast("uintptr_t", region.addr) + PAGE
    local zero = t.ok(u:ioctl("UFFDIO_ZEROPAGE", { range = { start = second, len = PAGE } }))
    t.equal(zero.zeropage, PAGE)
    t.equal(region:string(PAGE, 4), "\0\0\0\0")
    t.equal(u:ioctl("UFFDIO_WAKE", { start = second, len = PAGE }), true)
    t.equal(u:ioctl("UFFDIO_UNREGISTER", { start = second, len = PAGE }), true)
    t.fails("EINVAL", u:copy(1, "x"))
    t.raises('userfault_register: argument 4 (mode): unknown name "mode_mising" for UFFDIO_REGISTER_*; '
      .. 'did you mean "mode_missing"?', u.register, u, region, PAGE, "mode_mising")
  end)

  t.it("is handed on to who resolves the faults", function()
    local pages = region_of(1)
    local r, w = t.ok(S.pipe())
    local pid = t.ok(S.fork())
    if pid == 0 then
      local u, message = S.userfaultfd()
      local ready = u and u:api() and u:register(pages, PAGE)
      w:write(ready and tostring(u.fd) or tostring(message))
      w:close()
      S._exit(ready and pages[0] or 1) -- faults here, and goes on when the other process has copied a page
    end
    w:close()
    local text = t.ok(r:read(nil, 100))
    local number = tonumber(text)
    if not number then
      t.equal(status_of(pid).exitstatus, 1)
      t.skip("no userfaultfd here: " .. text)
    end
    local pidfd = t.ok(S.pidfd_open(pid))
    local u = t.ok(S.pidfd_getfd(pidfd, number))
    local message = t.ok(S.userfault_read(u))
    t.equal(message.name, "pagefault")
    t.equal(message.address, tonumber(ffi.cast("uintptr_t", pages.addr)))
    t.equal(message.flags, 0)
    t.equal(S.userfault_copy(u, pages, ("*"):rep(PAGE)), PAGE)
    t.equal(status_of(pid).exitstatus, ("*"):byte())
  end)
end)
