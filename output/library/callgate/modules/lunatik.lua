---@meta callgate.lunatik
-- luacheck: ignore 211 212 241

---Lunatik's module: isolated Lua states of this process that run scripts. Failures are raised.
---@class callgate.lunatik
---@field _ENV table<string|number, any> # shared by the program and all runtimes
---@field path? string # the Lua root path: folders, or templates with ?, separated by ;
---@field options callgate.state.options # for every new runtime
local lunatik = {}

---@class callgate.lunatik.runtime
---@field script string
---@field sleep boolean
---@field context "process"|"softirq"|"hardirq"
---@field state callgate.state.State
local Runtime = {}

---Makes a runtime and runs <script>.lua in it; the function that it returns is for resume.
---@param script string
---@param sleep? boolean|"process"|"softirq"|"hardirq"
---@return callgate.lunatik.runtime runtime
function lunatik.runtime(script, sleep) end

---Starts the script's function, or continues it where it yielded: what it yields or returns.
---@param ... any
---@return any ...
function Runtime:resume(...) end

---Closes the runtime.
function Runtime:stop() end

return lunatik
