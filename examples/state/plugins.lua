-- Runs plugins that nobody trusts, each in a Lua state of its own with limits, and shows who used what.
--
--   luajit examples/state/plugins.lua [-m KIB] [-i INSTRUCTIONS] [-s SECONDS] [-t TEXT] [FILE...]
--
-- A plugin is a Lua file that returns a function; it gets the text and returns another. It has Lua's harmless
-- libraries and no files, no FFI, no bytecode. What it does wrong is its own matter: the program goes on. Without
-- files, plugins of this file show that. -i 0 is no limit on instructions.

local S = require "callgate"
local state = require "callgate.state"

local SAMPLES = {
  { "upper", "return function(text) return text:upper() end" },
  { "count", "local n = 0 for i = 1, 1e4 do n = n + i end return function(text) return #text .. ' ' .. n end" },
  { "table", "return function(text) local list = {} for word in text:gmatch '%w+' do list[#list + 1] = word end " ..
    "return table.concat(list, '-') end" },
  { "endless", "return function() while true do end end" },
  { "stubborn", "return function() while true do pcall(function() while true do end end) end end" },
  { "greedy", "return function(text) while true do text = text .. text end end" },
  { "hoarder", "local list = {} return function() while true do list[#list + 1] = {} end end" },
  { "deep", "local function f() return 1 + f() end return f" },
  { "broken", "return function(text) return text.missing.field end" },
  { "unfinished", "return function(" },
  { "nosy", "return function() return io.open('/etc/passwd') end" },
  { "foreign", "local ffi = require 'ffi' return function() return tostring(ffi.C) end" },
  { "compiled", string.dump(function() end) },
  { "useless", "return 5" },
}

state.config.require = false -- what lies in this program's path is not for plugins

local USAGE = "usage: plugins.lua [-m KIB] [-i INSTRUCTIONS] [-s SECONDS] [-t TEXT] [FILE...]"

local limits = { m = 512, i = 5e6, s = 10, t = "Hello, plugins!" }
local RANGES = {
  m = { 1, 2 ^ 30, "a whole number of KiB from 1 to 1073741824", whole = true },
  i = { 0, 2147483000, "a whole number of instructions from 0 to 2147483000", whole = true }, -- the most of `maxcount`
  s = { 0, 1e6, "a number of seconds from 0 to 1000000" },
}

local function misused(argument, what)
  io.stderr:write(("%s: %s; %s\n"):format(argument, what, USAGE))
  os.exit(2)
end

local function option_value(option, text)
  local range = RANGES[option]
  if not text then
    misused("-" .. option, "expected " .. (range and range[3] or "a text"))
  elseif not range then
    return text
  end
  local number = tonumber(text)
  if not number or not (number >= range[1] and number <= range[2]) or range.whole and number % 1 ~= 0 then
    misused(("-%s %s"):format(option, text), "expected " .. range[3])
  end
  return number
end

local function plugin_of(path)
  local file, message = io.open(path, "rb")
  local source
  if file then
    source, message = file:read "*a" -- nil where it is a folder
    file:close()
  end
  if not source then
    misused(path, ("expected a file that can be read: %s"):format((message:gsub("^.*: ", ""))))
  end
  return { path:match "([^/]+)%.lua$" or path, source }
end

local plugins = {}

do
  local i = 1
  while arg[i] do
    local option = arg[i]:match "^%-(.*)$"
    if not option then
      plugins[#plugins + 1] = plugin_of(arg[i])
      i = i + 1
    elseif limits[option] then
      limits[option] = option_value(option, arg[i + 1])
      i = i + 2
    else
      misused(arg[i], "expected -m, -i, -s, -t or a file")
    end
  end
  plugins = plugins[1] and plugins or SAMPLES
end

-- The plugin's answer; or nil and what went wrong.
local function answer(st, name, source)
  local ok, message = st:script(source, "=" .. name)
  if not ok then
    return nil, message
  end
  local job
  job, message = st:thread(limits.t) -- a thread, since a string function can take long within one instruction
  if not job then
    return nil, message
  end
  local text, errno
  text, message, errno = job:join(limits.s)
  if errno == S.ETIMEDOUT then
    job:stop()
    text, message = job:join()
    message = message and ("%s after %g s"):format(message, limits.s)
  end
  if text ~= nil and type(text) ~= "string" then
    return nil, "returned a " .. type(text)
  end
  return text, message
end

print(("%-11s %9s %9s %9s  %s"):format("plugin", "used", "peak", "time", "answer"))
local served = 0
for _, plugin in ipairs(plugins) do
  local name, source = plugin[1], plugin[2]
  local st = assert(state.create(name:sub(1, 63), { desc = "plugin", maxcount = limits.i, jit = false }))
  local info = st:info()
  assert(st:limit { maxalloc = info.used + limits.m * 1024 }) -- beyond what an empty state needs
  local before = assert(S.clock_gettime "monotonic").time
  local text, message = answer(st, name, source)
  local seconds = assert(S.clock_gettime "monotonic").time - before
  info = st:info()
  served = served + (text and 1 or 0)
  print(("%-11s %5.0f KiB %5.0f KiB %6.1f ms  %s"):format(name, info.used / 1024, info.peak / 1024, seconds * 1e3,
    text or "failed: " .. message))
  st:close()
end
print(("%d of %d plugins answered"):format(served, #plugins))
