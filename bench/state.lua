-- How fast callgate.state is: luajit bench/state.lua. Microseconds, the best of seven rounds, beside what they may be.

local ffi = require "ffi"
local state = require "callgate.state"

ffi.cdef [[
typedef struct { long sec, nsec; } bench_time;
int bench_clock(int, bench_time *) __asm__("clock_gettime");
]]
local ts = ffi.new "bench_time"
local clock = 2 -- the processor time of this process: others' programs take no part in it
local function now()
  ffi.C.bench_clock(clock, ts)
  return tonumber(ts.sec) * 1e6 + tonumber(ts.nsec) / 1e3
end

local function best(count, body)
  local least = math.huge
  for _ = 1, 7 do
    local from = now()
    for _ = 1, count do
      body()
    end
    least = math.min(least, (now() - from) / count)
  end
  return least
end

local over = 0
local function report(name, figure, limit, unit, at_least)
  local ok = at_least and figure >= limit or not at_least and figure <= limit
  over = over + (ok and 0 or 1)
  print(("%-44s %9.3f %s  (%s %g) %s"):format(name, figure, unit, at_least and ">=" or "<=", limit,
    ok and "ok" or "OVER"))
end

report("create + close, both limits", best(300, function()
  state.create("bench", { maxalloc = 2 ^ 20, maxcount = 1e6 }):close()
end), 150, "us")

local ECHO = "return function(x) while true do x = coroutine.yield(x) end end"
for _, row in ipairs { { "", nil }, { ", limited", { maxalloc = 2 ^ 20, maxcount = 1e6 } } } do
  local st = state.create(nil, row[2])
  st:script(ECHO)
  local small = { a = 1, b = "two", c = { 1, 2, 3 } }
  report("exec of 'return 1'" .. row[1], best(20000, function() st:exec "return 1" end), 2, "us")
  report("resume, a number in and out" .. row[1], best(50000, function() st:resume(42) end), 1, "us")
  report("resume, a small table in and out" .. row[1], best(20000, function() st:resume(small) end), 2.5, "us")
  st:close()
end

local BUSY = [[
  local t = {}
  for round = 1, 5 do
    for i = 1, 20000 do t[i % 100] = { i, x = i } t[i % 7] = tostring(i) end
    local s = 0
    for i = 1, 50000 do s = s + i % 3 if s > 100 then s = 0 end end
  end]]
local free, limited = state.create(nil, { jit = false }), state.create(nil, { maxcount = 2e9 })
local a, b = math.huge, math.huge
for _ = 1, 9 do -- in turn, since a machine's speed drifts
  local from = now()
  assert(free:exec(BUSY))
  local middle = now()
  assert(limited:exec(BUSY))
  a, b = math.min(a, middle - from), math.min(b, now() - middle)
end
report("a busy script, limited over JIT off", b / a, 1.3, "x")

local WORK = "return function(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end"
local function threads(count)
  local jobs = {}
  local from = now()
  for i = 1, count do
    local st = state.create(nil, { jit = false })
    st:script(WORK)
    jobs[i] = { st, assert(st:thread(2e7)) }
  end
  for _, pair in ipairs(jobs) do
    assert(pair[2]:join())
    pair[1]:close()
  end
  return count / (now() - from)
end
clock = 1 -- and here the time that passes
local one, four = 0, 0
for _ = 1, 3 do
  one, four = math.max(one, threads(1)), math.max(four, threads(4))
end
report("four threads over one (needs two processors)", four / one, 1.9, "x", true)
os.exit(over == 0 and 0 or 1)
