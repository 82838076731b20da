-- mmap, which makes a region object: see region.lua.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"

local memory = {}

local NO_FD = -1
local PAGE = 4096 -- the smallest there is: no machine needs more bytes for a length

local function maker(call, first)
  local raw = sys.mmap
  local PROT, MAP = flags.group "PROT", flags.group "MAP"
  local region_t = require("callgate.region").type
  return function(addr, length, prot, options, fd, offset)
    length = args.size(length, call, first, "length")
    prot = args.flags(prot, call, first + 1, "prot", PROT)
    options = args.flags(options, call, first + 2, "flags", MAP)
    offset = offset == nil and 0 or args.long(offset, call, call == "mmap" and 6 or first + 3, "offset")
    local result = raw(addr, length, prot, options, fd, offset)
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
    addr = args.address(addr, "mmap", 1, "addr")
    fd = fd == nil and NO_FD or args.fd(fd, "mmap", 5, "fd")
    return map(addr, length, prot, options, fd, offset)
  end
end

-- fd:mmap(length, prot, flags[, offset])
function memory.fd_mmap()
  local map = maker("fd:mmap", 2)
  return function(fd, length, prot, options, offset)
    fd = args.fd(fd, "fd:mmap", 1, "fd")
    return map(0, length, prot, options, fd, offset)
  end
end

-- S.mincore(addr, length, vec): one byte for each page, whose lowest bit tells whether it is in RAM.
function memory.mincore()
  local raw = sys.mincore
  return function(addr, length, vec)
    local word = args.address(addr, "mincore", 1, "addr")
    length = args.size(length, "mincore", 2, "length")
    local pages = math.ceil(tonumber(length) / PAGE)
    args.length(pages, "mincore", 3, "vec", args.buffer(vec, "mincore", 3, "vec"))
    if raw(word, length, vec) == -1 then
      return errors.fail()
    end
    return true
  end
end

return memory
