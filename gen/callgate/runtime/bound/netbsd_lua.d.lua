---@meta _
-- luacheck: ignore 211 212, no max line length
-- <sys/lua.h>, for editors. Written by Callgate 0.1.0; `callgate bind` writes it again.

---@class netbsd_lua
---@field t netbsd_lua.types # the types
---@field int fun(value: number|ffi.cdata*): ffi.cdata* # int, for the ... of a variadic function
---@field unsigned fun(value: number|ffi.cdata*): ffi.cdata* # unsigned int, for the ... of a variadic function
---@field long fun(value: number|ffi.cdata*): ffi.cdata* # long, for the ... of a variadic function
---@field size_t fun(value: number|ffi.cdata*): ffi.cdata* # size_t, for the ... of a variadic function
---@field double fun(value: number|ffi.cdata*): ffi.cdata* # double, for the ... of a variadic function
---@field MAX_LUA_NAME integer # 16
---@field MAX_LUA_DESC integer # 64
---@field LUA_MAX_MODNAME integer # 32
---@field LUAINFO integer # 0xc0106c00
---@field LUACREATE integer # 0xc0506c01
---@field LUADESTROY integer # 0xc0506c02
---@field LUAREQUIRE integer # 0xc0306c03
---@field LUALOAD integer # 0xc4106c04
local M = {}

---@class netbsd_lua.types
---@field lua_create fun(init?: table|ffi.cdata*): netbsd_lua.lua_create
---@field lua_info fun(init?: table|ffi.cdata*): netbsd_lua.lua_info
---@field lua_load fun(init?: table|ffi.cdata*): netbsd_lua.lua_load
---@field lua_require fun(init?: table|ffi.cdata*): netbsd_lua.lua_require
---@field lua_state_info fun(init?: table|ffi.cdata*): netbsd_lua.lua_state_info

---struct lua_create
---@class netbsd_lua.lua_create: ffi.cdata*
---@field name ffi.cdata*
---@field desc ffi.cdata*

---struct lua_info
---@class netbsd_lua.lua_info: ffi.cdata*
---@field num_states integer
---@field states netbsd_lua.lua_state_info

---struct lua_load
---@class netbsd_lua.lua_load: ffi.cdata*
---@field state ffi.cdata*
---@field path ffi.cdata*

---struct lua_require
---@class netbsd_lua.lua_require: ffi.cdata*
---@field state ffi.cdata*
---@field module ffi.cdata*

---struct lua_state_info
---@class netbsd_lua.lua_state_info: ffi.cdata*
---@field name ffi.cdata*
---@field desc ffi.cdata*
---@field user boolean

return M
