-- What callgate.state costs, one figure of it: luajit state.lua NAME COUNT. Microseconds, of the processor's time; for
-- "busy" and "threads" a ratio.

local ffi = require "ffi"
local state = require "callgate.state"

local name, count = arg[1], tonumber(arg[2])

ffi.cdef [[
typedef struct { long sec, nsec; } bench_time;
int bench_clock(int, bench_time *) __asm__("clock_gettime");
]]
local ts = ffi.new "bench_time"
local OWN, WALL = 2, 1 -- CLOCK_PROCESS_CPUTIME_ID: others' programs take no part in it; CLOCK_MONOTONIC
local function now(clock)
  ffi.C.bench_clock(clock or OWN, ts)
  return tonumber(ts.sec) * 1e6 + tonumber(ts.nsec) / 1e3
end

local function each(body)
  local from = now()
  for _ = 1, count do
    body()
  end
  return (now() - from) / count
end

local LIMITS = { maxalloc = 2 ^ 20, maxcount = 1e6 }
local ECHO = "return function(x) while true do x = coroutine.yield(x) end end"

local function echoing(options)
  local st = assert(state.create(nil, options))
  assert(st:script(ECHO))
  return st
end

-- Allocation, strings and tables, arithmetic: what plugins do.
local BUSY = [[
  local t = {}
  for i = 1, 20000 do t[i % 100] = { i, x = i } t[i % 7] = tostring(i) end
  local s = 0
  for i = 1, 50000 do s = s + i % 3 if s > 100 then s = 0 end end]]

local WORK = "return function(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end"

-- How much of WORK so many threads do in a second.
local function threads(number)
  local jobs = {}
  local from = now(WALL)
  for i = 1, number do
    local st = assert(state.create(nil, { jit = false }))
    assert(st:script(WORK))
    jobs[i] = { st, assert(st:thread(count)) }
  end
  for _, pair in ipairs(jobs) do
    assert(pair[2]:join())
    assert(pair[1]:close())
  end
  return number / (now(WALL) - from)
end

local benches = {}

function benches.create(options)
  return each(function() assert(assert(state.create("bench", options)):close()) end)
end

function benches.exec(options)
  local st = assert(state.create(nil, options))
  return each(function() return st:exec "return 1" end)
end

function benches.resume(options)
  local st = echoing(options)
  return each(function() return st:resume(42) end)
end

function benches.resume_table(options)
  local st, small = echoing(options), { a = 1, b = "two", c = { 1, 2, 3 } }
  return each(function() return st:resume(small) end)
end

function benches.busy()
  local free, limited = assert(state.create(nil, { jit = false })), assert(state.create(nil, { maxcount = 2e9 }))
  local a, b = math.huge, math.huge
  for _ = 1, count do -- in turn, since a machine's speed drifts
    local from = now()
    assert(free:exec(BUSY))
    local middle = now()
    assert(limited:exec(BUSY))
    a, b = math.min(a, middle - from), math.min(b, now() - middle)
  end
  return b / a
end

function benches.threads()
  local one = threads(1)
  return threads(4) / one
end

local plain = name:gsub("_limited$", "")
print(("%.4f"):format(benches[plain](plain ~= name and LIMITS or nil)))
