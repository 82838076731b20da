-- Lunatik's module for programs: isolated Lua states of this process that run scripts.
--
--   local lunatik = require "callgate.lunatik"
--   lunatik.path = "scripts"
--   local rt = lunatik.runtime "counter"        -- runs scripts/counter.lua
--   print(rt:resume(1, { "two" }))              -- starts the function that it returned
--   rt:stop()
--
-- Errors are raised, as Lunatik's document says. The script itself has `lunatik` too, as a global and by
-- require.

local errors = require "callgate.errors"
local handle = require "callgate.state.handle"
local state = require "callgate.state"
local shared_env = require "callgate.state.env"

local lunatik = {
  _ENV = state.env, -- shared by all runtimes, as by all states
  path = nil, -- the Lua root path; nil: state.config.path
  options = { libs = "all" }, -- of state.create, for every runtime
}

local CONTEXTS = { process = true, softirq = false, hardirq = false } -- whether it may sleep

local runtime = {} -- methods
local metatable = { __index = runtime }

-- What a script finds in its state. As in the kernel, one that may not sleep makes no runtimes.
local SETUP = [[
local path, store, sleep = ...
lunatik = { _ENV = lunatik_env }
lunatik_env = nil
if package then package.loaded.lunatik = lunatik end
if sleep and debug then
  local require = require
  function lunatik.runtime(...)
    require("callgate.shared").store = store
    local inner = require "callgate.lunatik"
    inner.path = path
    return inner.runtime(...)
  end
end
]]

-- Where the script's file is: the root path's folders (or templates with ?), separated by semicolons.
local function find(script)
  local path = lunatik.path or state.config.path
  local tried = {}
  for part in path:gmatch "[^;]+" do
    local name = script:gsub("%%", "%%%%")
    local file = part:find("?", 1, true) and part:gsub("%?", name) or ("%s/%s.lua"):format(part, script)
    local opened = io.open(file, "rb")
    if opened then
      local text = opened:read "*a"
      opened:close()
      if text then
        return file, text, path
      end
    end
    tried[#tried + 1] = file
  end
  error(("cannot open %s.lua (looked for %s)"):format(script, table.concat(tried, ", ")), 0)
end

-- Creates a state and runs <script>.lua in it. `sleep`: true (default), false, or, as newer Lunatiks have it,
-- the context "process", "softirq" or "hardirq"; here it is recorded in the runtime's fields sleep and
-- context and decides whether the script may make runtimes. Returns the runtime; raises what fails.
function lunatik.runtime(script, sleep)
  if type(script) ~= "string" then
    errors.raise(("runtime: argument 1 (script): expected a string, got %s"):format(errors.got(script)))
  end
  local context = sleep
  if sleep == nil or type(sleep) == "boolean" then
    sleep = sleep ~= false
    context = sleep and "process" or "softirq"
  elseif CONTEXTS[sleep] == nil then
    errors.raise(('runtime: argument 2 (sleep): expected a boolean, "process", "softirq" or "hardirq", got %s'):format(
      errors.got(sleep)))
  else
    sleep = CONTEXTS[sleep]
  end
  local file, text, path = find(script)
  local options = { desc = script, user = false, env = "lunatik_env" }
  for key, value in pairs(lunatik.options) do
    options[key] = value
  end
  local st, message = state.create(nil, options)
  local ok = st
  if ok then
    ok, message = st:exec(SETUP, "=lunatik", path, shared_env.store().address, sleep)
  end
  if ok then
    ok, message = st:script(text, "@" .. file)
  end
  if not ok then
    error(message, 0)
  end
  return setmetatable({ script = script, sleep = sleep, context = context, state = st }, metatable)
end

local function receiver(self, call)
  if getmetatable(self) ~= metatable then
    errors.raise(("%s: expected a runtime, got %s; call it with a colon"):format(call, errors.got(self)))
  end
  return self.state
end

local function raised(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

-- Starts the function that the script returned, or continues it where it yielded, with these values; returns
-- what it yields or, at its end, returns. Raises the script's error, and for a runtime that has ended.
function runtime:resume(...)
  local st = receiver(self, "resume")
  if st.L == nil then
    error("the runtime is stopped", 0)
  end
  return raised(handle.resume(st, ...))
end

-- Closes the runtime's state; it cannot be resumed any more. A second stop does nothing.
function runtime:stop()
  local st = receiver(self, "stop")
  if st.L ~= nil then
    local ok, message = st:close()
    if not ok then
      error(message, 0)
    end
  end
end

function metatable.__tostring(self)
  return ("runtime %s%s"):format(self.script, self.state.L == nil and " (stopped)" or "")
end

return lunatik
