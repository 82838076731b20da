---@meta callgate.lua4
-- luacheck: ignore 211 212 241

---NetBSD's device lua(4) in this process.
---@class callgate.lua4
---@field path string # where require looks for modules that are not registered: a template as in package.path
local lua4 = {}

---Where the device speaks when kern.lua.verbose is greater than 0; may be replaced.
---@param text string
function lua4.console(text) end

---The emulated device.
---@return callgate.lua4.device device
function lua4.open() end

---@alias callgate.lua4.variable
---| "kern.lua.autoload"
---| "kern.lua.bytecode"
---| "kern.lua.maxcount"
---| "kern.lua.require"
---| "kern.lua.verbose"

---A variable's value; with a value, sets it and returns the one before. ENOENT for another name, EINVAL for a value of
---another type.
---@param name callgate.lua4.variable
---@param value? integer|boolean
---@return integer? value
---@return string? message
---@return integer? errno
function lua4.sysctl(name, value) end

---Makes a chunk's text a kernel module. EBUSY for a name that is taken.
---@param name string # at most 31 bytes of it
---@param source string
---@return true? ok
---@return string? message
---@return integer? errno
function lua4.register(name, source) end

---@class callgate.lua4.device: callgate.luactl.backend
local Device = {}

---One ioctl: 0, or nil, NetBSD's message, NetBSD's errno.
---@param request integer # LUAINFO, ... of callgate.bound.netbsd_lua
---@param argument ffi.cdata* # the request's struct, a pointer to it, or memory of its size
---@return integer? zero
---@return string? message
---@return integer? errno
function Device:ioctl(request, argument) end

---Closes the device; its states live on. EBADF the second time.
---@return true? ok
---@return string? message
---@return integer? errno
function Device:close() end

return lua4
