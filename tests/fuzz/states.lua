-- Random scripts in random sequences of calls of callgate.state: luajit states.lua SEED FIRST LAST SECONDS THREADS
--
-- Ends with status 0 when every answer was a value, or nil, text, errno; no state was above its memory; each
-- could still be used or closed. Says on stderr which case it was otherwise. THREADS is "off"; "joined": they
-- run, and are waited for; or "stopped": half of them are stopped at once, wherever they are then.
--
-- A case depends on SEED and its number alone: not on cases before it, the time, nor on where the library lies.
-- (The text of addresses and the order of `next` are LuaJIT's, and vary.)

package.path = arg[0]:match "^(.*/)" .. "?.lua;" .. package.path

local random = require "random"
local state = require "callgate.state"

local seed, first, last, seconds = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4])
local threads = arg[5]
assert(threads == "off" or threads == "joined" or threads == "stopped", "THREADS is off, joined or stopped")
state.config.path = "./?.lua" -- each state has a copy: package.path's length would be part of its memory

-- --- scripts -----------------------------------------------------------------------------------------

local NAMES = { "a", "b", "c", "env", "string", "table", "_G", "x" }
local VALUES = {
  "nil", "true", "0", "-1", "2^53", "0/0", "1e308", "''", "'text'", "('x'):rep(1000)", "{}", "{ 1, 2, { a = 1 } }",
  "function() end", "tostring", "_G", "coroutine.create(function() end)", "...", "setmetatable({}, { __index = _G })",
}

local expression

local function arguments(r, depth)
  local list = {}
  for i = 1, r:int(3) do
    list[i] = expression(r, depth + 1)
  end
  return table.concat(list, ", ")
end

local CALLS = {
  "pcall", "xpcall", "error", "tostring", "tonumber", "type", "select", "unpack", "setmetatable", "getmetatable",
  "rawget", "rawset", "next", "load", "loadstring", "setfenv", "getfenv", "collectgarbage", "require", "assert",
  "string.rep", "string.find", "string.gsub", "string.format", "string.byte", "string.char", "table.concat",
  "table.insert", "table.remove", "table.sort", "math.random", "math.floor", "bit.band", "os.difftime",
  "coroutine.resume", "coroutine.wrap", "coroutine.yield", "coroutine.create",
}

function expression(r, depth)
  local kind = r:int(depth > 3 and 2 or 7)
  if kind == 1 then
    return r:pick(VALUES)
  elseif kind == 2 then
    return r:pick(NAMES)
  elseif kind == 3 then
    return ("(%s %s %s)"):format(expression(r, depth + 1), r:pick { "+", "..", "==", "<", "and", "or", "*", "%" },
      expression(r, depth + 1))
  elseif kind == 4 then
    return ("%s(%s)"):format(r:pick(CALLS), arguments(r, depth))
  elseif kind == 5 then
    return ("(%s)[%s]"):format(expression(r, depth + 1), expression(r, depth + 1))
  elseif kind == 6 then
    return ("function(...) %s end"):format(r:chance(50) and "return " .. expression(r, depth + 1) or "")
  end
  return ("{ %s, x = %s }"):format(expression(r, depth + 1), expression(r, depth + 1))
end

-- `ends`: for a state whose compiler is on, which has no limits: nothing loops or allocates for ever. A short loop that
-- is entered often is compiled just as well.
local function block(r, depth, ends)
  local list = {}
  for i = 1, r:int(4) do
    local kind = r:int(depth > 3 and 3 or 10)
    local line
    if kind <= 2 then
      line = ("%s = %s"):format(r:pick { "a", "b", "c", "env.x", "env[1]", "x" }, expression(r, depth))
    elseif kind == 3 then
      line = ("%s(%s)"):format(r:pick(CALLS), arguments(r, depth))
    elseif kind == 4 then
      local most = ends and (depth == 1 and 200 or 5) or 10 ^ r:int(6)
      line = ("for i = 1, %d do %s end"):format(most, block(r, depth + 1, ends))
    elseif kind == 5 then
      line = ("while %s do %s %s end"):format(expression(r, depth), block(r, depth + 1, ends), ends and "break" or "")
    elseif kind == 6 then
      line = ("pcall(function(...) %s end)"):format(block(r, depth + 1, ends))
    elseif kind == 7 and ends then -- as deep as the stack allows, but in no loop
      line = depth == 1 and "local function f(...) x = ... return { f(...) } end pcall(f, x)" or "x = ..."
    elseif kind == 7 then
      line = ("local function f(...) %s return f(...) end pcall(f, %s)"):format(block(r, depth + 1),
        arguments(r, depth))
    elseif kind == 8 then
      line = ("coroutine.wrap(function(...) %s end)(%s)"):format(block(r, depth + 1, ends), arguments(r, depth))
    elseif kind == 9 then
      line = ("local t = {} %s do t[#t + 1] = %s end"):format(ends and "for _ = 1, 300" or "while true",
        expression(r, depth))
    else
      line = ("xpcall(function(...) %s end, function(...) %s end)"):format(block(r, depth + 1, ends),
        block(r, ends and 4 or depth + 1)) -- errors in handlers call the handler, and theirs
    end
    list[i] = "do " .. line .. " end"
  end
  return table.concat(list, " ")
end

local function script(r, ends)
  local text = block(r, 1, ends)
  if r:chance(20) then
    text = text .. " return " .. expression(r, 1)
  elseif r:chance(30) then
    text = ("return function(...) while true do %s coroutine.yield(%s) end end"):format(text, expression(r, 1))
  end
  if r:chance(5) then -- a broken one
    text = text:sub(1, r:int(#text))
  end
  return text
end

-- --- calls -------------------------------------------------------------------------------------------

local function value(r, depth)
  local kind = r:int((depth or 0) > 2 and 5 or 7)
  if kind == 6 then
    local list = {}
    for i = 1, r:int(4) do
      list[r:chance(50) and i or "k" .. i] = value(r, (depth or 0) + 1)
    end
    return list
  end
  return ({ nil, true, r:int(1e6) / 7, "text", ("x"):rep(r:int(5000)), nil, print })[kind]
end

local failures = {}
local RETURNS = { exec = true, resume = true, resumes = true, thread = true }

local function check(ok, what)
  if not ok then
    error("FOUND: " .. what, 0)
  end
end

-- What a call has returned: a misuse is a message of the library's own.
local function judge(name, ok, result, message, errno)
  if not ok then
    local text = tostring(result)
    check(not text:find "attempt to" and not text:find "cannot convert", name .. " speaks of internals: " .. text)
    failures.misuse = (failures.misuse or 0) + 1
  elseif result == nil and errno ~= nil and type(errno) == "number" and errno == errno then
    -- What a script returns may be nil, anything, a number.
    check(type(message) == "string" or RETURNS[name], name .. " fails without a message")
    failures[errno] = (failures[errno] or 0) + 1
  end
  return ok and result
end

local compiled = {} -- states whose compiler is on

local function make(r)
  local compiles = r:chance(25)
  local options = {
    maxcount = not compiles and 10 ^ r:int(5) or nil,
    maxalloc = not compiles and 100000 + r:int(10) ^ 3 * 1000 or nil, -- the machine's memory is others', too
    env = not compiles and "env", -- no time limit, and to copy what is in there takes long
    libs = r:chance(10) and {} or r:chance(10) and { "base", "string" } or nil,
  }
  local st = judge("create", pcall(state.create, r:chance(50) and "s" .. r:int(3) or nil, options))
  compiled[st or 0] = compiles
  return st
end

local OPERATIONS = {
  exec = function(st, r) return st:exec(script(r, compiled[st]), nil, value(r), value(r)) end,
  script = function(st, r) return st:script(script(r, compiled[st])) end,
  resume = function(st, r) return st:resume(value(r), value(r)) end,
  resumes = function(st, r)
    for _ = 1, 5 do
      st:resume(r:int(9))
    end
    return st:resume()
  end,
  require = function(st, r) return st:require(r:pick { "m1", "m2", "no such" }) end,
  collect = function(st) return st:collect() end,
  get = function(st) return st:get() end,
  put = function(st) return st:put() end,
  lock = function(st) return st:lock() end,
  unlock = function(st) return st:unlock() end,
  close = function(st) return st:close() end,
  info = function(st) return st:info() end,
  limit = function(st, r)
    return st:limit { maxalloc = 150000 + r:int(1000000), maxcount = 10 ^ r:int(5) }
  end,
  env = function(_, r)
    state.env[r:pick { "x", "y", 1 }] = value(r)
    return true
  end,
  thread = function(st, r)
    if threads == "off" then
      return true
    end
    local job, message, errno = st:thread(value(r), r:int(9))
    if not job then
      return nil, message, errno
    end
    check(st:exec "return 1" == nil, "a running state answers")
    if threads == "stopped" and r:chance(50) then
      job:stop()
    end
    return job:join()
  end,
}
local KINDS = {}
for name in pairs(OPERATIONS) do
  KINDS[#KINDS + 1] = name
end
table.sort(KINDS)
for _ = 1, 8 do -- what runs scripts, more often
  KINDS[#KINDS + 1], KINDS[#KINDS + 2], KINDS[#KINDS + 3] = "exec", "resume", "script"
end

local function within(st)
  local info = st:info()
  if info and info.maxalloc > 0 then
    check(info.peak <= info.maxalloc, ("%d bytes of %d"):format(info.peak, info.maxalloc))
  end
end

local function case(number)
  local r = random.new(seed, number)
  state.register("m1", "return {}")
  state.register("m2", script(r, true))
  state.env.x, state.env.y, state.env[1] = nil, nil, nil
  local states = {}
  for _ = 1, 10 + r:int(20) do
    local at = r:int(3)
    local st = states[at]
    if not st or not st.L then
      states[at] = make(r) or nil
    else
      local name = r:pick(KINDS)
      judge(name, pcall(OPERATIONS[name], st, r))
      within(st)
    end
  end
  for _, st in pairs(states) do
    if st.L then
      within(st)
      judge("exec", pcall(st.exec, st, "return 1"))
      st:unlock()
    end
  end
  state.closeall()
  compiled = {}
  check(#state.list() == 0, "a state cannot be closed")
end

local started, number, done = os.time(), first, 0
while number <= last and (seconds == 0 or os.time() - started < seconds) do
  local ok, message = pcall(case, number)
  if not ok then
    io.stderr:write(("seed %d case %d: %s\n"):format(seed, number, message))
    os.exit(1)
  end
  number, done = number + 1, done + 1
end
local counts = {}
for what, count in pairs(failures) do
  counts[#counts + 1] = ("%s: %d"):format(tostring(what), count)
end
table.sort(counts)
print(("%d cases; failures %s"):format(done, table.concat(counts, ", ")))
