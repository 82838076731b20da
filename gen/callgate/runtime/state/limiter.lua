-- The allocator that keeps a state within its memory: machine code, since a callback into Lua would be ten
-- times slower and cannot run in threads. limiter.c is its source.
--
-- The bytes are written to a fresh page before it becomes executable: then every kernel makes the
-- instruction cache see them (arch/arm64/mm/flush.c, __sync_icache_dcache).

local ffi = require "ffi"
local constants = require "callgate.constants"
local sys = require "callgate.sys" -- the C library's mmap takes offsets of 32 bits here, of 64 there

local get = constants.get
local PROT_READ, PROT_WRITE, PROT_EXEC = get "PROT_READ", get "PROT_WRITE", get "PROT_EXEC"
local MAP = get "MAP_PRIVATE" + get "MAP_ANONYMOUS"

local PAGE = 65536 -- the largest page that a kernel uses: at least one, whatever its size

-- The allocator as a pointer, or nil where there is none for this processor or the system refuses to
-- execute what a process has written (SELinux, PaX).
local function place()
  local digits = require("callgate.state.limiter_code")[jit.arch]
  if not digits then
    return nil
  end
  local code = digits:gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end)
  local address = sys.mmap(0, PAGE, PROT_READ + PROT_WRITE, MAP, -1, 0)
  if address == -1 then
    return nil
  end
  local page = ffi.cast("void *", ffi.cast("intptr_t", address))
  ffi.copy(page, code, #code)
  if sys.mprotect(address, PAGE, PROT_READ + PROT_EXEC) ~= 0 then
    sys.munmap(address, PAGE)
    return nil
  end
  return page -- mapped until the process ends: states of other Lua VMs, too, may be using it
end

-- One page is enough for all copies of this library in a VM.
local shared = require "callgate.shared"
if shared.limiter == nil then
  shared.limiter = place() or false
end

return shared.limiter
