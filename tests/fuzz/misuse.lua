-- Calls the library with random values: luajit misuse.lua FD FOLDER SEED MODE CASE...
--
-- CASE may be the name of a planted defect, too: it is then all that is called, as case 1.
--
-- misuse.py starts it in namespaces of its own. A case is decided by SEED and its number alone; CASE is
-- a number or a range, FIRST-LAST. What is wrong goes to the memory of the file open as FD, in
-- lines "case <tab> call <tab> what"; FOLDER is where it works; MODE is what the compiler does.

local ffi = require "ffi"
local jail = require "fuzz.jail"
local judge = require "fuzz.judge"
local random = require "fuzz.random"
local targets = require "fuzz.targets"
local values = require "fuzz.values"

local log_file, folder, seed, mode = tonumber(arg[1]), arg[2], tonumber(arg[3]), arg[4]
local FINISHED = 1 -- what log.state is in the end

local function pack(...)
  return { n = select("#", ...), ... }
end

local function refuse() end -- what no argument can be

-- The arguments for `target`: list, count and text.
local function arguments(rng, place, target)
  local list, texts = {}, {}
  local labels = target.labels
  local from = target.takes_self and 2 or 1
  local most = math.max(#labels, from - 1)
  local count = rng:chance(80) and most or rng:int(most + 2) - 1
  for i = from, count do
    list[i], texts[#texts + 1] = values.argument(rng, place, labels[i])
  end
  if target.takes_self then
    list[1] = target.self
  end
  if target.refused then
    local i = from + rng:int(math.max(#labels - from + 1, 1)) - 1
    list[i] = refuse
    for k = from, math.max(i, count) do
      texts[k - from + 1] = texts[k - from + 1] or "nil"
    end
    texts[i - from + 1] = "refuse"
    target.refusing = true
    count = math.max(i, count)
  end
  return list, count, ("%s(%s)"):format(target.name, table.concat(texts, ", "))
end

-- A bare call's arguments: memory is the arena's.
local function bare_arguments(rng, place, target)
  local list, texts = {}, {}
  for i = 1, #target.labels + (rng:chance(5) and 1 or 0) do
    local make = rng:pick { values.number, values.number, values.small, values.small, values.string, values.pointer,
      values.pointer, values.pointer, values.oddity, values.object }
    if target.refused then
      make = rng:pick { values.number, values.small, values.string }
    end
    list[i], texts[i] = make(rng, place)
  end
  if target.refused then
    local i = rng:int(#target.labels)
    list[i], texts[i], target.refusing = refuse, "refuse", true
  end
  return list, #texts, ("%s(%s)"):format(target.name, table.concat(texts, ", "))
end

-- Looks at what a call returned as a program would: its text, length, fields and methods.
local POKES = {
  function(value) return tostring(value) end,
  function(value) return #value end,
  function(value, rng) return value[rng:pick(values.KEYS)] end,
  function(value, rng, place) return value[(values.any(rng, place))] end,
  function(value, rng, place) value[rng:pick(values.KEYS)] = values.any(rng, place) end,
  function(value, rng, place) return value == values.any(rng, place) end,
  function(value, rng, place) return value(values.any(rng, place)) end,
}

local POKE_NAMES = { "tostring", "#", "[key]", "[any]", "[key] = any", "== any", "call" }

local function poke(rng, place, results, report)
  for i = 1, results.n do
    local value = results[i]
    if type(value) == "cdata" and tonumber(value) == nil or type(value) == "function" then
      -- What a pointer leads to is the caller's business, as is an array of C's own; and a type is no value.
      local text = type(value) == "cdata" and tostring(ffi.typeof(value)) or ""
      local which = (text:find "[])*]>$" or tostring(value):find "^ctype<") and 1 or rng:int(#POKES)
      if type(value) == "function" then
        which = 7
      end
      local ok, message = pcall(POKES[which], value, rng, place)
      if not ok then
        report(POKE_NAMES[which], value, message)
      end
    end
  end
end

-- Calls the target and judges what comes of it.
local function call(place, log, case, rng, target)
  place.no_null = target.macro -- as in C, a macro follows the pointers that it gets
  local list, count, text = (target.bare and bare_arguments or arguments)(rng, place, target)
  jail.now(log, text)
  local results = pack(pcall(target.fn, unpack(list, 1, count)))
  jail.bury()
  local wrong
  if results[1] then
    wrong = judge.result(target, results[2], results[3], results[4])
  else
    wrong = judge.error(target, results[2])
  end
  if wrong then
    jail.say(log, case, text, wrong)
  end
  if results[1] and not target.points then
    poke(rng, place, results, function(how, value, message)
      -- What LuaJIT itself says of a C object is not the library's.
      if tostring(message):find "^[^\n:]*callgate/" then
        jail.say(log, case, ("%s: %s of %s"):format(text, how, tostring(value)), message)
      end
    end)
    jail.bury()
  end
  if place.overrun() and not target.bare then
    jail.say(log, case, text, "wrote outside the memory that it got")
  end
  local changed = place.changed()
  if changed then
    jail.say(log, case, text, ("changed the Lua string %q"):format(changed))
  end
end

local HARMLESS = { [0] = true, [9] = true, [14] = true, [15] = true, [31] = true } -- KILL, ALRM, TERM, SYS

-- Every keyword: a parser whose "end" some call has overwritten takes none of them for one.
local KEYWORDS = [[
local function f(...) repeat for i = 1, 2 do break end until nil while true and false or not ... do goto x end ::x::
  if f then return elseif true then else end end
]]

local function run(place, log, case)
  local rng = random.new(seed, case)
  place.clear()
  jail.rearm()
  local target = targets.pick(rng, place)
  if target.refused and #target.labels - (target.takes_self and 1 or 0) < 1 then
    return -- nothing can be wrong with its arguments: it has none
  elseif not target.spoils then
    return call(place, log, case, rng, target)
  end
  local signal = jail.apart(function()
    jail.rearm()
    call(place, log, case, rng, target)
  end)
  if not HARMLESS[signal] then
    jail.say(log, case, ffi.string(log.now), "died of signal " .. signal)
  end
end

-- Defects that the library does not have, to see that they would be found.
local planted = {
  crash = function() return ffi.cast("int *", 16)[0] end,
  hang = function()
    while true do -- as a call that begins again when it is interrupted
      ffi.C.fuzz_abs(1)
    end
  end,
  internal = function() return ffi.new("int", nil) end,
  nameless = function() error "something is wrong" end,
  silent = function() return nil, "no errno" end,
  overrun = function(memory) ffi.fill(memory, 20, 1) end,
  changed = function(text) ffi.fill(ffi.cast("char *", ffi.cast("const char *", text)), 1, 1) end,
}

local function plant(place, log, name)
  jail.rearm()
  values.argument = function()
    if name == "changed" then
      place.keep "a string"
      return "a string", "memory"
    end
    return place.guarded(ffi.typeof "char[16]"), "memory"
  end
  call(place, log, 1, random.new(1, 1), { name = name, fn = planted[name], labels = { "buf" } })
end

local MODES = {
  on = function() end,
  off = function() jit.off() end,
  hot = function() require("jit.opt").start("hotloop=1", "hotexit=1") end, -- compile everything at once
}

local function main()
  local log = jail.log(log_file)
  jail.enter(folder)
  MODES[mode]()
  local place = require "fuzz.place"()
  for i = 5, #arg do
    local first, last = arg[i]:match "^(%d+)%-?(%d*)$"
    if planted[arg[i]] then
      log.case, first, last = 1, 1, 0
      plant(place, log, arg[i])
    end
    for case = tonumber(first), tonumber(last) or tonumber(first) do
      log.case = case
      run(place, log, case)
      local sound, why = loadstring(KEYWORDS)
      if not sound then
        jail.say(log, case, ffi.string(log.now), "broke Lua's own parser: " .. why)
        break -- nothing works from now on
      end
      if case % 50 == 0 then
        collectgarbage()
        jail.bury()
      end
    end
  end
  collectgarbage()
  log.state = FINISHED
  jail.leave(0)
end

local ok, message = xpcall(main, debug.traceback)
if not ok then
  io.stderr:write(tostring(message), "\n")
  jail.leave(70)
end
