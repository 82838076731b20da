-- What `require` costs: milliseconds, and kilobytes of Lua's heap beyond an empty LuaJIT. With EXPRESSION
-- (of S) what evaluating that costs afterwards.
--
--   luajit load.lua LIBRARY [EXPRESSION]        LIBRARY is callgate or syscall (ljsyscall)

local library, expression = arg[1], arg[2]
local ffi = require "ffi"
ffi.cdef [[
typedef struct { long sec, nsec; } bench_time;
int bench_clock(int, bench_time *) __asm__("clock_gettime");
]]
local ts = ffi.new "bench_time"
local function now()
  ffi.C.bench_clock(1, ts)
  return tonumber(ts.sec) * 1e3 + tonumber(ts.nsec) / 1e6
end
local touch = assert(loadstring("local S = ... return " .. (expression or "nil")))

now()
collectgarbage()
collectgarbage()
local before = collectgarbage "count"
local start = now()
local S = require(library)
local took = now() - start
if expression then
  start = now()
  assert(touch(S) ~= nil, expression)
  took = now() - start
end
collectgarbage()
collectgarbage()
print(("%.3f %.1f"):format(took, collectgarbage "count" - before))
