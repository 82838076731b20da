---@meta callgate.klua9
-- luacheck: ignore 211 212 241

---NetBSD's klua(9) for states of this process. Functions without a value raise what fails.
---@class callgate.klua9
---@field options callgate.state.options # for every new state
---@field MAX_LUA_NAME integer
---@field MAX_LUA_DESC integer
---@field IPL_NONE integer
---@field IPL_SOFTCLOCK integer
---@field IPL_SOFTBIO integer
---@field IPL_SOFTNET integer
---@field IPL_SOFTSERIAL integer
---@field IPL_VM integer
---@field IPL_SCHED integer
---@field IPL_HIGH integer
local klua9 = {}

---@class callgate.klua9.State
---@field L? ffi.cdata* # its lua_State, nil once closed
---@field ks_lock callgate.klua9.lock
---@field ks_user boolean
---@field name string
---@field desc string
---@field ipl integer
---@field state callgate.state.State
local State = {}

---@class callgate.klua9.lock
local Lock = {}

---A state whose memory `f` provides, a lua_Alloc in C, which gets `ud`; nil: LuaJIT's own.
---@param f? ffi.cdata*
---@param ud? ffi.cdata*
---@param name string
---@param desc string
---@param ipl? integer
---@return callgate.klua9.State? K
---@return string? message
---@return integer? errno
function klua9.klua_newstate(f, ud, name, desc, ipl) end

---A state: (name, desc, ipl), or with an unused `ud` first.
---@param ... any
---@return callgate.klua9.State? K
---@return string? message
---@return integer? errno
---@overload fun(name: string, desc: string, ipl: integer?): callgate.klua9.State?, string?, integer?
---@overload fun(ud: ffi.cdata*?, name: string, desc: string, ipl: integer?): callgate.klua9.State?, string?, integer?
function klua9.kluaL_newstate(...) end

---@param K callgate.klua9.State
function klua9.klua_lock(K) end

---@param K callgate.klua9.State
function klua9.klua_unlock(K) end

---@param K callgate.klua9.State
function klua9.klua_close(K) end

---Runs a chunk: what it returns, or true; or nil, message, errno.
---@param chunk string
---@param chunkname? string
---@param ... any
---@return any ...
function State:exec(chunk, chunkname, ...) end

---Runs a file, likewise.
---@param path string
---@param chunkname? string
---@return any ...
function State:load(path, chunkname) end

function Lock:enter() end

function Lock:exit() end

---@return boolean owned
function Lock:owned() end

return klua9
