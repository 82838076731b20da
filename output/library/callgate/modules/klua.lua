---@meta callgate.klua
-- luacheck: ignore 211 212 241

---KLua's API for states of this process.
---@class callgate.klua
---@field NAME_MAXSIZE integer
---@field KLUA_NAME_MAXSIZE integer
---@field MIN_ALLOC_BYTES integer
---@field KLUA_MIN_ALLOC_BYTES integer
---@field options callgate.state.options # for every new state
local klua = {}

---@class callgate.klua.state
---@field node callgate.state.State # what the table of states has of it
---@field L? ffi.cdata* # its lua_State
---@field lock callgate.state.State # with lock() and unlock()
---@field users integer
---@field maxalloc integer # bytes
---@field curralloc integer # bytes
---@field name string
---@field state callgate.state.State

---To be called first.
function klua.states_init() end

---Destroys every state; to be called last.
function klua.states_exit() end

---The state of that name.
---@param name string
---@return callgate.klua.state? s
---@return string? message
---@return integer? errno
function klua.state_lookup(name) end

---A state whose code uses at most so many bytes.
---@param maxalloc integer
---@param name string
---@return callgate.klua.state? s
---@return string? message
---@return integer? errno
function klua.state_create(maxalloc, name) end

---0, or -1, message, errno.
---@param name string
---@return 0|-1 result
---@return string? message
---@return integer? errno
function klua.state_destroy(name) end

---Every state, a line for each, on standard error or by a function.
---@param write? fun(line: string)
function klua.state_list(write) end

---Destroys every state.
function klua.state_destroy_all() end

---Runs code in the state of that name: what it returns, or true; or nil, message, errno.
---@param name string
---@param code string
---@return any ...
function klua.execute(name, code) end

---One more user; false once the state is destroyed.
---@param s callgate.klua.state
---@return boolean ok
function klua.state_get(s) end

---One user less; the last one ends the state.
---@param s callgate.klua.state
function klua.state_put(s) end

---To be called first.
function klua.klua_states_init() end

---Destroys every state; to be called last.
function klua.klua_states_exit() end

---The state of that name.
---@param name string
---@return callgate.klua.state? s
---@return string? message
---@return integer? errno
function klua.klua_state_lookup(name) end

---A state whose code uses at most so many bytes.
---@param maxalloc integer
---@param name string
---@return callgate.klua.state? s
---@return string? message
---@return integer? errno
function klua.klua_state_create(maxalloc, name) end

---0, or -1, message, errno.
---@param name string
---@return 0|-1 result
---@return string? message
---@return integer? errno
function klua.klua_state_destroy(name) end

---Every state, a line for each, on standard error or by a function.
---@param write? fun(line: string)
function klua.klua_state_list(write) end

---Destroys every state.
function klua.klua_state_destroy_all() end

---Runs code in the state of that name: what it returns, or true; or nil, message, errno.
---@param name string
---@param code string
---@return any ...
function klua.klua_execute(name, code) end

---One more user; false once the state is destroyed.
---@param s callgate.klua.state
---@return boolean ok
function klua.klua_state_get(s) end

---One user less; the last one ends the state.
---@param s callgate.klua.state
function klua.klua_state_put(s) end

return klua
