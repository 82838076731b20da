-- mmap, which makes a region object: see region.lua.

local bit = require "bit"
local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"

local memory = {}

local NO_FD = -1
local PAGE = 4096 -- the smallest there is: no machine needs more bytes for a length
local LARGEST = 2 ^ 20
local EINVAL = 22 -- asm-generic/errno-base.h: the same everywhere

-- S.getpagesize() -> 4096, or what the machine has: the kernel refuses an address within a page, though it is asked of
-- no memory at all (mm/msync.c).
function memory.getpagesize()
  local size = PAGE
  return function()
    while size < LARGEST and sys.msync(size, 0, 0) == -1 do
      if ffi.errno() ~= EINVAL then
        return errors.fail() -- a filter of system calls
      end
      size = 2 * size
    end
    return size
  end
end

local function maker(call, first)
  local raw = sys.mmap
  local PROT, MAP = flags.group "PROT", flags.group "MAP"
  local region_t = require("callgate.region").type
  return function(addr, length, prot, options, fd, offset)
    local fd_number = fd == nil and NO_FD or args.fd(fd, call, call == "mmap" and 5 or 1, "fd")
    length = args.size(length, call, first, "length")
    prot = args.flags(prot, call, first + 1, "prot", PROT)
    options = args.flags(options, call, first + 2, "flags", MAP)
    offset = offset == nil and 0 or args.long(offset, call, call == "mmap" and 6 or first + 3, "offset")
    local result = raw(addr, length, prot, options, fd_number, offset)
    if result == -1 then
      return errors.fail()
    end
    return region_t(ffi.cast("void *", ffi.cast("intptr_t", result)), length)
  end
end

-- S.mmap(addr, length, prot, flags[, fd[, offset]])
function memory.mmap()
  local map = maker("mmap", 2)
  return function(addr, length, prot, options, fd, offset)
    return map(args.address(addr, "mmap", 1, "addr"), length, prot, options, fd, offset)
  end
end

-- fd:mmap(length, prot, flags[, offset]), or with nil for C's address before them
function memory.fd_mmap()
  local map = maker("fd:mmap", 2)
  return function(fd, length, prot, options, offset, last)
    if fd == nil then
      return args.fd(fd, "fd:mmap", 1, "fd") -- which mmap takes for none
    elseif length == nil then
      length, prot, options, offset = prot, options, offset, last
    end
    return map(0, length, prot, options, fd, offset)
  end
end

-- --- what was mapped before -----------------------------------------------------------------------------
-- A region given to these must know what became of it: it would go on using, and one day unmap, what lies there by
-- then.

local function is_region(value)
  return type(value) == "cdata" and ffi.istype(require("callgate.region").type, value)
end

-- The region's length, which is what the caller must mean.
local function whole(region, length, call)
  if region.addr == nil then
    return args.misuse(call, 1, "addr", "it is unmapped")
  elseif length ~= nil and args.size(length, call, 2, "length") ~= region.length then
    local bytes = tostring(region.length):match "%d+"
    return args.misuse(call, 2, "length", ("a region goes as a whole: it has %s bytes"):format(bytes))
  end
  return region.length
end

-- S.munmap(addr, length), S.munmap(region)
function memory.munmap()
  local raw = sys.munmap
  return function(addr, length)
    if is_region(addr) then
      if addr.addr ~= nil then
        whole(addr, length, "munmap")
      elseif length ~= nil then
        args.size(length, "munmap", 2, "length")
      end
      return addr:unmap()
    end
    local word = args.address(addr, "munmap", 1, "addr")
    if raw(word, args.size(length, "munmap", 2, "length")) == -1 then
      return errors.fail()
    end
    return true
  end
end

-- S.mremap(addr, old_length, new_length[, flags[, new_addr]]) -> the new address
function memory.mremap()
  local raw, set = sys.mremap, require("callgate.region").set
  local MREMAP = flags.group "MREMAP"
  return function(addr, old, length, options, wanted)
    local region = is_region(addr) and addr or nil
    local word = args.address(addr, "mremap", 1, "addr")
    old = region and whole(region, old, "mremap") or args.size(old, "mremap", 2, "old_length")
    length = args.size(length, "mremap", 3, "new_length")
    options = args.flags(options, "mremap", 4, "flags", MREMAP)
    local result = raw(word, old, length, options, args.address(wanted, "mremap", 5, "new_addr"))
    if result == -1 then
      return errors.fail()
    elseif region and is_region(wanted) then
      set(region, nil, 0) -- what was there is the other's now
    elseif region and bit.band(options, MREMAP.DONTUNMAP) == 0 then
      set(region, ffi.cast("void *", ffi.cast("intptr_t", result)), length)
    end
    return result
  end
end

-- S.mincore(addr, length[, vec]): one byte for each page, whose lowest bit tells whether it is in RAM; without vec
-- as a string.
function memory.mincore()
  local raw = sys.mincore
  return function(addr, length, vec)
    local word = args.address(addr, "mincore", 1, "addr")
    length = args.size(length, "mincore", 2, "length")
    local pages = math.ceil(tonumber(length) / PAGE)
    local bytes = vec == nil and args.new_buffer(pages, "mincore", 3, "vec") or vec
    args.length(pages, "mincore", 3, "vec", args.buffer(bytes, "mincore", 3, "vec"))
    if raw(word, length, bytes) == -1 then
      return errors.fail()
    end
    return vec ~= nil or ffi.string(bytes, pages)
  end
end

return memory
