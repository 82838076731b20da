-- What takes more than another name or another order of arguments on some machines, mostly those of 32
-- bits. routes.lua says where; each maker gets the kernel's call that its machine has for it.

local ffi = require "ffi"
local bit = require "bit"
local sys = require "callgate.sys"
local target = require "callgate.target"

local narrow = {}

local cast = ffi.cast

-- --- offsets -----------------------------------------------------------------------------------------

local function large()
  return require("callgate.constants").get "O_LARGEFILE"
end

-- Files of 2 GB and more open only with O_LARGEFILE (open(2)), which 64-bit kernels add by themselves.
function narrow.openat(call)
  local raw, O_LARGEFILE = sys.bare(call), large()
  return function(dirfd, path, flags, mode)
    return raw(dirfd, path, bit.bor(flags, O_LARGEFILE), mode)
  end
end

function narrow.openat2(call)
  local raw, O_LARGEFILE = sys.bare(call), large()
  local open_how = require("callgate.types").pointer "open_how"
  return function(dirfd, path, how, size)
    how = ffi.cast(open_how, how)
    how.flags = bit.bor(how.flags, O_LARGEFILE)
    return raw(dirfd, path, how, size)
  end
end

-- _llseek(2) stores the result.
function narrow.lseek(call)
  local raw, result = sys.bare(call), ffi.new "int64_t[1]"
  return function(fd, offset, whence)
    local low, high = sys.split(offset)
    if raw(fd, high, low, result, whence) == -1 then
      return -1
    end
    return result[0]
  end
end

local PAGE_BITS = 12 -- mmap2's unit is 4096 bytes whatever the page's size (mmap2(2))
local EINVAL = 22

-- On 32-bit machines the offset counts pages; s390's mmap takes its arguments in memory (arch/s390/kernel/
-- syscall.c: struct s390_mmap_arg_struct). Addresses come back as int64_t or as numbers that never are -1.
function narrow.mmap(call)
  local raw = sys.bare(call)
  if call == "mmap" then
    return function(addr, length, prot, flags, fd, offset)
      local list = ffi.new("long[6]", cast("long", addr), cast("long", length), prot, flags, fd, offset)
      return raw(list)
    end
  end
  return function(addr, length, prot, flags, fd, offset)
    local wide = cast("int64_t", offset)
    if bit.band(wide, 4095LL) ~= 0 then
      ffi.errno(EINVAL)
      return -1
    end
    return raw(addr, length, prot, flags, fd, tonumber(cast("int32_t", bit.arshift(wide, PAGE_BITS))))
  end
end

-- The two words of preadv's offset come low first on every machine (fs/read_write.c: pos_from_hilo).
local function in_words(call)
  local raw = sys.bare(call)
  if call:find "2$" then
    return function(fd, iov, count, offset, _, flags)
      local low, high = sys.split(offset)
      return raw(fd, iov, count, low, high, flags)
    end
  end
  return function(fd, iov, count, offset)
    local low, high = sys.split(offset)
    return raw(fd, iov, count, low, high)
  end
end

narrow.preadv, narrow.pwritev = in_words, in_words
narrow.preadv2, narrow.pwritev2 = in_words, in_words

-- These two have seven registers on mips, and libc's syscall() hands on six; libc has functions for them.
function narrow.sync_file_range()
  return ffi.C[sys.symbol("sync_file_range", "i:iqqu")]
end

function narrow.fadvise64()
  local raw = ffi.C[sys.symbol(target.libc() == "musl" and "posix_fadvise" or "posix_fadvise64", "i:iqqi")]
  return function(fd, offset, len, advice)
    local errno = raw(fd, offset, len, advice) -- which is its result (posix_fadvise(2))
    if errno ~= 0 then
      ffi.errno(errno)
      return -1
    end
    return 0
  end
end

-- timex of 64 bits, the only one here: Linux 5.1.
function narrow.clock_adjtime(call)
  return sys.bare(call)
end

-- --- System V IPC ------------------------------------------------------------------------------------

local IPC_64 = 256 -- linux/ipc.h: records of the second version

function narrow.semctl(call)
  local raw = sys.bare(call)
  return function(id, number, operation, argument)
    return raw(id, number, bit.bor(operation, IPC_64), argument)
  end
end

local function control(call)
  local raw = sys.bare(call)
  return function(id, operation, argument)
    return raw(id, bit.bor(operation, IPC_64), argument)
  end
end

narrow.msgctl, narrow.shmctl = control, control

-- The kernels of most machines have semop in semtimedop alone.
function narrow.semop(call)
  if call == "semop" then
    return sys.bare(call)
  end
  return function(id, operations, count)
    return sys.semtimedop(id, operations, count, nil)
  end
end

local SHMAT = 21 -- linux/ipc.h

-- ipc(2), which kernels before Linux 5.1 have alone, stores the address.
function narrow.shmat(call)
  local raw, ipc = sys.bare(call), sys.bare "ipc"
  local box = ffi.new "long[1]"
  return require("callgate.older").with_fallback(raw, function(id, addr, flags)
    if ipc(SHMAT, id, flags, cast("long", cast("intptr_t", box)), addr, 0) == -1 then
      return -1
    end
    return box[0]
  end, 3)
end

-- --- file systems ------------------------------------------------------------------------------------

local function with_size(call)
  local raw = sys.bare(call)
  local size = require("callgate.types").s.statfs
  return function(file, buffer)
    return raw(file, size, buffer)
  end
end

narrow.statfs, narrow.fstatfs = with_size, with_size

-- --- stat --------------------------------------------------------------------------------------------

local AT_EMPTY_PATH, BASIC_STATS = 0x1000, 0x7ff -- linux/fcntl.h, linux/stat.h: the same everywhere

-- A device's number as the kernel encodes it for programs (include/linux/kdev_t.h: new_encode_dev).
local function device(major, minor)
  return bit.bor(bit.band(minor, 255), bit.lshift(major, 8), bit.lshift(bit.band(minor, bit.bnot(255)), 12))
end

local function from_statx(st, stx)
  st.st_dev = device(stx.stx_dev_major, stx.stx_dev_minor)
  st.st_rdev = device(stx.stx_rdev_major, stx.stx_rdev_minor)
  st.st_ino, st.st_mode, st.st_nlink = stx.stx_ino, stx.stx_mode, stx.stx_nlink
  st.st_uid, st.st_gid, st.st_size = stx.stx_uid, stx.stx_gid, stx.stx_size
  st.st_blksize, st.st_blocks = stx.stx_blksize, stx.stx_blocks
  st.st_atime, st.st_atime_nsec = stx.stx_atime.tv_sec, stx.stx_atime.tv_nsec
  st.st_mtime, st.st_mtime_nsec = stx.stx_mtime.tv_sec, stx.stx_mtime.tv_nsec
  st.st_ctime, st.st_ctime_nsec = stx.stx_ctime.tv_sec, stx.stx_ctime.tv_nsec
end

local FIELDS = {
  "dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks",
  "atime", "atime_nsec", "mtime", "mtime_nsec", "ctime", "ctime_nsec",
}

-- The record that the kernel's older call fills in.
local function old_stat()
  local types = require "callgate.types"
  return target.registers == 32 and types.t.stat64 or types.record "struct stat"
end

-- What a stat call does by statx, before Linux 4.11 by `older`; `call` is the one that the machine has for
-- that, statx where it has none.
local function by_statx(call, older)
  local statx = sys.bare "statx"
  local stx, old_t -- one is enough: nobody else runs between the call and the copying
  local function new(dirfd, path, st, flags)
    stx = stx or require("callgate.types").t.statx()
    if statx(dirfd, path, flags, BASIC_STATS, stx) == -1 then
      return -1
    end
    from_statx(st, stx)
    return 0
  end
  if call == "statx" then
    return new
  end
  local function old(dirfd, path, st, flags)
    old_t = old_t or old_stat()
    local value = old_t()
    if older(dirfd, path, value, flags) == -1 then
      return -1
    end
    for _, name in ipairs(FIELDS) do
      st["st_" .. name] = value["st_" .. name]
    end
    return 0
  end
  return require("callgate.older").with_fallback(new, old, 4)
end

function narrow.newfstatat(call)
  local raw = sys.bare(call)
  local stat = by_statx(call, function(dirfd, path, st, flags) return raw(dirfd, path, st, flags) end)
  return function(dirfd, path, st, flags)
    return stat(dirfd, path, st, flags)
  end
end

function narrow.fstat(call)
  local raw = sys.bare(call)
  local stat = by_statx(call, function(fd, _, st) return raw(fd, st) end)
  return function(fd, st)
    return stat(fd, "", st, AT_EMPTY_PATH)
  end
end

return narrow
