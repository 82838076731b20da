-- luacheck: no max line length
-- <lua.h>, <lauxlib.h>, <lualib.h>, <luajit.h> for LuaJIT
-- Written by Callgate 0.1.0 for x86_64-linux-gnu, i386-linux-gnu, arm-linux-gnueabihf, arm-linux-gnueabi, aarch64-linux-gnu, riscv64-linux-gnu, loongarch64-linux-gnu, mips-linux-gnu, mipsel-linux-gnu, mips64-linux-gnuabi64, mips64el-linux-gnuabi64, powerpc64le-linux-gnu, s390x-linux-gnu, x86_64-linux-musl, i386-linux-musl, arm-linux-musleabihf, aarch64-linux-musl, riscv64-linux-musl, loongarch64-linux-musl, mips-linux-musl, mipsel-linux-musl, mips64-linux-musl, mips64el-linux-musl, powerpc-linux-musl, powerpc64le-linux-musl, s390x-linux-musl.
-- Do not edit it: `callgate bind` writes it again. It needs LuaJIT's ffi and bit, and nothing else.

local B = {
  name = "luajit",
  machines = "x64 x86 arm arm64 riscv64 loongarch64 mips mipsel mips64 mips64el ppc64le s390x ppc",
  systems = "Linux",
  by_abi = false,
  libraries = {  },
  prefixes = {  },
  sections = { "constants", "addresses", "functions", "symbols", "variables", "aliases", "typedefs", "records", "accessors", "left", "macro_names" },
  constants = {
    LUAJIT_MODE_ENGINE = 0,
    LUAJIT_MODE_DEBUG = 1,
    LUAJIT_MODE_FUNC = 2,
    LUAJIT_MODE_ALLFUNC = 3,
    LUAJIT_MODE_ALLSUBFUNC = 4,
    LUAJIT_MODE_TRACE = 5,
    LUAJIT_MODE_WRAPCFUNC = 16,
    LUAJIT_MODE_MAX = 17,
    WINVER = 0x501,
    LUA_MULTILIB = "lib",
    LUA_LMULTILIB = "lib",
    LUA_LROOT = "/usr/local",
    LUA_LUADIR = "/lua/5.1/",
    LUA_LJDIR = "/luajit-2.1.0-beta3/",
    LUA_JROOT = "/usr/local",
    LUA_JPATH = ";/usr/local/share/luajit-2.1.0-beta3/?.lua",
    LUA_LLDIR = "/usr/local/share/lua/5.1/",
    LUA_LCDIR = "/usr/local/lib/lua/5.1/",
    LUA_LLPATH = ";/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua",
    LUA_LCPATH1 = ";/usr/local/lib/lua/5.1/?.so",
    LUA_LCPATH2 = ";/usr/local/lib/lua/5.1/loadall.so",
    LUA_PATH_DEFAULT = "./?.lua;/usr/local/share/luajit-2.1.0-beta3/?.lua;/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua",
    LUA_CPATH_DEFAULT = "./?.so;/usr/local/lib/lua/5.1/?.so;/usr/local/lib/lua/5.1/loadall.so",
    LUA_PATH = "LUA_PATH",
    LUA_CPATH = "LUA_CPATH",
    LUA_INIT = "LUA_INIT",
    LUA_DIRSEP = "/",
    LUA_PATHSEP = ";",
    LUA_PATH_MARK = "?",
    LUA_EXECDIR = "!",
    LUA_IGMARK = "-",
    LUA_PATH_CONFIG = "/\n;\n?\n!\n-\n",
    LUA_QS = "'%s'",
    LUAI_MAXSTACK = 65500,
    LUAI_MAXCSTACK = 8000,
    LUAI_GCPAUSE = 200,
    LUAI_GCMUL = 200,
    LUA_MAXCAPTURES = 32,
    LUA_IDSIZE = 60,
    LUA_NUMBER_SCAN = "%lf",
    LUA_NUMBER_FMT = "%.14g",
    LUAI_MAXNUMBER2STR = 32,
    LUA_INTFRMLEN = "l",
    LUA_VERSION = "Lua 5.1",
    LUA_RELEASE = "Lua 5.1.4",
    LUA_VERSION_NUM = 501,
    LUA_COPYRIGHT = "Copyright (C) 1994-2008 Lua.org, PUC-Rio",
    LUA_AUTHORS = "R. Ierusalimschy, L. H. de Figueiredo & W. Celes",
    LUA_SIGNATURE = "\027Lua",
    LUA_MULTRET = -1,
    LUA_REGISTRYINDEX = -10000,
    LUA_ENVIRONINDEX = -10001,
    LUA_GLOBALSINDEX = -10002,
    LUA_OK = 0,
    LUA_YIELD = 1,
    LUA_ERRRUN = 2,
    LUA_ERRSYNTAX = 3,
    LUA_ERRMEM = 4,
    LUA_ERRERR = 5,
    LUA_TNONE = -1,
    LUA_TNIL = 0,
    LUA_TBOOLEAN = 1,
    LUA_TLIGHTUSERDATA = 2,
    LUA_TNUMBER = 3,
    LUA_TSTRING = 4,
    LUA_TTABLE = 5,
    LUA_TFUNCTION = 6,
    LUA_TUSERDATA = 7,
    LUA_TTHREAD = 8,
    LUA_MINSTACK = 20,
    LUA_GCSTOP = 0,
    LUA_GCRESTART = 1,
    LUA_GCCOLLECT = 2,
    LUA_GCCOUNT = 3,
    LUA_GCCOUNTB = 4,
    LUA_GCSTEP = 5,
    LUA_GCSETPAUSE = 6,
    LUA_GCSETSTEPMUL = 7,
    LUA_GCISRUNNING = 9,
    LUA_HOOKCALL = 0,
    LUA_HOOKRET = 1,
    LUA_HOOKLINE = 2,
    LUA_HOOKCOUNT = 3,
    LUA_HOOKTAILRET = 4,
    LUA_MASKCALL = 0x1,
    LUA_MASKRET = 0x2,
    LUA_MASKLINE = 0x4,
    LUA_MASKCOUNT = 0x8,
    LUA_ERRFILE = 6,
    LUA_NOREF = -2,
    LUA_REFNIL = -1,
    LUA_FILEHANDLE = "FILE*",
    LUA_COLIBNAME = "coroutine",
    LUA_MATHLIBNAME = "math",
    LUA_STRLIBNAME = "string",
    LUA_TABLIBNAME = "table",
    LUA_IOLIBNAME = "io",
    LUA_OSLIBNAME = "os",
    LUA_LOADLIBNAME = "package",
    LUA_DBLIBNAME = "debug",
    LUA_BITLIBNAME = "bit",
    LUA_JITLIBNAME = "jit",
    LUA_FFILIBNAME = "ffi",
    LUAJIT_MODE_MASK = 0xff,
    LUAJIT_MODE_OFF = 0x0,
    LUAJIT_MODE_ON = 0x100,
    LUAJIT_MODE_FLUSH = 0x200,
  },
  functions = {
    lua_newstate = "struct lua_State *$(void *(*)(void *, void *, size_t, size_t), void *)",
    lua_close = "void $(struct lua_State *)",
    lua_newthread = "struct lua_State *$(struct lua_State *)",
    lua_atpanic = "int (*$(struct lua_State *, int (*)(struct lua_State *)))(struct lua_State *)",
    lua_gettop = "int $(struct lua_State *)",
    lua_settop = "void $(struct lua_State *, int)",
    lua_pushvalue = "void $(struct lua_State *, int)",
    lua_remove = "void $(struct lua_State *, int)",
    lua_insert = "void $(struct lua_State *, int)",
    lua_replace = "void $(struct lua_State *, int)",
    lua_checkstack = "int $(struct lua_State *, int)",
    lua_xmove = "void $(struct lua_State *, struct lua_State *, int)",
    lua_isnumber = "int $(struct lua_State *, int)",
    lua_isstring = "int $(struct lua_State *, int)",
    lua_iscfunction = "int $(struct lua_State *, int)",
    lua_isuserdata = "int $(struct lua_State *, int)",
    lua_type = "int $(struct lua_State *, int)",
    lua_typename = "const char *$(struct lua_State *, int)",
    lua_equal = "int $(struct lua_State *, int, int)",
    lua_rawequal = "int $(struct lua_State *, int, int)",
    lua_lessthan = "int $(struct lua_State *, int, int)",
    lua_tonumber = "double $(struct lua_State *, int)",
    lua_tointeger = "ptrdiff_t $(struct lua_State *, int)",
    lua_toboolean = "int $(struct lua_State *, int)",
    lua_tolstring = "const char *$(struct lua_State *, int, size_t *)",
    lua_objlen = "size_t $(struct lua_State *, int)",
    lua_tocfunction = "int (*$(struct lua_State *, int))(struct lua_State *)",
    lua_touserdata = "void *$(struct lua_State *, int)",
    lua_tothread = "struct lua_State *$(struct lua_State *, int)",
    lua_topointer = "const void *$(struct lua_State *, int)",
    lua_pushnil = "void $(struct lua_State *)",
    lua_pushnumber = "void $(struct lua_State *, double)",
    lua_pushinteger = "void $(struct lua_State *, ptrdiff_t)",
    lua_pushlstring = "void $(struct lua_State *, const char *, size_t)",
    lua_pushstring = "void $(struct lua_State *, const char *)",
    lua_pushfstring = "const char *$(struct lua_State *, const char *, ...)",
    lua_pushcclosure = "void $(struct lua_State *, int (*)(struct lua_State *), int)",
    lua_pushboolean = "void $(struct lua_State *, int)",
    lua_pushlightuserdata = "void $(struct lua_State *, void *)",
    lua_pushthread = "int $(struct lua_State *)",
    lua_gettable = "void $(struct lua_State *, int)",
    lua_getfield = "void $(struct lua_State *, int, const char *)",
    lua_rawget = "void $(struct lua_State *, int)",
    lua_rawgeti = "void $(struct lua_State *, int, int)",
    lua_createtable = "void $(struct lua_State *, int, int)",
    lua_newuserdata = "void *$(struct lua_State *, size_t)",
    lua_getmetatable = "int $(struct lua_State *, int)",
    lua_getfenv = "void $(struct lua_State *, int)",
    lua_settable = "void $(struct lua_State *, int)",
    lua_setfield = "void $(struct lua_State *, int, const char *)",
    lua_rawset = "void $(struct lua_State *, int)",
    lua_rawseti = "void $(struct lua_State *, int, int)",
    lua_setmetatable = "int $(struct lua_State *, int)",
    lua_setfenv = "int $(struct lua_State *, int)",
    lua_call = "void $(struct lua_State *, int, int)",
    lua_pcall = "int $(struct lua_State *, int, int, int)",
    lua_cpcall = "int $(struct lua_State *, int (*)(struct lua_State *), void *)",
    lua_load = "int $(struct lua_State *, const char *(*)(struct lua_State *, void *, size_t *), void *, const char *)",
    lua_dump = "int $(struct lua_State *, int (*)(struct lua_State *, const void *, size_t, void *), void *)",
    lua_yield = "int $(struct lua_State *, int)",
    lua_resume = "int $(struct lua_State *, int)",
    lua_status = "int $(struct lua_State *)",
    lua_gc = "int $(struct lua_State *, int, int)",
    lua_error = "int $(struct lua_State *)",
    lua_next = "int $(struct lua_State *, int)",
    lua_concat = "void $(struct lua_State *, int)",
    lua_getallocf = "void *(*$(struct lua_State *, void **))(void *, void *, size_t, size_t)",
    lua_setallocf = "void $(struct lua_State *, void *(*)(void *, void *, size_t, size_t), void *)",
    lua_setlevel = "void $(struct lua_State *, struct lua_State *)",
    lua_getstack = "int $(struct lua_State *, int, struct lua_Debug *)",
    lua_getinfo = "int $(struct lua_State *, const char *, struct lua_Debug *)",
    lua_getlocal = "const char *$(struct lua_State *, const struct lua_Debug *, int)",
    lua_setlocal = "const char *$(struct lua_State *, const struct lua_Debug *, int)",
    lua_getupvalue = "const char *$(struct lua_State *, int, int)",
    lua_setupvalue = "const char *$(struct lua_State *, int, int)",
    lua_sethook = "int $(struct lua_State *, void (*)(struct lua_State *, struct lua_Debug *), int, int)",
    lua_gethook = "void (*$(struct lua_State *))(struct lua_State *, struct lua_Debug *)",
    lua_gethookmask = "int $(struct lua_State *)",
    lua_gethookcount = "int $(struct lua_State *)",
    lua_upvalueid = "void *$(struct lua_State *, int, int)",
    lua_upvaluejoin = "void $(struct lua_State *, int, int, int, int)",
    lua_loadx = "int $(struct lua_State *, const char *(*)(struct lua_State *, void *, size_t *), void *, const char *, const char *)",
    lua_version = "const double *$(struct lua_State *)",
    lua_copy = "void $(struct lua_State *, int, int)",
    lua_tonumberx = "double $(struct lua_State *, int, int *)",
    lua_tointegerx = "ptrdiff_t $(struct lua_State *, int, int *)",
    lua_isyieldable = "int $(struct lua_State *)",
    luaL_openlib = "void $(struct lua_State *, const char *, const struct luaL_Reg *, int)",
    luaL_register = "void $(struct lua_State *, const char *, const struct luaL_Reg *)",
    luaL_getmetafield = "int $(struct lua_State *, int, const char *)",
    luaL_callmeta = "int $(struct lua_State *, int, const char *)",
    luaL_typerror = "int $(struct lua_State *, int, const char *)",
    luaL_argerror = "int $(struct lua_State *, int, const char *)",
    luaL_checklstring = "const char *$(struct lua_State *, int, size_t *)",
    luaL_optlstring = "const char *$(struct lua_State *, int, const char *, size_t *)",
    luaL_checknumber = "double $(struct lua_State *, int)",
    luaL_optnumber = "double $(struct lua_State *, int, double)",
    luaL_checkinteger = "ptrdiff_t $(struct lua_State *, int)",
    luaL_optinteger = "ptrdiff_t $(struct lua_State *, int, ptrdiff_t)",
    luaL_checkstack = "void $(struct lua_State *, int, const char *)",
    luaL_checktype = "void $(struct lua_State *, int, int)",
    luaL_checkany = "void $(struct lua_State *, int)",
    luaL_newmetatable = "int $(struct lua_State *, const char *)",
    luaL_checkudata = "void *$(struct lua_State *, int, const char *)",
    luaL_where = "void $(struct lua_State *, int)",
    luaL_error = "int $(struct lua_State *, const char *, ...)",
    luaL_checkoption = "int $(struct lua_State *, int, const char *, const char *const *)",
    luaL_ref = "int $(struct lua_State *, int)",
    luaL_unref = "void $(struct lua_State *, int, int)",
    luaL_loadfile = "int $(struct lua_State *, const char *)",
    luaL_loadbuffer = "int $(struct lua_State *, const char *, size_t, const char *)",
    luaL_loadstring = "int $(struct lua_State *, const char *)",
    luaL_newstate = "struct lua_State *$(void)",
    luaL_gsub = "const char *$(struct lua_State *, const char *, const char *, const char *)",
    luaL_findtable = "const char *$(struct lua_State *, int, const char *, int)",
    luaL_fileresult = "int $(struct lua_State *, int, const char *)",
    luaL_execresult = "int $(struct lua_State *, int)",
    luaL_loadfilex = "int $(struct lua_State *, const char *, const char *)",
    luaL_loadbufferx = "int $(struct lua_State *, const char *, size_t, const char *, const char *)",
    luaL_traceback = "void $(struct lua_State *, struct lua_State *, const char *, int)",
    luaL_setfuncs = "void $(struct lua_State *, const struct luaL_Reg *, int)",
    luaL_pushmodule = "void $(struct lua_State *, const char *, int)",
    luaL_testudata = "void *$(struct lua_State *, int, const char *)",
    luaL_setmetatable = "void $(struct lua_State *, const char *)",
    luaopen_base = "int $(struct lua_State *)",
    luaopen_math = "int $(struct lua_State *)",
    luaopen_string = "int $(struct lua_State *)",
    luaopen_table = "int $(struct lua_State *)",
    luaopen_io = "int $(struct lua_State *)",
    luaopen_os = "int $(struct lua_State *)",
    luaopen_package = "int $(struct lua_State *)",
    luaopen_debug = "int $(struct lua_State *)",
    luaopen_bit = "int $(struct lua_State *)",
    luaopen_jit = "int $(struct lua_State *)",
    luaopen_ffi = "int $(struct lua_State *)",
    luaopen_string_buffer = "int $(struct lua_State *)",
    luaL_openlibs = "void $(struct lua_State *)",
    luaJIT_setmode = "int $(struct lua_State *, int, int)",
    luaJIT_profile_start = "void $(struct lua_State *, const char *, void (*)(void *, struct lua_State *, int, int), void *)",
    luaJIT_profile_stop = "void $(struct lua_State *)",
    luaJIT_profile_dumpstack = "const char *$(struct lua_State *, const char *, int, size_t *)",
  },
  typedefs = {
    lua_CFunction = "int (*)(struct lua_State *)",
    lua_Reader = "const char *(*)(struct lua_State *, void *, size_t *)",
    lua_Writer = "int (*)(struct lua_State *, const void *, size_t, void *)",
    lua_Alloc = "void *(*)(void *, void *, size_t, size_t)",
    lua_Number = "double",
    lua_Integer = "ptrdiff_t",
    lua_Debug = "struct lua_Debug",
    lua_Hook = "void (*)(struct lua_State *, struct lua_Debug *)",
    luaL_Reg = "struct luaL_Reg",
    luaJIT_profile_callback = "void (*)(void *, struct lua_State *, int, int)",
    LUA_INTEGER = "ptrdiff_t",
    lua_Chunkreader = "const char *(*)(struct lua_State *, void *, size_t *)",
    lua_Chunkwriter = "int (*)(struct lua_State *, const void *, size_t, void *)",
    lua_State = "struct lua_State",
  },
  records = {
    ["struct luaL_Reg"] = [[1dc8fa00ac {
  const char *name;
  int (*func)(struct lua_State *);
}]],
    ["struct lua_Debug"] = [[3e40407b4d {
  int event;
  const char *name;
  const char *namewhat;
  const char *what;
  const char *source;
  int currentline;
  int nups;
  int linedefined;
  int lastlinedefined;
  char short_src[60];
  int i_ci;
}]],
    ["struct lua_State"] = [[cd57e7074b]],
  },
  left = {
    lua_pushvfstring = "takes a va_list, which Lua cannot make",
    LUA_QL = "not an expression: \"'\" x \"'\"",
    lua_number2str = "calls the variadic function sprintf",
    luai_apicheck = "statement",
    lua_pushliteral = "not an expression: lua_pushlstring(L, \"\" s, (sizeof(s)/size",
    luaL_argcheck = "casts to void",
    luaL_opt = "uses an argument as a type or a function",
    luaL_newlibtable = "sizeof what an argument leads to",
    luaL_newlib = "sizeof what an argument leads to",
    luaL_putchar = "assigns",
    lua_assert = "casts to void",
    LUA_API = "not an expression",
    LUALIB_API = "not an expression",
  },
  macro_names = {
    lua_upvalueindex = "lua_upvalueindex",
    lua_pop = "lua_pop",
    lua_newtable = "lua_newtable",
    lua_register = "lua_register",
    lua_pushcfunction = "lua_pushcfunction",
    lua_isfunction = "lua_isfunction",
    lua_istable = "lua_istable",
    lua_islightuserdata = "lua_islightuserdata",
    lua_isnil = "lua_isnil",
    lua_isboolean = "lua_isboolean",
    lua_isthread = "lua_isthread",
    lua_isnone = "lua_isnone",
    lua_isnoneornil = "lua_isnoneornil",
    lua_setglobal = "lua_setglobal",
    lua_getglobal = "lua_getglobal",
    lua_tostring = "lua_tostring",
    lua_open = "lua_open",
    lua_getregistry = "lua_getregistry",
    lua_getgccount = "lua_getgccount",
    luaL_checkstring = "luaL_checkstring",
    luaL_optstring = "luaL_optstring",
    luaL_checklong = "luaL_checklong",
    luaL_optlong = "luaL_optlong",
    luaL_typename = "luaL_typename",
    luaL_dofile = "luaL_dofile",
    luaL_dostring = "luaL_dostring",
    luaL_getmetatable = "luaL_getmetatable",
  },
  deltas = {
    {
      on = "x64 arm64 riscv64 loongarch64 mips64 mips64el ppc64le s390x",
      macro_names = {
        lua_strlen = "lua_strlen_1",
        luaL_checkint = "luaL_checkint_1",
        luaL_optint = "luaL_optint_1",
      },
    },
    {
      on = "x86 arm mips mipsel ppc",
      macro_names = {
        lua_strlen = "lua_strlen_2",
        luaL_checkint = "luaL_checkint_2",
        luaL_optint = "luaL_optint_2",
      },
    },
  },
}

-- What the macros are written with.
function B.helpers(require)
  local bit = require "bit"
  local ffi = require "ffi"

  local M = {
    band = bit.band,
    bor = bit.bor,
    bxor = bit.bxor,
    bnot = bit.bnot,
    number = tonumber,
  }

  local cast, istype, typeof = ffi.cast, ffi.istype, ffi.typeof
  local lshift, rshift, arshift, bswap = bit.lshift, bit.rshift, bit.arshift, bit.bswap
  local tonumber, type = tonumber, type
  local floor = math.floor
  local i8, i16, i32, i64 = typeof "int8_t", typeof "int16_t", typeof "int32_t", typeof "int64_t"
  local u8, u16, u32, u64 = typeof "uint8_t", typeof "uint16_t", typeof "uint32_t", typeof "uint64_t"
  local EXACT = 2 ^ 53 -- from here on a double has not every integer

  local function misuse(expected, x)
    local shown = type(x) == "string" and ("%q"):format(x) or tostring(x)
    require("callgate.errors").raise(("macro argument: expected %s, got %s"):format(expected, shown))
  end

  local function is_number(x)
    local number = tonumber(x)
    return number ~= nil and not (number == tonumber(typeof(x)) and tostring(x):find "^ctype<")
  end

  function M.long(x)
    local kind = type(x)
    if kind == "number" then
      if x >= -2 ^ 63 and x < 2 ^ 63 and x == floor(x) then
        return x + 0LL
      elseif x >= 2 ^ 63 and x < 2 ^ 64 then
        return cast(u64, x)
      end
    elseif kind == "cdata" and is_number(x) then
      return istype(u64, x) and x or cast(i64, x)
    elseif kind == "boolean" then
      return x and 1LL or 0LL
    end
    return misuse("an integer", x)
  end

  local addressed = {} -- a ctype's id -> whether C has an address for a value of it

  local function is_pointer(x)
    if type(x) ~= "cdata" or tonumber(x) then
      return false
    end
    local id = tonumber(typeof(x))
    if addressed[id] == nil then
      addressed[id] = pcall(cast, u64, x)
    end
    return addressed[id]
  end

  function M.pointed(x)
    return is_pointer(x) and x[0] or x
  end

  function M.address(x)
    return is_pointer(x) and cast(u64, x) or M.long(x)
  end

  function M.difference(left, right)
    if is_pointer(left) then
      return is_pointer(right) and left - right + 0LL or left - M.long(right)
    end
    return M.long(left) - M.long(right)
  end

  function M.int(x)
    local number = tonumber(x)
    if number and number > -EXACT and number < EXACT then
      return number
    end
    return x
  end

  function M.i8(x)
    return cast(i8, x) + 0LL
  end

  function M.i16(x)
    return cast(i16, x) + 0LL
  end

  function M.i32(x)
    return cast(i32, x) + 0LL
  end

  function M.u8(x)
    return cast(u8, x) + 0LL
  end

  function M.u16(x)
    return cast(u16, x) + 0LL
  end

  function M.u32(x)
    return cast(u32, x) + 0LL
  end

  function M.i64(x)
    return cast(i64, x)
  end

  function M.u64(x)
    return cast(u64, x)
  end

  function M.like(like, x)
    return cast(istype(u64, like) and u64 or i64, x)
  end

  function M.choose(test, yes, no)
    local chosen = no
    if test then
      chosen = yes
    end
    if istype(u64, yes) or istype(u64, no) then
      return cast(u64, chosen)
    end
    return chosen
  end

  function M.shl(x, count)
    return lshift(x, tonumber(count))
  end

  function M.shr(x, count)
    if istype(u64, x) then
      return rshift(x, tonumber(count))
    end
    return arshift(x, tonumber(count))
  end

  function M.swap(x, bits)
    return rshift(bswap(x), 64 - bits)
  end

  function M.truth(x)
    return x ~= nil and x ~= 0 and x ~= false
  end

  local pointers = {} -- C text of a pointer type -> ctype

  local function record(text)
    local kind = text:match "^(%l+) [%a_][%w_]*$"
    if kind ~= "struct" and kind ~= "union" then
      return nil
    end
    return require("callgate.types").record(text) or misuse("a record of the headers", text)
  end

  function M.pointer(to, x)
    local ctype = pointers[to]
    if not ctype then
      local target = record(to:gsub("^const ", ""):gsub(" ?%*$", ""))
      ctype = target and typeof("$ *", target) or typeof(to)
      pointers[to] = ctype
    end
    return cast(ctype, x)
  end

  function M.cast(to, x)
    if x == nil and type(x) ~= "cdata" or tonumber(x) then
      return misuse("a pointer or a record", x)
    end
    return M.pointer(to, x)
  end

  function M.sizeof(x)
    if type(x) == "number" then
      return x
    elseif type(x) == "cdata" then
      return ffi.sizeof(x)
    elseif type(x) ~= "string" then
      return misuse("a type", x)
    end
    local ctype = record(x)
    if not ctype then
      local known, basic = pcall(typeof, x)
      ctype = known and basic or require("callgate.types").t[x] or misuse("a type", x)
    end
    return ffi.sizeof(ctype)
  end

  return M
end

function B.macros(M, F)
  return {
    lua_upvalueindex = function(i)
      return M.int(-0x2712LL - M.long(i))
    end,
    lua_pop = function(L, n)
      return F.lua_settop(L, -M.long(n) - 1)
    end,
    lua_newtable = function(L)
      return F.lua_createtable(L, 0, 0)
    end,
    lua_register = function(L, n, f)
      F.lua_pushcclosure(L, f, 0)
      return F.lua_setfield(L, -0x2712, n)
    end,
    lua_pushcfunction = function(L, f)
      return F.lua_pushcclosure(L, f, 0)
    end,
    lua_isfunction = function(L, n)
      return M.long(F.lua_type(L, n)) == 6
    end,
    lua_istable = function(L, n)
      return M.long(F.lua_type(L, n)) == 5
    end,
    lua_islightuserdata = function(L, n)
      return M.long(F.lua_type(L, n)) == 2
    end,
    lua_isnil = function(L, n)
      return M.long(F.lua_type(L, n)) == 0
    end,
    lua_isboolean = function(L, n)
      return M.long(F.lua_type(L, n)) == 1
    end,
    lua_isthread = function(L, n)
      return M.long(F.lua_type(L, n)) == 8
    end,
    lua_isnone = function(L, n)
      return M.long(F.lua_type(L, n)) == -1LL
    end,
    lua_isnoneornil = function(L, n)
      return M.long(F.lua_type(L, n)) <= 0
    end,
    lua_setglobal = function(L, s)
      return F.lua_setfield(L, -0x2712, s)
    end,
    lua_getglobal = function(L, s)
      return F.lua_getfield(L, -0x2712, s)
    end,
    lua_tostring = function(L, i)
      return F.lua_tolstring(L, i, nil)
    end,
    lua_open = function()
      return F.luaL_newstate()
    end,
    lua_getregistry = function(L)
      return F.lua_pushvalue(L, -0x2710)
    end,
    lua_getgccount = function(L)
      return F.lua_gc(L, 3, 0)
    end,
    luaL_checkstring = function(L, n)
      return F.luaL_checklstring(L, n, nil)
    end,
    luaL_optstring = function(L, n, d)
      return F.luaL_optlstring(L, n, d, nil)
    end,
    luaL_checklong = function(L, n)
      return M.int(M.long(F.luaL_checkinteger(L, n)))
    end,
    luaL_optlong = function(L, n, d)
      return M.int(M.long(F.luaL_optinteger(L, n, d)))
    end,
    luaL_typename = function(L, i)
      return F.lua_typename(L, F.lua_type(L, i))
    end,
    luaL_dofile = function(L, fn)
      return M.long(F.luaL_loadfile(L, fn)) ~= 0 or M.long(F.lua_pcall(L, 0, -1, 0)) ~= 0
    end,
    luaL_dostring = function(L, s)
      return M.long(F.luaL_loadstring(L, s)) ~= 0 or M.long(F.lua_pcall(L, 0, -1, 0)) ~= 0
    end,
    luaL_getmetatable = function(L, n)
      return F.lua_getfield(L, -0x2710, n)
    end,
    lua_strlen_1 = function(L, i)
      return M.int(F.lua_objlen(L, i))
    end,
    luaL_checkint_1 = function(L, n)
      return M.int(M.i32(M.long(F.luaL_checkinteger(L, n))))
    end,
    luaL_optint_1 = function(L, n, d)
      return M.int(M.i32(M.long(F.luaL_optinteger(L, n, d))))
    end,
    lua_strlen_2 = function(L, i)
      return F.lua_objlen(L, i)
    end,
    luaL_checkint_2 = function(L, n)
      return M.int(M.long(F.luaL_checkinteger(L, n)))
    end,
    luaL_optint_2 = function(L, n, d)
      return M.int(M.long(F.luaL_optinteger(L, n, d)))
    end,
  }
end

-- luacheck: globals B

-- A wrong argument of a macro is an error that names the macro and the argument, at the line of the caller.
do
  local helpers, macros = B.helpers, B.macros
  local made -- key of a macro -> its function

  function B.macros(...)
    made = macros(...)
    return made
  end

  local function name_of(fn)
    for name, key in pairs(B.macro_names) do
      if fn and made[key] == fn then
        return name
      end
    end
  end

  -- Which argument of the function at `level` it is that macro.lua shows behind "got ".
  local function position(fn, level, text)
    local i, shown = 1, text:match ", got (.*)$"
    while debug.getlocal(fn, i) do
      local _, value = debug.getlocal(level + 1, i)
      if shown == (type(value) == "string" and ("%q"):format(value) or tostring(value)) then
        return ("argument %d"):format(i)
      end
      i = i + 1
    end
    return "a member" -- of what was given
  end

  local function raise(text)
    local level, info = 2, debug.getinfo(2, "f")
    while info do
      local name = name_of(info.func)
      if name then
        local where = position(info.func, level, text)
        error(("%s: %s"):format(name, (text:gsub("^macro argument", where))), level + 1)
      end
      level = level + 1
      info = debug.getinfo(level, "f")
    end
    error(text, 3)
  end

  function B.helpers(require)
    return helpers(function(module)
      return module == "callgate.errors" and { raise = raise } or require(module)
    end)
  end
end

-- --- the loader: the same in every bound file ------------------------------------------------------------

-- luacheck: globals B

local ffi = require "ffi"

-- What is so on this machine only.
local word = B.by_abi and (ffi.abi "64bit" and "64bit" or "32bit") or ffi.arch
local function has(words, one)
  return (" " .. words .. " "):find(" " .. one .. " ", 1, true) ~= nil
end
if not has(B.machines, word) or not (B.by_abi or has(B.systems, ffi.os)) then
  local here = ("%s on %s"):format(ffi.arch, ffi.os)
  error(("%s is bound for %s on %s, not for %s"):format(B.name, B.machines, B.systems, here), 0)
end
for _, section in ipairs(B.sections) do
  B[section] = B[section] or {}
  for _, delta in ipairs(B.deltas) do
    for name, text in pairs(has(delta.on, word) and delta[section] or {}) do
      B[section][name] = text
    end
  end
end

local M = B.constants

-- Private names say what they mean: a record's has the hash of its text and of all it refers to, a
-- function's its whole prototype. So whoever declares one again, this file loaded twice or another
-- file, declares the same.
local escaped = setmetatable({}, {
  __index = function(self, char)
    local text = ("_%02x"):format(char:byte())
    self[char] = text
    return text
  end,
})

local pending = {} -- records that a text has mentioned, and that are still to be declared

local function tags(kind)
  return setmetatable({}, {
    __index = function(self, name)
      local key = kind .. " " .. name
      local tag = ("%s cg_%s_%s"):format(kind, B.records[key]:match "^%x+", name)
      ffi.cdef(tag .. ";")
      pending[#pending + 1] = key
      self[name] = tag
      return tag
    end,
  })
end

local structs, unions = tags "struct", tags "union"

local function private(text)
  text = text:gsub("struct ([%a_][%w_]*)", structs)
  return text:find("union ", 1, true) and text:gsub("union ([%a_][%w_]*)", unions) or text
end

local declared = {} -- "struct z_stream_s" -> true

local complete

-- Declares the records that a record has in it; what it points at may come later.
local function complete_members(body, pattern)
  for key, following in body:gmatch(pattern) do
    if following ~= "*" then
      complete(key)
    end
  end
end

function complete(key)
  local body = not declared[key] and B.records[key]:match "^%x+ (.+)"
  declared[key] = true
  if not body then
    return -- of which only pointers exist
  end
  local text = private(key .. " " .. body .. ";")
  complete_members(body, "(struct [%a_][%w_]*) ?(%S)")
  if body:find("union ", 1, true) then
    complete_members(body, "(union [%a_][%w_]*) ?(%S)")
  end
  local ctype = ffi.typeof(private(key))
  if not ffi.sizeof(ctype, 0) then -- else another copy has declared it
    ffi.cdef(text)
    if B.accessors[key] then
      B.bit_fields(ffi, ctype, B.accessors[key])
    end
  end
end

-- C text with private names, all that it leads to declared.
local function declare(text)
  text = private(text)
  while pending[1] do
    complete(table.remove(pending))
  end
  return text
end

local function typeof(text)
  return ffi.typeof(declare(text))
end

local function load(name)
  local loaded, found = pcall(ffi.load, name)
  if not loaded and name:find "^[^/]+%.[^/]+$" and not name:find "%.so" then
    local again, other = pcall(ffi.load, name .. ".so") -- LuaJIT adds no ending to glib-2.0
    if again then
      return again, other
    end
  end
  return loaded, found
end

local libraries = { not B.libraries[1] and ffi.C or nil } -- those that are loaded
local absent = {} -- why the others are not
local tried = 0

-- The library of that number, of those that can be loaded: what is searched when the ones before it have not what is
-- wanted. nil past the last one.
local function library(number)
  while not libraries[number] and tried < #B.libraries do
    tried = tried + 1
    local loaded, found = load(B.libraries[tried])
    local list = loaded and libraries or absent
    list[#list + 1] = loaded and found or tostring(found)
  end
  return libraries[number]
end

local function symbol_of(lib, id)
  return lib[id]
end

local function no_symbol(real)
  local why = table.concat(absent, "; ")
  if not libraries[1] then
    error(("%s: no library: %s"):format(B.name, why), 0)
  end
  local where = B.libraries[1] and table.concat(B.libraries, ", ") or "this process: bind it with --library NAME"
  error(("%s: %s is in the headers, but not in %s%s"):format(B.name, real, where, why ~= "" and ": " .. why or ""), 0)
end

-- The private name of a function or a variable, declared, and the library that has it.
local function symbol(name, text)
  local real = B.symbols[name] or name
  local own = declare(text)
  local id = "cg_" .. (real .. " " .. own):gsub("%W", escaped)
  local number, is_declared = 1, false
  while library(number) do
    local found, value = pcall(symbol_of, library(number), id)
    if not found and not is_declared then
      ffi.cdef(("%s __asm__(%q);"):format(own:gsub("%$", id), real))
      is_declared = true
      found, value = pcall(symbol_of, library(number), id)
    end
    if found then
      return library(number), id, value
    end
    number = number + 1
  end
  return no_symbol(real)
end

-- --- types -----------------------------------------------------------------------------------------------

local function is_there(value)
  return type(value) ~= "nil" -- a null pointer equals nil
end

local function with_prefixes(name, find)
  local found = find(name)
  for _, prefix in ipairs(is_there(found) and {} or B.prefixes) do
    found = find(prefix .. name)
    if is_there(found) then
      break
    end
  end
  return found
end

local function type_called(name)
  local text = B.typedefs[name]
  if text then
    return typeof(text)
  end
  for _, kind in ipairs { "", "struct ", "union ", "enum " } do
    local key = kind .. name
    if B.records[key] then
      return typeof(key)
    elseif B.typedefs[key] then
      return typeof(B.typedefs[key])
    end
  end
  local of = name:match "^declaration (.*)" -- the type that a name is told to have
  text = of and (B.functions[of] or B.variables[of] or B.typedefs[of])
  return text and typeof((text:gsub("%$", "")))
end

-- The nearest of the names that the file has.
local function nearest(name, ...)
  local best, least = nil, math.max(2, math.floor(#name / 3)) + 1
  for _, names in ipairs { ... } do
    for other in pairs(names) do
      if math.abs(#other - #name) < least then
        local row = {}
        for j = 0, #other do
          row[j] = j
        end
        for i = 1, #name do
          local before = row[0]
          row[0] = i
          for j = 1, #other do
            local cost = name:byte(i) == other:byte(j) and 0 or 1
            before, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, before + cost)
          end
        end
        if row[#other] < least or (row[#other] == least and best and other < best) then
          best, least = other, row[#other]
        end
      end
    end
  end
  return best
end

local function unknown(what, name, ...)
  name = tostring(name)
  local why = with_prefixes(name, function(whole)
    return B.left[whole]
  end)
  if why then
    return error(("%s: %s is left out: %s"):format(B.name, name, why), 3)
  end
  local near = nearest(name, ...)
  local hint = near and ("; did you mean %q?"):format(near) or ""
  return error(("%s: no %s %q%s"):format(B.name, what, name, hint), 3)
end

local function untagged(names)
  local found = {}
  for name in pairs(names) do
    found[name:match "[%w_]+$"] = true
  end
  return found
end

M.t = setmetatable({}, {
  __index = function(self, name)
    local found = type(name) == "string" and with_prefixes(name, type_called)
    if not found then
      return unknown("type", name, untagged(B.typedefs), untagged(B.records))
    end
    rawset(self, name, found)
    return found
  end,
})

-- Lua numbers go to the `...` of variadic functions as double: these make C's integers of them.
local casts = { int = "int", unsigned = "unsigned int", long = "long", size_t = "size_t", double = "double" }
for name, ctype in pairs(casts) do
  M[name] = ffi.typeof(ctype)
end

-- --- names -----------------------------------------------------------------------------------------------

local macros

local function macro(name)
  if not macros then
    local modules = {
      ffi = ffi,
      bit = require "bit",
      ["callgate.errors"] = {
        raise = function(text)
          error(text, 3)
        end,
      },
      ["callgate.types"] = { t = M.t, record = function(key)
        return B.records[key] and typeof(key)
      end },
    }
    macros = B.macros(B.helpers(function(module)
      return modules[module]
    end), M)
  end
  return macros[name]
end

local function find(name)
  local text = B.functions[name]
  if text then
    return (select(3, symbol(name, text)))
  end
  text = B.addresses[name]
  if text then
    local kind, value = text:match "^(.*) = (%-?%d+)$"
    return ffi.cast(typeof(kind), ffi.cast("intptr_t", loadstring(("return %sLL"):format(value))()))
  end
  local other = B.aliases[name]
  if other and not B.variables[other] then -- a variable has another value next time
    return M[other]
  end
  if B.macro_names[name] then
    return macro(B.macro_names[name])
  end
end

-- A constant by its whole name, where the file has it without the prefix.
local function unstripped(name)
  for _, prefix in ipairs(B.prefixes) do
    if name:sub(1, #prefix) == prefix then
      return rawget(M, name:sub(#prefix + 1))
    end
  end
end

local function variable(name)
  local real = B.aliases[name] or name
  local text = B.variables[real]
  return text and { symbol(real, text) }
end

local places = {} -- variable -> { library, private name }

local function place_of(name)
  local place = places[name] or with_prefixes(name, variable)
  places[name] = place
  return place
end

return setmetatable(M, {
  __index = function(_, name)
    local known = places[name]
    if known then
      return known[1][known[2]] -- its value now
    elseif type(name) == "string" then
      local found = with_prefixes(name, find)
      if not is_there(found) then
        found = unstripped(name)
      end
      if is_there(found) then
        rawset(M, name, found)
        return found
      end
      local place = place_of(name)
      if place then
        return place[1][place[2]]
      end
    end
    return unknown("name", name, M, B.functions, B.macro_names, B.variables, B.addresses, B.aliases)
  end,
  __newindex = function(_, name, value)
    local place = type(name) == "string" and place_of(name)
    if place then
      place[1][place[2]] = value
    else
      return unknown("variable", name, B.variables)
    end
  end,
})
