local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- LuaJIT's own thresholds, whatever the run was started with: with --jit hot everything is compiled at
-- its first pass, before the calls have loaded what they need, and given up. A LuaJIT without a compiler
-- for its machine (s390x, powerpc64le) has no such module.
local compiles, thresholds = pcall(require, "jit.opt")
if compiles then
  thresholds.start("hotloop=56", "hotexit=10")
end

local HERE = debug.getinfo(1, "S").source

-- Runs `loop`, which is to be one loop over a call, twice: first to let it compile, then to see that its
-- trace serves. Returns how many traces of this file were finished, and what was given up afterwards.
local function traces(loop)
  local finished, reasons = 0, {}
  local function watch(what, _, fn, pc, code, reason)
    local info = fn and require("jit.util").funcinfo(fn, pc)
    if not info or info.source ~= HERE then
      return
    elseif what == "stop" then
      finished = finished + 1
    elseif what == "abort" then
      reasons[#reasons + 1] = ("line %d: %s %s"):format(info.currentline, tostring(code), tostring(reason))
    end
  end
  jit.flush()
  jit.attach(watch, "trace")
  loop(5000)
  reasons = {}
  loop(5000)
  jit.attach(watch)
  return finished, table.concat(reasons, "; ")
end

local buffer = ffi.new("char[?]", 4096)
local zero, null = assert(S.open("/dev/zero", "rdwr")), assert(S.open("/dev/null", "rdwr"))
local file = assert(S.open("/etc/passwd"))
local a, b = assert(S.socketpair())
local st, ts = S.t.stat(), S.t.timespec()
local ep = assert(S.epoll_create())
local e = assert(S.eventfd(1))
assert(ep:add(e, "in"))
local list = S.epoll_events(4)

local loops = {
  getppid = function(n) for _ = 1, n do S.getppid() end end,
  read = function(n) for _ = 1, n do assert(zero:read(buffer, 1) == 1) end end,
  ["read of a string"] = function(n) for _ = 1, n do assert(#zero:read(nil, 16) == 16) end end,
  write = function(n) for _ = 1, n do assert(null:write("x", 1) == 1) end end,
  pread = function(n) for _ = 1, n do assert(file:pread(buffer, 1, 0) == 1) end end,
  lseek = function(n) for _ = 1, n do assert(file:lseek(0, "set") == 0) end end,
  stat = function(n) for _ = 1, n do assert(S.stat("/", st)) end end,
  fstat = function(n) for _ = 1, n do assert(file:stat(st)) end end,
  ["a failing call"] = function(n) for _ = 1, n do assert(S.access("/no/such/file", "r") == nil) end end,
  clock_gettime = function(n) for _ = 1, n do assert(S.clock_gettime("monotonic", ts)) end end,
  ["send and recv"] = function(n) for _ = 1, n do assert(a:send(buffer, 1) and b:recv(buffer, 1)) end end,
  epoll_wait = function(n) for _ = 1, n do assert(ep:wait(list, 0)) end end,
}

t.describe("a hot loop of", function()
  for name, loop in pairs(loops) do
    t.it(name .. " compiles, and is not given up", function()
      if not jit.status() then
        t.skip "the compiler is off"
      end
      -- Where traces start, and when a place is given up, is drawn at random by LuaJIT (lj_trace.c,
      -- penalty_pc): a loop that compiles does so within a few tries, one that cannot never does.
      local finished, reasons
      for _ = 1, 5 do
        finished, reasons = traces(loop)
        if finished >= 1 and reasons == "" then
          break
        end
        jit.flush()
      end
      t.ok(finished >= 1, "no trace")
      t.equal(reasons, "")
    end)
  end
end)

t.describe("a hot loop", function()
  t.it("allocates nothing where it returns numbers, true, or what it was given", function()
    if not jit.status() then
      t.skip "the compiler is off"
    end
    for _, name in ipairs { "getppid", "read", "write", "pread", "stat", "fstat", "a failing call", "clock_gettime" } do
      loops[name](3000)
      collectgarbage()
      collectgarbage "stop"
      local before = collectgarbage "count"
      loops[name](3000)
      local grown = collectgarbage "count" - before
      collectgarbage "restart"
      t.ok(grown < 16, ("%s: %.1f KB for 3000 calls"):format(name, grown))
    end
  end)
end)
