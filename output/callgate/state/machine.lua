-- What of a state cannot be Lua, as machine code: the allocator that keeps it within its memory, the main function
-- of its thread, its end, and freeing at one stroke. A callback into Lua would be ten times slower and cannot run in
-- threads, and not every LuaJIT has any. machine.c is its source.
--
-- machine.limiter, machine.discard, machine.thread, machine.drop: pointers; nil where there is no code for this
-- processor, or the system refuses to execute what a process has written (SELinux, PaX)
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
local ALIGNMENT = 16 -- of functions: as much as any processor asks for

local function bytes(digits)
  return (digits:gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end))
end

-- The functions of machine.c by name, as pointers.
local function place()
  local functions, at = {}, 0
  local code = require("callgate.state.machine_code")[jit.arch]
  local address = code and sys.mmap(0, PAGE, PROT_READ + PROT_WRITE, MAP, -1, 0) or -1
  if address == -1 then
    return functions
  end
  local page = ffi.cast("char *", ffi.cast("intptr_t", address))
  for name, digits in pairs(code) do
    local text = bytes(digits)
    ffi.copy(page + at, text, #text)
    functions[name] = ffi.cast("void *", page + at)
    at = at + math.ceil(#text / ALIGNMENT) * ALIGNMENT
  end
  if sys.mprotect(address, PAGE, PROT_READ + PROT_EXEC) ~= 0 then
    sys.munmap(address, PAGE)
    return {}
  end
  return functions -- mapped until the process ends: states of other Lua VMs, too, may be using it
end

-- One page is enough for all copies of this library in a VM.
local shared = require "callgate.shared"
shared.machine = shared.machine or place()

return shared.machine
