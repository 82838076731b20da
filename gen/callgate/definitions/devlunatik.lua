---@meta callgate.devlunatik
-- luacheck: ignore 211 212 241

---A client of /dev/lunatik.
---@class callgate.devlunatik
---@field path string # what open() opens by default
---@field size integer # bytes of the buffer for answers
local devlunatik = {}

---@class callgate.devlunatik.device
---@field fd callgate.fd
---@field path string
local Device = {}

---@param path? string
---@return callgate.devlunatik.device? device
---@return string? message
---@return integer? errno
function devlunatik.open(path) end

---The text that the device gives for a chunk, error or not.
---@param chunk string
---@return string? text
---@return string? message
---@return integer? errno
function Device:dostring(chunk) end

---Runs a chunk in the kernel: what it returns, or true for nothing; or nil, message, errno.
---@param chunk string
---@param name? string
---@return any ...
function Device:exec(chunk, name) end

---@param script string
---@param context? boolean|"process"|"softirq"|"hardirq"
---@return true? ok
---@return string? message
---@return integer? errno
function Device:run(script, context) end

---@param script string
---@param context? boolean|"process"|"softirq"|"hardirq"
---@return true? ok
---@return string? message
---@return integer? errno
function Device:spawn(script, context) end

---@param script string
---@return true? ok
---@return string? message
---@return integer? errno
function Device:stop(script) end

---The names of the scripts that run.
---@return string[]? names
---@return string? message
---@return integer? errno
function Device:list() end

---@return true? ok
---@return string? message
---@return integer? errno
function Device:close() end

return devlunatik
