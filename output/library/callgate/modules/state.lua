---@meta callgate.state
-- luacheck: ignore 211 212 241

---Lua states under control: named, isolated, with limits on memory and instructions.
---@class callgate.state
---@field NAME_MAX integer # bytes of a name
---@field LIBS string[] # the libraries that states have by default
---@field config callgate.state.config
---@field env table<string|number, any> # shared by all states: strings, numbers, booleans, tables by copy
local state = {}

---@class callgate.state.config
---@field require boolean # states have `require`
---@field autoload boolean # and it loads files
---@field bytecode boolean # states may load bytecode
---@field maxcount integer # VM instructions of each call, 0: no limit
---@field verbose integer
---@field maxstates number
---@field path string # where files are looked for, as package.path
---@field maxenv number # bytes of state.env

---@class callgate.state.options
---@field desc? string
---@field maxalloc? integer # bytes, all of the state counted
---@field libs? "all"|string[]
---@field maxcount? integer # VM instructions of each call
---@field jit? boolean
---@field bytecode? boolean
---@field user? boolean # made by a user, not by the kernel
---@field env? string|false # the global through which the state sees state.env; false: none
---@field allocator? table # { f, ud }: a lua_Alloc, in C, and its opaque pointer

---@class callgate.state.info
---@field name? string
---@field desc string
---@field user boolean
---@field users integer
---@field status "none"|"suspended"|"dead"|"running"
---@field locked boolean
---@field maxalloc integer
---@field maxcount integer
---@field used integer # bytes
---@field peak integer # bytes
---@field empty integer # bytes, used when it was created
---@field refused integer

---@class callgate.state.State
---@field L? ffi.cdata* # its lua_State, nil once closed
---@field name? string
---@field desc string
---@field user boolean
local State = {}

---@class callgate.state.job
local Job = {}

---A new state; without a name it closes when it is collected.
---@param name? string
---@param options? callgate.state.options
---@return callgate.state.State? state
---@return string? message
---@return integer? errno
function state.create(name, options) end

---@param name string
---@return callgate.state.State? state
---@return string? message
---@return integer? errno
function state.lookup(name) end

---What every state's info says, the oldest first.
---@return callgate.state.info[] infos
function state.list() end

---@return integer count
function state.closeall() end

---Lets the states' require find a chunk's text under that name; nil takes it away.
---@param name string
---@param source? string
---@param options? { trusted?: boolean } # true: it sees all of LuaJIT, whatever the state's script sees
---@return true? ok
---@return string? message
---@return integer? errno
function state.register(name, source, options) end

---Runs a chunk: what it returns, or true; or nil, message, errno.
---@param chunk string
---@param chunkname? string
---@param ... any
---@return any ...
function State:exec(chunk, chunkname, ...) end

---Runs a file: what it returns, or true; or nil, message, errno.
---@param path string
---@param chunkname? string
---@return any ...
function State:load(path, chunkname) end

---Runs a chunk, as exec does; what it returns stays inside.
---@param chunk string
---@param chunkname? string
---@param bytecode? boolean # whether it may be bytecode; by default what the state was made with
---@return true? ok
---@return string? message
---@return integer? errno
function State:run(chunk, chunkname, bytecode) end

---@param name string
---@param global? boolean # true: the module becomes a global of that name, too
---@return true? ok
---@return string? message
---@return integer? errno
function State:require(name, global) end

---Runs a chunk ("@path": a file); the function that it returns is for resume.
---@param chunk string
---@param chunkname? string
---@param ... any
---@return true? ok
---@return string? message
---@return integer? errno
function State:script(chunk, chunkname, ...) end

---Starts or continues the script's function: what it yields or returns, or true; or nil, message, errno.
---@param ... any
---@return any ...
function State:resume(...) end

---@return "none"|"suspended"|"dead"|"running"|nil status
---@return string? message
---@return integer? errno
function State:status() end

---resume in a thread of its own.
---@param ... any
---@return callgate.state.job? job
---@return string? message
---@return integer? errno
function State:thread(...) end

---Ends the script that runs in a thread.
---@return true? ok
---@return string? message
---@return integer? errno
function State:stop() end

---@return true? ok
---@return string? message
---@return integer? errno
function State:lock() end

---@return true? ok
---@return string? message
---@return integer? errno
function State:unlock() end

---One more user.
---@return callgate.state.State? state
---@return string? message
---@return integer? errno
function State:get() end

---One user less; the last one closes it.
---@return true? ok
---@return string? message
---@return integer? errno
function State:put() end

---@param limits { maxalloc: integer?, maxcount: integer? }
---@return true? ok
---@return string? message
---@return integer? errno
function State:limit(limits) end

---A full garbage collection.
---@return true? ok
---@return string? message
---@return integer? errno
function State:collect() end

---@return callgate.state.info? info
---@return string? message
---@return integer? errno
function State:info() end

---@param options? { user: boolean? }
---@return true? ok
---@return string? message
---@return integer? errno
function State:close(options) end

---Waits, at most so many seconds: as State:resume, or nil, message, ETIMEDOUT.
---@param seconds? number
---@return any ...
function Job:join(seconds) end

---@return true? ok
---@return string? message
---@return integer? errno
function Job:stop() end

return state
