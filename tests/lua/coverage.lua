-- What the kernel's calls came to in a spec and its child processes, for the coverage table. runner.lua loads this
-- where $CALLGATE_COVERAGE is set, before the library, and prints what it returns, a line for each call and outcome:
-- "# call openat ok", "# call openat ENOENT".
--
-- All calls of the library go through the C functions that sys.lua declares: ffi.C hands out recording ones. What they
-- note are bytes of memory that children share, since a spec may close every descriptor and end without another word.

local ffi = require "ffi"

ffi.cdef [[void *callgate_coverage_map(void *, size_t, int, int, int, long) __asm__("mmap");]]

local PROT, SHARED, ANONYMOUS = 3, 1, jit.arch:find "^mips" and 0x800 or 0x20 -- asm/mman.h
local OUTCOMES = 256 -- for each call: 0 is success, else the errno; 255 all errnos from there
local CALLS = 1024

local real = ffi.C
local seen = ffi.cast("uint8_t *",
  real.callgate_coverage_map(nil, CALLS * OUTCOMES, PROT, bit.bor(SHARED, ANONYMOUS), -1, 0))
assert(ffi.cast("intptr_t", seen) ~= -1, "no memory for the coverage table")

local places, names = {}, {} -- number of a call <-> where its outcomes begin, and its names
local here = {} -- C functions that are calls by themselves: name of the call -> where its outcomes begin

-- Calls that do not return when they succeed.
local FINAL = {
  exit = true, exit_group = true, execve = true, execveat = true, rt_sigreturn = true, reboot = true,
  ARM_breakpoint = true,
}

-- Functions of the C library that sys.symbol declares, where they have not the name of the call that they make.
local FADVISE = { "arm_fadvise64_64", "fadvise64_64", "fadvise64" }
local SYMBOLS = {
  fork = { "clone" },
  signal = { "rt_sigaction" },
  posix_fadvise = FADVISE,
  posix_fadvise64 = FADVISE,
  sync_file_range = { "arm_sync_file_range", "sync_file_range2", "sync_file_range" },
}

local function note(place, result)
  local outcome = 0
  if result == -1 or type(result) == "cdata" and ffi.cast("intptr_t", result) == -1 then
    outcome = math.min(ffi.errno(), OUTCOMES - 1)
  end
  seen[place + outcome] = 1
  return result
end

-- A C function whose first argument is the call's number.
local function by_number(fn)
  return function(number, ...)
    local place = places[number]
    if not place then
      return fn(number, ...)
    elseif not FINAL[names[place][1]] then
      return note(place, fn(number, ...))
    end
    local before = seen[place]
    seen[place] = 1
    local result = fn(number, ...)
    seen[place] = before
    return note(place, result)
  end
end

local function by_name(symbol, fn)
  local place
  for _, name in ipairs(SYMBOLS[symbol] or { symbol }) do
    place = place or here[name]
  end
  return not place and fn or function(...)
    return note(place, fn(...))
  end
end

ffi.C = setmetatable({}, {
  __index = function(self, name)
    local fn = real[name]
    local symbol = name:match "^callgate_libc_(.*)$"
    if symbol then
      fn = by_name(symbol, fn)
    elseif name:find "^callgate_%a_%a*$" then
      fn = by_number(fn)
    else
      return fn -- no function, perhaps: "environ" changes
    end
    rawset(self, name, fn)
    return fn
  end,
  __newindex = function(_, name, value)
    real[name] = value
  end,
})

local count = 0
for name, number in pairs(require("callgate.target").numbers) do
  if not places[number] then
    places[number], names[count * OUTCOMES] = count * OUTCOMES, {}
    count = count + 1
  end
  here[name] = places[number]
  table.insert(names[places[number]], name)
end
assert(count <= CALLS)

return function()
  local errname = require("callgate.errors").errname
  local lines = {}
  for place, known in pairs(names) do
    for outcome = 0, OUTCOMES - 1 do
      if seen[place + outcome] ~= 0 then
        local text = outcome == 0 and "ok" or errname(outcome) or ("errno %d"):format(outcome)
        for _, name in ipairs(known) do
          lines[#lines + 1] = ("# call %s %s\n"):format(name, text)
        end
      end
    end
  end
  table.sort(lines)
  return table.concat(lines)
end
