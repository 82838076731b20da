---@meta callgate.luactl
-- luacheck: ignore 211 212 241

---A client of NetBSD's lua(4): one method for each of its ioctls.
---@class callgate.luactl
local luactl = {}

---What a client works on.
---@class callgate.luactl.backend
---@field ioctl fun(self, request: integer, argument: ffi.cdata*): integer?, string?, integer?
---@field close? fun(self): true?, string?, integer?

---A client of the device file, by default /dev/lua, or of an object that has its ioctls.
---@param backend? string|callgate.luactl.backend|callgate.fd
---@return callgate.luactl.client? client
---@return string? message
---@return integer? errno
function luactl.open(backend) end

---@class callgate.luactl.info
---@field name string
---@field desc string
---@field user boolean # whether it was made by LUACREATE, rather than by the kernel

---@class callgate.luactl.client
local Client = {}

---LUACREATE: makes a state. ENXIO for a name that begins with "_", EBUSY for one that exists.
---@param name string # at most 15 bytes of it
---@param desc? string # at most 63
---@return true? ok
---@return string? message
---@return integer? errno
function Client:create(name, desc) end

---LUADESTROY: ends a state. EBUSY for an unknown one, and for one that the kernel made.
---@param name string
---@return true? ok
---@return string? message
---@return integer? errno
function Client:destroy(name) end

---LUAREQUIRE: gives a state a module. ENXIO for an unknown state or module, and for a module that it has.
---@param name string
---@param module string # at most 31 bytes of it
---@return true? ok
---@return string? message
---@return integer? errno
function Client:require(name, module) end

---LUALOAD: runs a file in a state. ENXIO for a path without "/" and for an unknown state, EINVAL for what is no regular
---file, does not compile or fails, ENOMEM; and what opening the file says.
---@param name string
---@param path string # at most 1023 bytes of it; a "/" must be among them
---@return true? ok
---@return string? message
---@return integer? errno
function Client:load(name, path) end

---LUAINFO: the states there are, in the device's order (the newest first).
---@return callgate.luactl.info[]? states
---@return string? message
---@return integer? errno
function Client:info() end

---Closes the device, or what stands in for it. Its states live on.
---@return true? ok
---@return string? message
---@return integer? errno
function Client:close() end

return luactl
