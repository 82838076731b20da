-- Runs spec files: luajit tests/lua/runner.lua [--jit on|off|hot|eager] [--only TEXT] SPEC...
--
-- Needs LuaJIT alone. Output is TAP; the exit status is 0 when every test passed. A spec is a Lua file
-- that gets the helpers below as its argument:
--
--   local t = ...
--   t.describe("fd", function()
--     t.it("closes once", function() t.equal(1 + 1, 2) end)
--   end)
--
-- Paths for scratch files come from t.path(name), in $CALLGATE_TEST_TMP or a new folder of /tmp.

local t = {}

local results = { count = 0, failed = 0, skipped = 0 }
local prefix = {} -- open describe blocks
local checks -- of the running test
local only

local SKIP = {}

-- --- checks ------------------------------------------------------------------------------------------

local function shown(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function fail(message, level)
  error(message, (level or 1) + 2)
end

-- Values that are equal; numbers and cdata compare as Lua does.
function t.equal(actual, expected)
  checks = checks + 1
  if actual ~= expected then
    fail(("expected %s, got %s"):format(shown(expected), shown(actual)))
  end
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

local function list(value)
  if type(value) ~= "table" then
    return shown(value)
  end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = (type(key) == "number" and "" or tostring(key) .. " = ") .. list(item)
  end
  table.sort(parts)
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- Tables with equal contents.
function t.same(actual, expected)
  checks = checks + 1
  if not same(actual, expected) then
    fail(("expected %s, got %s"):format(list(expected), list(actual)))
  end
end

-- Anything but nil and false; returns what it got, as assert does.
function t.ok(value, message, ...)
  checks = checks + 1
  if not value then
    fail("not true: " .. tostring(message or value))
  end
  return value, message, ...
end

function t.matches(text, pattern)
  checks = checks + 1
  if type(text) ~= "string" or not text:find(pattern) then
    fail(("expected text like %q, got %s"):format(pattern, shown(text)))
  end
end

-- An error whose message, without its position, is exactly `message`, raised as this file's.
function t.raises(message, fn, ...)
  checks = checks + 1
  local ok, got = pcall(fn, ...)
  if ok then
    fail(("expected the error %q, got none"):format(message))
  end
  got = tostring(got)
  local plain = got:gsub("^[^\n]-:%d+: ", "")
  if plain ~= message then
    fail(("expected the error %q, got %q"):format(message, got))
  end
  return got
end

-- The triple of a failed call: t.fails("ENOENT", S.open(path)).
function t.fails(name, value, message, number)
  checks = checks + 1
  local S = require "callgate"
  if value ~= nil or S.errname(number or 0) ~= name or message ~= S.strerror(number) then
    fail(("expected nil, text, %s; got %s, %s, %s"):format(name, shown(value), shown(message), shown(number)))
  end
end

-- --- structure ---------------------------------------------------------------------------------------

-- Ends the running test as skipped; the reason stands in the output.
function t.skip(reason)
  error(setmetatable({ reason = reason }, SKIP), 0)
end

-- Skips on every machine that is not there for the specs alone (qemu-system's are), for what changes the whole machine.
function t.disposable()
  if not os.getenv "CALLGATE_DISPOSABLE" then
    t.skip "it would change the whole machine, which is not there for the specs alone"
  end
end

-- Runs `body` in a child process, for what would change this one: what it raises is raised here, a skip
-- skips. `before` names namespaces of the child's own, as S.unshare takes them; "newns" ones are private.
function t.child(before, body)
  checks = checks + 1
  local S = require "callgate"
  local r, w = assert(S.pipe())
  local write, exit = w.write, S._exit -- loaded before the body takes the library out of the child's sight
  local pid = assert(S.fork())
  if pid == 0 then
    local ok, message = xpcall(function()
      if before then
        local done, why, errno = S.unshare(before)
        if not done and (errno == S.EPERM or errno == S.EINVAL or errno == S.ENOSYS) then
          t.skip(("unshare(%q) is not allowed here: %s"):format(before, why))
        end
        assert(done, why)
        if before:find "newns" then
          assert(S.mount(nil, "/", nil, "rec, private"))
        end
      end
      body()
    end, function(message)
      return getmetatable(message) == SKIP and "# SKIP " .. message.reason or debug.traceback(tostring(message), 2)
    end)
    pcall(write, w, ok and "done" or message)
    exit(0)
  end
  w:close()
  local parts = {}
  repeat
    parts[#parts + 1] = assert(r:read())
  until parts[#parts] == ""
  local text = table.concat(parts)
  local _, status = assert(S.waitpid(pid))
  if text:find "^# SKIP " then
    t.skip(text:sub(8))
  elseif text ~= "done" then
    fail(("the child: %s (%s)"):format(text, tostring(status)))
  end
end

-- Forks a child that exits with what `body` returns, 0 for nothing; with 99 where it raises, which is told on stderr.
-- The child's number.
function t.fork(body)
  local S = require "callgate"
  local pid = assert(S.fork())
  if pid == 0 then
    local ok, result = xpcall(body, debug.traceback)
    if not ok then
      io.stderr:write(tostring(result), "\n")
    end
    S._exit(ok and (result or 0) or 99)
  end
  return pid
end

-- How such a child ended.
function t.ending(body)
  local _, status = assert(require("callgate").waitpid(t.fork(body)))
  return status
end

-- What a call returned, `...`; a skip where the kernel lacks it.
function t.need(name, ...)
  local value, _, errno = ...
  if value == nil and errno == require("callgate").ENOSYS then
    t.skip("this kernel has no " .. name)
  end
  return ...
end

local folder

-- A path of that name in this run's own scratch folder.
function t.path(name)
  if not folder then
    folder = os.getenv "CALLGATE_TEST_TMP"
    if not folder then
      folder = os.tmpname()
      os.remove(folder)
      assert(os.execute("mkdir " .. folder) == 0)
    end
  end
  return folder .. "/" .. name
end

function t.write(name, text)
  local path = t.path(name)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

function t.describe(name, body)
  prefix[#prefix + 1] = name
  body()
  prefix[#prefix] = nil
end

local function traceback(message)
  if getmetatable(message) == SKIP then
    return message
  end
  return debug.traceback(tostring(message), 2)
end

function t.it(name, body)
  local title = table.concat(prefix, " ") .. (prefix[1] and ": " or "") .. name
  if only and not title:find(only, 1, true) then
    return
  end
  checks = 0
  local ok, message = xpcall(body, traceback)
  results.count = results.count + 1
  if ok and checks == 0 then
    ok, message = false, "the test checks nothing"
  end
  if ok then
    print(("ok %d - %s"):format(results.count, title))
  elseif getmetatable(message) == SKIP then
    results.skipped = results.skipped + 1
    print(("ok %d - %s # SKIP %s"):format(results.count, title, message.reason))
  else
    results.failed = results.failed + 1
    print(("not ok %d - %s"):format(results.count, title))
    print("  # " .. tostring(message):gsub("\n", "\n  # "))
  end
end

-- --- the command -------------------------------------------------------------------------------------

local modes = {
  on = function() end,
  off = function() jit.off() end,
  hot = function() require("jit.opt").start("hotloop=1", "hotexit=1") end, -- compile everything at once
  eager = function() -- collect all garbage all the time: nothing may be used that nobody holds any more
    jit.off()
    debug.sethook(function() collectgarbage() end, "", 100)
  end,
}

-- A test of one call of the kernel's table, under its own name and with its own arguments, where this machine's
-- table has it: body(call). Where the kernel lacks it the test is skipped.
function t.call(name, body)
  local fn = require("callgate.syscall")[name]
  if not fn then
    return
  end
  local takes_none = require("callgate.signatures")[name]:find "^.:$"
  t.it(name, function()
    body(function(...)
      if takes_none and select("#", ...) > 0 then
        t.skip(name .. ": a number alone in this machine's table")
      end
      local value, message, errno = fn(...)
      if value == nil and require("callgate.errors").errname(errno) == "ENOSYS" then
        t.skip(name .. ": not in this kernel")
      end
      return value, message, errno
    end)
  end)
end

local function main(...)
  local specs = {}
  local words, i = { ... }, 1
  while words[i] do
    if words[i] == "--jit" then
      i = i + 1
      assert(modes[words[i]], "--jit takes on, off, hot or eager")()
    elseif words[i] == "--only" then
      i = i + 1
      only = words[i]
    else
      specs[#specs + 1] = words[i]
    end
    i = i + 1
  end
  assert(specs[1], "usage: runner.lua [--jit on|off|hot|eager] [--only TEXT] SPEC...")
  io.stdout:setvbuf "line"
  local recorded = os.getenv "CALLGATE_COVERAGE"
    and assert(loadfile((arg[0]:match "^(.*/)" or "") .. "coverage.lua"))()
  for _, spec in ipairs(specs) do
    local chunk = assert(loadfile(spec))
    prefix = {}
    local ok, message = xpcall(function() chunk(t) end, traceback)
    if not ok then
      results.count, results.failed = results.count + 1, results.failed + 1
      print(("not ok %d - %s does not load\n  # %s"):format(results.count, spec,
        tostring(message):gsub("\n", "\n  # ")))
    end
  end
  print(("1..%d"):format(results.count))
  print(("# %d passed, %d failed, %d skipped"):format(
    results.count - results.failed - results.skipped, results.failed, results.skipped))
  io.write(recorded and recorded() or "")
  return results.failed == 0 and results.count > 0 and 0 or 1
end

os.exit(main(...))
