local t = ...

local ffi = require "ffi"
local S = require "callgate"

local PAGE = 4096

local function mapped(address)
  local hex = ("%x"):format(tonumber(ffi.cast("uintptr_t", address)))
  for line in io.lines "/proc/self/maps" do
    local from, to = line:match "^(%x+)%-(%x+)"
    if tonumber(from, 16) <= tonumber(hex, 16) and tonumber(hex, 16) < tonumber(to, 16) then
      return line
    end
  end
end

-- The same for memory that nobody may use: what the allocator maps at its place is not it.
local function reserved(address)
  local line = mapped(address)
  return line and line:find "^%S+ %-%-%-p" and line or nil
end

local function collect()
  collectgarbage()
  collectgarbage()
end

t.describe("a region", function()
  t.it("is memory: bytes, strings, typed pointers", function()
    local region = t.ok(S.mmap(nil, 2 * PAGE, "read, write", "private, anonymous"))
    t.equal(#region, 2 * PAGE)
    t.equal(region:write "hello", 5)
    t.equal(region:write(" world", 5), 6)
    t.equal(region:string(0, 11), "hello world")
    t.equal(region[4], 111)
    region[0] = 72
    t.equal(region:string(0, 5), "Hello")
    local numbers = region:as "uint32_t"
    numbers[100] = 0xdeadbeef
    t.equal(region[ffi.abi "le" and 400 or 403], 0xef)
    t.equal(region:as(S.t.timespec).tv_sec ~= nil, true)
    t.equal(#region:string(), 2 * PAGE)
    t.matches(tostring(region), "^region of 8192 bytes at 0x%x+$")
  end)

  t.it("is protected, advised, locked and seen in part", function()
    local size = t.ok(S.getpagesize())
    local region = t.ok(S.mmap(nil, 3 * size, "read, write", "private, anonymous"))
    region[2 * size] = 7
    t.equal(region:as("uint8_t", 2 * size)[0], 7)
    t.equal(region:protect("read", size, size), true)
    region[0], region[3 * size - 1] = 1, 1 -- both ends are as they were
    t.fails("EFAULT", S.read(t.ok(S.open("/dev/zero", "rdonly")), region:as("char", size), 1))
    t.raises('read: argument 2 (buf): expected a buffer (cdata), which region:as("uint8_t", offset) is, got '
      .. tostring(region) .. " (cdata)", S.read, 0, region, 1)
    t.equal(region:advise("dontneed", 2 * size), true)
    t.equal(region[2 * size], 0)
    t.equal(region[0], 1)
    t.equal(region:sync("async", size), true)
    t.equal(region:unlock(size, size), true)
    local last = 3 * size - 1
    t.raises(("protect: argument 3 (count): %d bytes from %d, but the region has %d"):format(size, last, 3 * size),
      region.protect, region, "none", last, size)
    t.raises(("as: argument 2 (offset): %d, but the region has %d bytes"):format(4 * size, 3 * size),
      region.as, region, "int", 4 * size)
    t.fails("EINVAL", region:protect("read", 1))
  end)

  t.it("refuses to reach beyond its end", function()
    local region = t.ok(S.mmap(nil, PAGE, "read, write", "private, anonymous"))
    t.raises(
      "string: argument 2 (count): 2 bytes from 4095, but the region has 4096",
      region.string, region, 4095, 2
    )
    t.raises("write: argument 2 (offset): 4097, but the region has 4096 bytes", region.write, region, "", 4097)
    t.matches(select(2, pcall(function() return region[4096] end)), "has no byte 4096")
    t.matches(select(2, pcall(function() region[-1] = 1 end)), "has no byte %-1")
    t.matches(select(2, pcall(function() return region.size end)), 'no method "size"')
    t.raises("as: argument 2 (offset): 3 bytes are left, and one element has 4", region.as, region, "uint32_t", 4093)
    t.raises('as: argument 1 (type): expected a type or its name, got "no such" (string)', region.as, region, "no such")
  end)

  t.it("cannot be changed to stand for other memory", function()
    local region = S.mmap(nil, 4096, "read, write", "private, anonymous")
    local address = tostring(region.addr)
    t.equal(pcall(function() region.addr = nil end), false)
    t.equal(pcall(function() region.at = nil end), false)
    t.equal(pcall(function() region.length = 8192 end), false)
    t.equal(#region, 4096)
    t.equal(tostring(region.addr), address)
    t.ok(region:unmap())
  end)

  t.it("unmaps once; the second time is EINVAL, and its use a misuse", function()
    local region = t.ok(S.mmap(nil, PAGE, "none", "private|anonymous"))
    local address = region.addr
    t.ok(reserved(address))
    t.equal(region:unmap(), true)
    t.equal(reserved(address), nil)
    t.fails("EINVAL", region:unmap())
    t.raises("string: argument 1 (region): it is unmapped", region.string, region)
    t.raises("protect: argument 1 (region): it is unmapped", region.protect, region, "read")
    t.equal(tostring(region), "unmapped region")
  end)

  t.it("is unmapped when it is collected, unless nogc", function()
    local function make(keep)
      local region = t.ok(S.mmap(nil, PAGE, "none", "private, anonymous"))
      local address = tonumber(ffi.cast("uintptr_t", region.addr))
      if keep then
        region:nogc()
      end
      return address
    end
    local kept, gone = make(true), make(false) -- in this order: what is kept cannot lie where the other was
    collect()
    t.equal(reserved(ffi.cast("void *", gone)), nil)
    t.ok(reserved(ffi.cast("void *", kept)))
    t.equal(S.munmap(kept, PAGE), true)
    t.equal(reserved(ffi.cast("void *", kept)), nil)
  end)

  t.it("protects, advises, syncs, locks and grows", function()
    local region = t.ok(S.mmap(nil, PAGE, "read, write", "shared, anonymous"))
    region:write "x"
    t.equal(region:protect "read", true)
    t.matches(mapped(region.addr), " r%-%-s ")
    t.equal(region:protect "read, write", true)
    t.equal(region:advise "dontneed", true)
    t.equal(region:sync(), true)
    t.ok(region:lock())
    t.ok(region:unlock())
    local private = t.ok(S.mmap(nil, PAGE, "read, write", "private, anonymous"))
    private:write "kept"
    t.equal(private:remap(4 * PAGE), true)
    t.equal(#private, 4 * PAGE)
    t.equal(private:string(0, 4), "kept")
    private[4 * PAGE - 1] = 1
    t.raises('advise: argument 1 (advice): unknown name "dontned" for MADV_*; did you mean "dontneed"?',
      region.advise, region, "dontned")
  end)

  t.it("maps files, whose bytes it shares", function()
    local fd = t.ok(S.open(t.write("mapped", ("."):rep(PAGE) .. "second page"), "rdwr"))
    local region = t.ok(fd:mmap(11, "read, write", "shared", PAGE))
    t.equal(region:string(), "second page")
    region:write "SECOND"
    t.equal(region:sync "sync", true)
    t.equal(fd:pread(nil, 100, PAGE), "SECOND page")
    local again = t.ok(S.mmap(nil, 6, "read", "private", fd, PAGE))
    t.equal(again:string(), "SECOND")
    t.fails("EACCES", t.ok(S.open("/dev/null", "wronly")):mmap(1, "read", "shared"))
    t.fails("EINVAL", fd:mmap(0, "read", "shared"))
    t.raises("fd:mmap: argument 2 (length): expected a size >= 0, got nil", fd.mmap, fd)
    t.equal(#t.ok(fd:mmap(nil, 11, "read", "shared", PAGE)), 11)
  end)
end)

t.describe("calls on memory", function()
  t.it("take regions, buffers and numbers as addresses", function()
    local region = t.ok(S.mmap(nil, 2 * PAGE, "read, write", "private, anonymous"))
    region:write("x", PAGE)
    t.equal(S.mprotect(region, PAGE, "none"), true)
    t.matches(mapped(region.addr), " %-%-%-p ")
    t.equal(S.mprotect(region.addr, PAGE, "read, write"), true)
    t.equal(S.madvise(tonumber(ffi.cast("uintptr_t", region.addr)), PAGE, "willneed"), true)
    t.equal(S.msync(region, PAGE, "async"), true)
    local pages = ffi.new "uint8_t[2]"
    t.equal(S.mincore(region, 2 * PAGE, pages), true)
    t.equal(pages[1] % 2, 1)
    t.equal(t.ok(S.mincore(region, 2 * PAGE)):byte(2) % 2, 1)
    t.equal(S.mincore(region, 0), "")
    t.fails("ENOMEM", S.mincore(0, PAGE))
    t.raises("mincore: argument 3 (vec): 3 bytes, but the buffer has 2", S.mincore, region, 2 * PAGE + 1, pages)
    t.ok(S.mlock(region, PAGE))
    t.ok(S.munlock(region, PAGE))
    t.fails("EINVAL", S.mprotect(ffi.cast("char *", region.addr) + 1, PAGE, "read"))
    t.fails("ENOMEM", S.munlock(nil, PAGE))
    t.raises("mprotect: argument 1 (addr): expected memory (a buffer, a pointer, a region) or an address, "
      .. 'got "x" (string)', S.mprotect, "x", 1, "read")
  end)

  t.it("leave no trace of a hot loop of mapping", function()
    for _ = 1, 200 do
      local region = S.mmap(nil, PAGE, "read, write", "private, anonymous")
      region[0] = 1
      region:unmap()
    end
    t.ok(true)
  end)
end)
