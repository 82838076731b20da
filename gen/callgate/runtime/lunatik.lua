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
local faces = require "callgate.faces"
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

-- What a script finds in its state; `makes`: it may make runtimes. Its require knows the module, too: where it has no
-- library `package`, one that is there for a moment tells it.
local SETUP = [[
local path, store, makes = ...
lunatik = { _ENV = lunatik_env }
lunatik_env = nil
local require = require
if package then
  package.loaded.lunatik = lunatik
elseif require then
  package = { preload = { lunatik = function() return lunatik end } }
  require "lunatik"
  package = nil
end
if makes and require then
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
  local path = lunatik.path
  faces.setting("lunatik.path", "a string, or nil for state.config.path", path == nil or type(path) == "string", path)
  path = path or state.config.path
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
-- context and, as in the kernel, a script that may not sleep makes no runtimes; neither does one that lacks libraries
-- or whose instructions are counted, since those would not be. Returns the runtime; raises what fails.
function lunatik.runtime(script, sleep)
  faces.typed("string", script, "runtime", 1, "script")
  local context = sleep
  if sleep == nil or type(sleep) == "boolean" then
    sleep = sleep ~= false
    context = sleep and "process" or "softirq"
  elseif CONTEXTS[sleep] == nil then
    errors.expected('a boolean, "process", "softirq" or "hardirq"', sleep, "runtime", 2, "sleep")
  else
    sleep = CONTEXTS[sleep]
  end
  local options = faces.options("lunatik", lunatik.options, { desc = script, user = false, env = "lunatik_env" })
  local file, text, path = find(script)
  local st, message = state.create(nil, options)
  local ok = st
  if ok then
    local makes = sleep and options.libs == "all" and st.maxcount == 0
    ok, message = st:exec(SETUP, "=lunatik", path, shared_env.store().address, makes)
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
    faces.no_object("a runtime", self, call)
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
