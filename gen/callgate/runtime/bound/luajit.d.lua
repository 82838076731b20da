---@meta _
-- luacheck: ignore 211 212, no max line length
-- <lua.h>, <lauxlib.h>, <lualib.h>, <luajit.h>, for editors. Written by Callgate 0.1.0; `callgate bind` writes it again.

---@class luajit
---@field t luajit.types # the types
---@field int fun(value: number|ffi.cdata*): ffi.cdata* # int, for the ... of a variadic function
---@field unsigned fun(value: number|ffi.cdata*): ffi.cdata* # unsigned int, for the ... of a variadic function
---@field long fun(value: number|ffi.cdata*): ffi.cdata* # long, for the ... of a variadic function
---@field size_t fun(value: number|ffi.cdata*): ffi.cdata* # size_t, for the ... of a variadic function
---@field double fun(value: number|ffi.cdata*): ffi.cdata* # double, for the ... of a variadic function
---@field LUAJIT_MODE_ENGINE integer # 0
---@field LUAJIT_MODE_DEBUG integer # 1
---@field LUAJIT_MODE_FUNC integer # 2
---@field LUAJIT_MODE_ALLFUNC integer # 3
---@field LUAJIT_MODE_ALLSUBFUNC integer # 4
---@field LUAJIT_MODE_TRACE integer # 5
---@field LUAJIT_MODE_WRAPCFUNC integer # 16
---@field LUAJIT_MODE_MAX integer # 17
---@field WINVER integer # 0x501
---@field LUA_MULTILIB string # "lib"
---@field LUA_LMULTILIB string # "lib"
---@field LUA_LROOT string # "/usr/local"
---@field LUA_LUADIR string # "/lua/5.1/"
---@field LUA_LJDIR string # "/luajit-2.1.0-beta3/"
---@field LUA_JROOT string # "/usr/local"
---@field LUA_JPATH string # ";/usr/local/share/luajit-2.1.0-beta3/?.lua"
---@field LUA_LLDIR string # "/usr/local/share/lua/5.1/"
---@field LUA_LCDIR string # "/usr/local/lib/lua/5.1/"
---@field LUA_LLPATH string # ";/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/
---@field LUA_LCPATH1 string # ";/usr/local/lib/lua/5.1/?.so"
---@field LUA_LCPATH2 string # ";/usr/local/lib/lua/5.1/loadall.so"
---@field LUA_PATH_DEFAULT string # "./?.lua;/usr/local/share/luajit-2.1.0-beta3/?.lua;/usr/loca
---@field LUA_CPATH_DEFAULT string # "./?.so;/usr/local/lib/lua/5.1/?.so;/usr/local/lib/lua/5.1/l
---@field LUA_PATH string # "LUA_PATH"
---@field LUA_CPATH string # "LUA_CPATH"
---@field LUA_INIT string # "LUA_INIT"
---@field LUA_DIRSEP string # "/"
---@field LUA_PATHSEP string # ";"
---@field LUA_PATH_MARK string # "?"
---@field LUA_EXECDIR string # "!"
---@field LUA_IGMARK string # "-"
---@field LUA_PATH_CONFIG string # "/\n;\n?\n!\n-\n"
---@field LUA_QS string # "'%s'"
---@field LUAI_MAXSTACK integer # 65500
---@field LUAI_MAXCSTACK integer # 8000
---@field LUAI_GCPAUSE integer # 200
---@field LUAI_GCMUL integer # 200
---@field LUA_MAXCAPTURES integer # 32
---@field LUA_IDSIZE integer # 60
---@field LUA_NUMBER_SCAN string # "%lf"
---@field LUA_NUMBER_FMT string # "%.14g"
---@field LUAI_MAXNUMBER2STR integer # 32
---@field LUA_INTFRMLEN string # "l"
---@field LUA_VERSION string # "Lua 5.1"
---@field LUA_RELEASE string # "Lua 5.1.4"
---@field LUA_VERSION_NUM integer # 501
---@field LUA_COPYRIGHT string # "Copyright (C) 1994-2008 Lua.org, PUC-Rio"
---@field LUA_AUTHORS string # "R. Ierusalimschy, L. H. de Figueiredo & W. Celes"
---@field LUA_SIGNATURE string # "\027Lua"
---@field LUA_MULTRET integer # -1
---@field LUA_REGISTRYINDEX integer # -10000
---@field LUA_ENVIRONINDEX integer # -10001
---@field LUA_GLOBALSINDEX integer # -10002
---@field LUA_OK integer # 0
---@field LUA_YIELD integer # 1
---@field LUA_ERRRUN integer # 2
---@field LUA_ERRSYNTAX integer # 3
---@field LUA_ERRMEM integer # 4
---@field LUA_ERRERR integer # 5
---@field LUA_TNONE integer # -1
---@field LUA_TNIL integer # 0
---@field LUA_TBOOLEAN integer # 1
---@field LUA_TLIGHTUSERDATA integer # 2
---@field LUA_TNUMBER integer # 3
---@field LUA_TSTRING integer # 4
---@field LUA_TTABLE integer # 5
---@field LUA_TFUNCTION integer # 6
---@field LUA_TUSERDATA integer # 7
---@field LUA_TTHREAD integer # 8
---@field LUA_MINSTACK integer # 20
---@field LUA_GCSTOP integer # 0
---@field LUA_GCRESTART integer # 1
---@field LUA_GCCOLLECT integer # 2
---@field LUA_GCCOUNT integer # 3
---@field LUA_GCCOUNTB integer # 4
---@field LUA_GCSTEP integer # 5
---@field LUA_GCSETPAUSE integer # 6
---@field LUA_GCSETSTEPMUL integer # 7
---@field LUA_GCISRUNNING integer # 9
---@field LUA_HOOKCALL integer # 0
---@field LUA_HOOKRET integer # 1
---@field LUA_HOOKLINE integer # 2
---@field LUA_HOOKCOUNT integer # 3
---@field LUA_HOOKTAILRET integer # 4
---@field LUA_MASKCALL integer # 0x1
---@field LUA_MASKRET integer # 0x2
---@field LUA_MASKLINE integer # 0x4
---@field LUA_MASKCOUNT integer # 0x8
---@field LUA_ERRFILE integer # 6
---@field LUA_NOREF integer # -2
---@field LUA_REFNIL integer # -1
---@field LUA_FILEHANDLE string # "FILE*"
---@field LUA_COLIBNAME string # "coroutine"
---@field LUA_MATHLIBNAME string # "math"
---@field LUA_STRLIBNAME string # "string"
---@field LUA_TABLIBNAME string # "table"
---@field LUA_IOLIBNAME string # "io"
---@field LUA_OSLIBNAME string # "os"
---@field LUA_LOADLIBNAME string # "package"
---@field LUA_DBLIBNAME string # "debug"
---@field LUA_BITLIBNAME string # "bit"
---@field LUA_JITLIBNAME string # "jit"
---@field LUA_FFILIBNAME string # "ffi"
---@field LUAJIT_MODE_MASK integer # 0xff
---@field LUAJIT_MODE_OFF integer # 0x0
---@field LUAJIT_MODE_ON integer # 0x100
---@field LUAJIT_MODE_FLUSH integer # 0x200
local M = {}

---struct lua_State *lua_newstate(void *(*)(void *, void *, size_t, size_t), void *)
---@param f? function|ffi.cdata*
---@param ud? ffi.cdata*
---@return ffi.cdata*
function M.lua_newstate(f, ud) end

---void lua_close(struct lua_State *)
---@param L? ffi.cdata*
function M.lua_close(L) end

---struct lua_State *lua_newthread(struct lua_State *)
---@param L? ffi.cdata*
---@return ffi.cdata*
function M.lua_newthread(L) end

---int (*lua_atpanic(struct lua_State *, int (*)(struct lua_State *)))(struct lua_State *)
---@param L? ffi.cdata*
---@param panicf? function|ffi.cdata*
---@return ffi.cdata*
function M.lua_atpanic(L, panicf) end

---int lua_gettop(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.lua_gettop(L) end

---void lua_settop(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_settop(L, idx) end

---void lua_pushvalue(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_pushvalue(L, idx) end

---void lua_remove(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_remove(L, idx) end

---void lua_insert(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_insert(L, idx) end

---void lua_replace(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_replace(L, idx) end

---int lua_checkstack(struct lua_State *, int)
---@param L? ffi.cdata*
---@param sz integer
---@return integer
function M.lua_checkstack(L, sz) end

---void lua_xmove(struct lua_State *, struct lua_State *, int)
---@param from? ffi.cdata*
---@param to? ffi.cdata*
---@param n integer
function M.lua_xmove(from, to, n) end

---int lua_isnumber(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer
function M.lua_isnumber(L, idx) end

---int lua_isstring(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer
function M.lua_isstring(L, idx) end

---int lua_iscfunction(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer
function M.lua_iscfunction(L, idx) end

---int lua_isuserdata(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer
function M.lua_isuserdata(L, idx) end

---int lua_type(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer
function M.lua_type(L, idx) end

---const char *lua_typename(struct lua_State *, int)
---@param L? ffi.cdata*
---@param tp integer
---@return ffi.cdata*
function M.lua_typename(L, tp) end

---int lua_equal(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param idx1 integer
---@param idx2 integer
---@return integer
function M.lua_equal(L, idx1, idx2) end

---int lua_rawequal(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param idx1 integer
---@param idx2 integer
---@return integer
function M.lua_rawequal(L, idx1, idx2) end

---int lua_lessthan(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param idx1 integer
---@param idx2 integer
---@return integer
function M.lua_lessthan(L, idx1, idx2) end

---double lua_tonumber(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return number
function M.lua_tonumber(L, idx) end

---ptrdiff_t lua_tointeger(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer|ffi.cdata*
function M.lua_tointeger(L, idx) end

---int lua_toboolean(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer
function M.lua_toboolean(L, idx) end

---const char *lua_tolstring(struct lua_State *, int, size_t *)
---@param L? ffi.cdata*
---@param idx integer
---@param len? ffi.cdata*
---@return ffi.cdata*
function M.lua_tolstring(L, idx, len) end

---size_t lua_objlen(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer|ffi.cdata*
function M.lua_objlen(L, idx) end

---int (*lua_tocfunction(struct lua_State *, int))(struct lua_State *)
---@param L? ffi.cdata*
---@param idx integer
---@return ffi.cdata*
function M.lua_tocfunction(L, idx) end

---void *lua_touserdata(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return ffi.cdata*
function M.lua_touserdata(L, idx) end

---struct lua_State *lua_tothread(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return ffi.cdata*
function M.lua_tothread(L, idx) end

---const void *lua_topointer(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return ffi.cdata*
function M.lua_topointer(L, idx) end

---void lua_pushnil(struct lua_State *)
---@param L? ffi.cdata*
function M.lua_pushnil(L) end

---void lua_pushnumber(struct lua_State *, double)
---@param L? ffi.cdata*
---@param n number
function M.lua_pushnumber(L, n) end

---void lua_pushinteger(struct lua_State *, ptrdiff_t)
---@param L? ffi.cdata*
---@param n integer|ffi.cdata*
function M.lua_pushinteger(L, n) end

---void lua_pushlstring(struct lua_State *, const char *, size_t)
---@param L? ffi.cdata*
---@param s? string|ffi.cdata*
---@param l integer|ffi.cdata*
function M.lua_pushlstring(L, s, l) end

---void lua_pushstring(struct lua_State *, const char *)
---@param L? ffi.cdata*
---@param s? string|ffi.cdata*
function M.lua_pushstring(L, s) end

---const char *lua_pushfstring(struct lua_State *, const char *, ...)
---
---A Lua number among the ... goes as a double: `M.int(1)`, `M.long(1)` go as C's integers.
---@param L? ffi.cdata*
---@param fmt? string|ffi.cdata*
---@param ... any
---@return ffi.cdata*
function M.lua_pushfstring(L, fmt, ...) end

---void lua_pushcclosure(struct lua_State *, int (*)(struct lua_State *), int)
---@param L? ffi.cdata*
---@param fn? function|ffi.cdata*
---@param n integer
function M.lua_pushcclosure(L, fn, n) end

---void lua_pushboolean(struct lua_State *, int)
---@param L? ffi.cdata*
---@param b integer
function M.lua_pushboolean(L, b) end

---void lua_pushlightuserdata(struct lua_State *, void *)
---@param L? ffi.cdata*
---@param p? ffi.cdata*
function M.lua_pushlightuserdata(L, p) end

---int lua_pushthread(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.lua_pushthread(L) end

---void lua_gettable(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_gettable(L, idx) end

---void lua_getfield(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param idx integer
---@param k? string|ffi.cdata*
function M.lua_getfield(L, idx, k) end

---void lua_rawget(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_rawget(L, idx) end

---void lua_rawgeti(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param idx integer
---@param n integer
function M.lua_rawgeti(L, idx, n) end

---void lua_createtable(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param narr integer
---@param nrec integer
function M.lua_createtable(L, narr, nrec) end

---void *lua_newuserdata(struct lua_State *, size_t)
---@param L? ffi.cdata*
---@param sz integer|ffi.cdata*
---@return ffi.cdata*
function M.lua_newuserdata(L, sz) end

---int lua_getmetatable(struct lua_State *, int)
---@param L? ffi.cdata*
---@param objindex integer
---@return integer
function M.lua_getmetatable(L, objindex) end

---void lua_getfenv(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_getfenv(L, idx) end

---void lua_settable(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_settable(L, idx) end

---void lua_setfield(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param idx integer
---@param k? string|ffi.cdata*
function M.lua_setfield(L, idx, k) end

---void lua_rawset(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
function M.lua_rawset(L, idx) end

---void lua_rawseti(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param idx integer
---@param n integer
function M.lua_rawseti(L, idx, n) end

---int lua_setmetatable(struct lua_State *, int)
---@param L? ffi.cdata*
---@param objindex integer
---@return integer
function M.lua_setmetatable(L, objindex) end

---int lua_setfenv(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer
function M.lua_setfenv(L, idx) end

---void lua_call(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param nargs integer
---@param nresults integer
function M.lua_call(L, nargs, nresults) end

---int lua_pcall(struct lua_State *, int, int, int)
---@param L? ffi.cdata*
---@param nargs integer
---@param nresults integer
---@param errfunc integer
---@return integer
function M.lua_pcall(L, nargs, nresults, errfunc) end

---int lua_cpcall(struct lua_State *, int (*)(struct lua_State *), void *)
---@param L? ffi.cdata*
---@param func? function|ffi.cdata*
---@param ud? ffi.cdata*
---@return integer
function M.lua_cpcall(L, func, ud) end

---int lua_load(struct lua_State *, const char *(*)(struct lua_State *, void *, size_t *), void *, const char *)
---@param L? ffi.cdata*
---@param reader? function|ffi.cdata*
---@param dt? ffi.cdata*
---@param chunkname? string|ffi.cdata*
---@return integer
function M.lua_load(L, reader, dt, chunkname) end

---int lua_dump(struct lua_State *, int (*)(struct lua_State *, const void *, size_t, void *), void *)
---@param L? ffi.cdata*
---@param writer? function|ffi.cdata*
---@param data? ffi.cdata*
---@return integer
function M.lua_dump(L, writer, data) end

---int lua_yield(struct lua_State *, int)
---@param L? ffi.cdata*
---@param nresults integer
---@return integer
function M.lua_yield(L, nresults) end

---int lua_resume(struct lua_State *, int)
---@param L? ffi.cdata*
---@param narg integer
---@return integer
function M.lua_resume(L, narg) end

---int lua_status(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.lua_status(L) end

---int lua_gc(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param what integer
---@param data integer
---@return integer
function M.lua_gc(L, what, data) end

---int lua_error(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.lua_error(L) end

---int lua_next(struct lua_State *, int)
---@param L? ffi.cdata*
---@param idx integer
---@return integer
function M.lua_next(L, idx) end

---void lua_concat(struct lua_State *, int)
---@param L? ffi.cdata*
---@param n integer
function M.lua_concat(L, n) end

---void *(*lua_getallocf(struct lua_State *, void **))(void *, void *, size_t, size_t)
---@param L? ffi.cdata*
---@param ud? ffi.cdata*
---@return ffi.cdata*
function M.lua_getallocf(L, ud) end

---void lua_setallocf(struct lua_State *, void *(*)(void *, void *, size_t, size_t), void *)
---@param L? ffi.cdata*
---@param f? function|ffi.cdata*
---@param ud? ffi.cdata*
function M.lua_setallocf(L, f, ud) end

---void lua_setlevel(struct lua_State *, struct lua_State *)
---@param from? ffi.cdata*
---@param to? ffi.cdata*
function M.lua_setlevel(from, to) end

---int lua_getstack(struct lua_State *, int, struct lua_Debug *)
---@param L? ffi.cdata*
---@param level integer
---@param ar? luajit.lua_Debug
---@return integer
function M.lua_getstack(L, level, ar) end

---int lua_getinfo(struct lua_State *, const char *, struct lua_Debug *)
---@param L? ffi.cdata*
---@param what? string|ffi.cdata*
---@param ar? luajit.lua_Debug
---@return integer
function M.lua_getinfo(L, what, ar) end

---const char *lua_getlocal(struct lua_State *, const struct lua_Debug *, int)
---@param L? ffi.cdata*
---@param ar? luajit.lua_Debug
---@param n integer
---@return ffi.cdata*
function M.lua_getlocal(L, ar, n) end

---const char *lua_setlocal(struct lua_State *, const struct lua_Debug *, int)
---@param L? ffi.cdata*
---@param ar? luajit.lua_Debug
---@param n integer
---@return ffi.cdata*
function M.lua_setlocal(L, ar, n) end

---const char *lua_getupvalue(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param funcindex integer
---@param n integer
---@return ffi.cdata*
function M.lua_getupvalue(L, funcindex, n) end

---const char *lua_setupvalue(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param funcindex integer
---@param n integer
---@return ffi.cdata*
function M.lua_setupvalue(L, funcindex, n) end

---int lua_sethook(struct lua_State *, void (*)(struct lua_State *, struct lua_Debug *), int, int)
---@param L? ffi.cdata*
---@param func? function|ffi.cdata*
---@param mask integer
---@param count integer
---@return integer
function M.lua_sethook(L, func, mask, count) end

---void (*lua_gethook(struct lua_State *))(struct lua_State *, struct lua_Debug *)
---@param L? ffi.cdata*
---@return ffi.cdata*
function M.lua_gethook(L) end

---int lua_gethookmask(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.lua_gethookmask(L) end

---int lua_gethookcount(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.lua_gethookcount(L) end

---void *lua_upvalueid(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param idx integer
---@param n integer
---@return ffi.cdata*
function M.lua_upvalueid(L, idx, n) end

---void lua_upvaluejoin(struct lua_State *, int, int, int, int)
---@param L? ffi.cdata*
---@param idx1 integer
---@param n1 integer
---@param idx2 integer
---@param n2 integer
function M.lua_upvaluejoin(L, idx1, n1, idx2, n2) end

---int lua_loadx(struct lua_State *, const char *(*)(struct lua_State *, void *, size_t *), void *, const char *, const char *)
---@param L? ffi.cdata*
---@param reader? function|ffi.cdata*
---@param dt? ffi.cdata*
---@param chunkname? string|ffi.cdata*
---@param mode? string|ffi.cdata*
---@return integer
function M.lua_loadx(L, reader, dt, chunkname, mode) end

---const double *lua_version(struct lua_State *)
---@param L? ffi.cdata*
---@return ffi.cdata*
function M.lua_version(L) end

---void lua_copy(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param fromidx integer
---@param toidx integer
function M.lua_copy(L, fromidx, toidx) end

---double lua_tonumberx(struct lua_State *, int, int *)
---@param L? ffi.cdata*
---@param idx integer
---@param isnum? ffi.cdata*
---@return number
function M.lua_tonumberx(L, idx, isnum) end

---ptrdiff_t lua_tointegerx(struct lua_State *, int, int *)
---@param L? ffi.cdata*
---@param idx integer
---@param isnum? ffi.cdata*
---@return integer|ffi.cdata*
function M.lua_tointegerx(L, idx, isnum) end

---int lua_isyieldable(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.lua_isyieldable(L) end

---void luaL_openlib(struct lua_State *, const char *, const struct luaL_Reg *, int)
---@param L? ffi.cdata*
---@param libname? string|ffi.cdata*
---@param l? luajit.luaL_Reg
---@param nup integer
function M.luaL_openlib(L, libname, l, nup) end

---void luaL_register(struct lua_State *, const char *, const struct luaL_Reg *)
---@param L? ffi.cdata*
---@param libname? string|ffi.cdata*
---@param l? luajit.luaL_Reg
function M.luaL_register(L, libname, l) end

---int luaL_getmetafield(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param obj integer
---@param e? string|ffi.cdata*
---@return integer
function M.luaL_getmetafield(L, obj, e) end

---int luaL_callmeta(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param obj integer
---@param e? string|ffi.cdata*
---@return integer
function M.luaL_callmeta(L, obj, e) end

---int luaL_typerror(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param narg integer
---@param tname? string|ffi.cdata*
---@return integer
function M.luaL_typerror(L, narg, tname) end

---int luaL_argerror(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param numarg integer
---@param extramsg? string|ffi.cdata*
---@return integer
function M.luaL_argerror(L, numarg, extramsg) end

---const char *luaL_checklstring(struct lua_State *, int, size_t *)
---@param L? ffi.cdata*
---@param numArg integer
---@param l? ffi.cdata*
---@return ffi.cdata*
function M.luaL_checklstring(L, numArg, l) end

---const char *luaL_optlstring(struct lua_State *, int, const char *, size_t *)
---@param L? ffi.cdata*
---@param numArg integer
---@param def? string|ffi.cdata*
---@param l? ffi.cdata*
---@return ffi.cdata*
function M.luaL_optlstring(L, numArg, def, l) end

---double luaL_checknumber(struct lua_State *, int)
---@param L? ffi.cdata*
---@param numArg integer
---@return number
function M.luaL_checknumber(L, numArg) end

---double luaL_optnumber(struct lua_State *, int, double)
---@param L? ffi.cdata*
---@param nArg integer
---@param def number
---@return number
function M.luaL_optnumber(L, nArg, def) end

---ptrdiff_t luaL_checkinteger(struct lua_State *, int)
---@param L? ffi.cdata*
---@param numArg integer
---@return integer|ffi.cdata*
function M.luaL_checkinteger(L, numArg) end

---ptrdiff_t luaL_optinteger(struct lua_State *, int, ptrdiff_t)
---@param L? ffi.cdata*
---@param nArg integer
---@param def integer|ffi.cdata*
---@return integer|ffi.cdata*
function M.luaL_optinteger(L, nArg, def) end

---void luaL_checkstack(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param sz integer
---@param msg? string|ffi.cdata*
function M.luaL_checkstack(L, sz, msg) end

---void luaL_checktype(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param narg integer
---@param t integer
function M.luaL_checktype(L, narg, t) end

---void luaL_checkany(struct lua_State *, int)
---@param L? ffi.cdata*
---@param narg integer
function M.luaL_checkany(L, narg) end

---int luaL_newmetatable(struct lua_State *, const char *)
---@param L? ffi.cdata*
---@param tname? string|ffi.cdata*
---@return integer
function M.luaL_newmetatable(L, tname) end

---void *luaL_checkudata(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param ud integer
---@param tname? string|ffi.cdata*
---@return ffi.cdata*
function M.luaL_checkudata(L, ud, tname) end

---void luaL_where(struct lua_State *, int)
---@param L? ffi.cdata*
---@param lvl integer
function M.luaL_where(L, lvl) end

---int luaL_error(struct lua_State *, const char *, ...)
---
---A Lua number among the ... goes as a double: `M.int(1)`, `M.long(1)` go as C's integers.
---@param L? ffi.cdata*
---@param fmt? string|ffi.cdata*
---@param ... any
---@return integer
function M.luaL_error(L, fmt, ...) end

---int luaL_checkoption(struct lua_State *, int, const char *, const char *const *)
---@param L? ffi.cdata*
---@param narg integer
---@param def? string|ffi.cdata*
---@param lst? ffi.cdata*
---@return integer
function M.luaL_checkoption(L, narg, def, lst) end

---int luaL_ref(struct lua_State *, int)
---@param L? ffi.cdata*
---@param t integer
---@return integer
function M.luaL_ref(L, t) end

---void luaL_unref(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param t integer
---@param ref integer
function M.luaL_unref(L, t, ref) end

---int luaL_loadfile(struct lua_State *, const char *)
---@param L? ffi.cdata*
---@param filename? string|ffi.cdata*
---@return integer
function M.luaL_loadfile(L, filename) end

---int luaL_loadbuffer(struct lua_State *, const char *, size_t, const char *)
---@param L? ffi.cdata*
---@param buff? string|ffi.cdata*
---@param sz integer|ffi.cdata*
---@param name? string|ffi.cdata*
---@return integer
function M.luaL_loadbuffer(L, buff, sz, name) end

---int luaL_loadstring(struct lua_State *, const char *)
---@param L? ffi.cdata*
---@param s? string|ffi.cdata*
---@return integer
function M.luaL_loadstring(L, s) end

---struct lua_State *luaL_newstate(void)
---@return ffi.cdata*
function M.luaL_newstate() end

---const char *luaL_gsub(struct lua_State *, const char *, const char *, const char *)
---@param L? ffi.cdata*
---@param s? string|ffi.cdata*
---@param p? string|ffi.cdata*
---@param r? string|ffi.cdata*
---@return ffi.cdata*
function M.luaL_gsub(L, s, p, r) end

---const char *luaL_findtable(struct lua_State *, int, const char *, int)
---@param L? ffi.cdata*
---@param idx integer
---@param fname? string|ffi.cdata*
---@param szhint integer
---@return ffi.cdata*
function M.luaL_findtable(L, idx, fname, szhint) end

---int luaL_fileresult(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param stat integer
---@param fname? string|ffi.cdata*
---@return integer
function M.luaL_fileresult(L, stat, fname) end

---int luaL_execresult(struct lua_State *, int)
---@param L? ffi.cdata*
---@param stat integer
---@return integer
function M.luaL_execresult(L, stat) end

---int luaL_loadfilex(struct lua_State *, const char *, const char *)
---@param L? ffi.cdata*
---@param filename? string|ffi.cdata*
---@param mode? string|ffi.cdata*
---@return integer
function M.luaL_loadfilex(L, filename, mode) end

---int luaL_loadbufferx(struct lua_State *, const char *, size_t, const char *, const char *)
---@param L? ffi.cdata*
---@param buff? string|ffi.cdata*
---@param sz integer|ffi.cdata*
---@param name? string|ffi.cdata*
---@param mode? string|ffi.cdata*
---@return integer
function M.luaL_loadbufferx(L, buff, sz, name, mode) end

---void luaL_traceback(struct lua_State *, struct lua_State *, const char *, int)
---@param L? ffi.cdata*
---@param L1? ffi.cdata*
---@param msg? string|ffi.cdata*
---@param level integer
function M.luaL_traceback(L, L1, msg, level) end

---void luaL_setfuncs(struct lua_State *, const struct luaL_Reg *, int)
---@param L? ffi.cdata*
---@param l? luajit.luaL_Reg
---@param nup integer
function M.luaL_setfuncs(L, l, nup) end

---void luaL_pushmodule(struct lua_State *, const char *, int)
---@param L? ffi.cdata*
---@param modname? string|ffi.cdata*
---@param sizehint integer
function M.luaL_pushmodule(L, modname, sizehint) end

---void *luaL_testudata(struct lua_State *, int, const char *)
---@param L? ffi.cdata*
---@param ud integer
---@param tname? string|ffi.cdata*
---@return ffi.cdata*
function M.luaL_testudata(L, ud, tname) end

---void luaL_setmetatable(struct lua_State *, const char *)
---@param L? ffi.cdata*
---@param tname? string|ffi.cdata*
function M.luaL_setmetatable(L, tname) end

---int luaopen_base(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_base(L) end

---int luaopen_math(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_math(L) end

---int luaopen_string(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_string(L) end

---int luaopen_table(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_table(L) end

---int luaopen_io(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_io(L) end

---int luaopen_os(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_os(L) end

---int luaopen_package(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_package(L) end

---int luaopen_debug(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_debug(L) end

---int luaopen_bit(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_bit(L) end

---int luaopen_jit(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_jit(L) end

---int luaopen_ffi(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_ffi(L) end

---int luaopen_string_buffer(struct lua_State *)
---@param L? ffi.cdata*
---@return integer
function M.luaopen_string_buffer(L) end

---void luaL_openlibs(struct lua_State *)
---@param L? ffi.cdata*
function M.luaL_openlibs(L) end

---int luaJIT_setmode(struct lua_State *, int, int)
---@param L? ffi.cdata*
---@param idx integer
---@param mode integer
---@return integer
function M.luaJIT_setmode(L, idx, mode) end

---void luaJIT_profile_start(struct lua_State *, const char *, void (*)(void *, struct lua_State *, int, int), void *)
---@param L? ffi.cdata*
---@param mode? string|ffi.cdata*
---@param cb? function|ffi.cdata*
---@param data? ffi.cdata*
function M.luaJIT_profile_start(L, mode, cb, data) end

---void luaJIT_profile_stop(struct lua_State *)
---@param L? ffi.cdata*
function M.luaJIT_profile_stop(L) end

---const char *luaJIT_profile_dumpstack(struct lua_State *, const char *, int, size_t *)
---@param L? ffi.cdata*
---@param fmt? string|ffi.cdata*
---@param depth integer
---@param len? ffi.cdata*
---@return ffi.cdata*
function M.luaJIT_profile_dumpstack(L, fmt, depth, len) end

---#define lua_upvalueindex(i)
---@param i any
---@return any
function M.lua_upvalueindex(i) end

---#define lua_pop(L, n)
---@param L any
---@param n any
---@return any
function M.lua_pop(L, n) end

---#define lua_newtable(L)
---@param L any
---@return any
function M.lua_newtable(L) end

---#define lua_register(L, n, f)
---@param L any
---@param n any
---@param f any
---@return any
function M.lua_register(L, n, f) end

---#define lua_pushcfunction(L, f)
---@param L any
---@param f any
---@return any
function M.lua_pushcfunction(L, f) end

---#define lua_strlen(L, i)
---@param L any
---@param i any
---@return any
function M.lua_strlen(L, i) end

---#define lua_isfunction(L, n)
---@param L any
---@param n any
---@return any
function M.lua_isfunction(L, n) end

---#define lua_istable(L, n)
---@param L any
---@param n any
---@return any
function M.lua_istable(L, n) end

---#define lua_islightuserdata(L, n)
---@param L any
---@param n any
---@return any
function M.lua_islightuserdata(L, n) end

---#define lua_isnil(L, n)
---@param L any
---@param n any
---@return any
function M.lua_isnil(L, n) end

---#define lua_isboolean(L, n)
---@param L any
---@param n any
---@return any
function M.lua_isboolean(L, n) end

---#define lua_isthread(L, n)
---@param L any
---@param n any
---@return any
function M.lua_isthread(L, n) end

---#define lua_isnone(L, n)
---@param L any
---@param n any
---@return any
function M.lua_isnone(L, n) end

---#define lua_isnoneornil(L, n)
---@param L any
---@param n any
---@return any
function M.lua_isnoneornil(L, n) end

---#define lua_setglobal(L, s)
---@param L any
---@param s any
---@return any
function M.lua_setglobal(L, s) end

---#define lua_getglobal(L, s)
---@param L any
---@param s any
---@return any
function M.lua_getglobal(L, s) end

---#define lua_tostring(L, i)
---@param L any
---@param i any
---@return any
function M.lua_tostring(L, i) end

---#define lua_open()
---@return any
function M.lua_open() end

---#define lua_getregistry(L)
---@param L any
---@return any
function M.lua_getregistry(L) end

---#define lua_getgccount(L)
---@param L any
---@return any
function M.lua_getgccount(L) end

---#define luaL_checkstring(L, n)
---@param L any
---@param n any
---@return any
function M.luaL_checkstring(L, n) end

---#define luaL_optstring(L, n, d)
---@param L any
---@param n any
---@param d any
---@return any
function M.luaL_optstring(L, n, d) end

---#define luaL_checkint(L, n)
---@param L any
---@param n any
---@return any
function M.luaL_checkint(L, n) end

---#define luaL_optint(L, n, d)
---@param L any
---@param n any
---@param d any
---@return any
function M.luaL_optint(L, n, d) end

---#define luaL_checklong(L, n)
---@param L any
---@param n any
---@return any
function M.luaL_checklong(L, n) end

---#define luaL_optlong(L, n, d)
---@param L any
---@param n any
---@param d any
---@return any
function M.luaL_optlong(L, n, d) end

---#define luaL_typename(L, i)
---@param L any
---@param i any
---@return any
function M.luaL_typename(L, i) end

---#define luaL_dofile(L, fn)
---@param L any
---@param fn any
---@return any
function M.luaL_dofile(L, fn) end

---#define luaL_dostring(L, s)
---@param L any
---@param s any
---@return any
function M.luaL_dostring(L, s) end

---#define luaL_getmetatable(L, n)
---@param L any
---@param n any
---@return any
function M.luaL_getmetatable(L, n) end

---@class luajit.types
---@field LUA_INTEGER ffi.ctype*
---@field luaJIT_profile_callback ffi.ctype*
---@field luaL_Reg fun(init?: table|ffi.cdata*): luajit.luaL_Reg
---@field lua_Alloc ffi.ctype*
---@field lua_CFunction ffi.ctype*
---@field lua_Chunkreader ffi.ctype*
---@field lua_Chunkwriter ffi.ctype*
---@field lua_Debug fun(init?: table|ffi.cdata*): luajit.lua_Debug
---@field lua_Hook ffi.ctype*
---@field lua_Integer ffi.ctype*
---@field lua_Number ffi.ctype*
---@field lua_Reader ffi.ctype*
---@field lua_State ffi.ctype*
---@field lua_Writer ffi.ctype*

---struct luaL_Reg
---@class luajit.luaL_Reg: ffi.cdata*
---@field name ffi.cdata*
---@field func ffi.cdata*

---struct lua_Debug
---@class luajit.lua_Debug: ffi.cdata*
---@field event integer
---@field name ffi.cdata*
---@field namewhat ffi.cdata*
---@field what ffi.cdata*
---@field source ffi.cdata*
---@field currentline integer
---@field nups integer
---@field linedefined integer
---@field lastlinedefined integer
---@field short_src ffi.cdata*
---@field i_ci integer

return M
