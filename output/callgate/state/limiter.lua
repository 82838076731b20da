-- The allocator that keeps a state within its memory: machine code, since a callback into Lua would be ten
-- times slower and cannot run in threads. limiter.c is its source.
--
-- The bytes are written to a fresh page before it becomes executable: then every kernel makes the
-- instruction cache see them (arch/arm64/mm/flush.c, __sync_icache_dcache).

local ffi = require "ffi"
local C = require("callgate.state.native").C

local PROT_READ, PROT_WRITE, PROT_EXEC, MAP_PRIVATE = 1, 2, 4, 2 -- asm-generic/mman-common.h
local MAP_ANONYMOUS = jit.arch:find "^mips" and 0x800 or 0x20 -- arch/mips/include/uapi/asm/mman.h

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
  local page = C.callgate_state_mmap(nil, PAGE, PROT_READ + PROT_WRITE, MAP_PRIVATE + MAP_ANONYMOUS, -1, 0)
  if ffi.cast("intptr_t", page) == -1 then
    return nil
  end
  ffi.copy(page, code, #code)
  if C.callgate_state_mprotect(page, PAGE, PROT_READ + PROT_EXEC) ~= 0 then
    C.callgate_state_munmap(page, PAGE)
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
