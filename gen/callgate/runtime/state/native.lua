-- The C library's part: memory and threads, under private names, and the record that a state's limits
-- and its thread are kept in.

local ffi = require "ffi"

-- The same declaration twice does no harm, so that the library can be loaded again.
ffi.cdef [[
void *callgate_state_calloc(size_t, size_t) __asm__("calloc");
void callgate_state_free(void *) __asm__("free");
int callgate_state_thread_create(void *, const void *, void *, void *) __asm__("pthread_create");
int callgate_state_threadattr_init(void *) __asm__("pthread_attr_init");
int callgate_state_threadattr_setstacksize(void *, size_t) __asm__("pthread_attr_setstacksize");
int callgate_state_thread_join(unsigned long, void *) __asm__("pthread_join");
int callgate_state_thread_tryjoin(unsigned long, void *) __asm__("pthread_tryjoin_np");
int callgate_state_sigmask(int, const void *, void *) __asm__("pthread_sigmask");
int callgate_state_sleep(unsigned int) __asm__("usleep");
]]

-- C libraries of before 2021 have threads in a library of its own.
if not pcall(function() return ffi.C.callgate_state_thread_tryjoin end) then
  pcall(ffi.load, "libpthread.so.0", true)
end

local native = { C = ffi.C }

-- `used` to `status` are the members of machine.c, in its order; child.lua counts words up to `soft`. The
-- record lies in C's heap, not in Lua's: a thread may outlive the program's Lua.
local FIELDS = [[
  size_t used, limit, peak, refused;
  void *inner, *arena;
  size_t hard, soft;      /* what limit is while a call begins, and while its script runs: in a coroutine always */
  void *current;          /* where LuaJIT keeps the lua_State that runs, and */
  size_t top, mask;       /* which of its words is its stack's top; a reference's bits: inside.lua */
  void *L, *pcall;
  void *place;            /* where LuaJIT has its allocator, of a state that can be ended at once: inside.lua */
  void *pace;             /* where it has what LUA_GCSETSTEPMUL sets, of a state with limited memory */
  void *count;            /* where it counts instructions, of a state with a limit of these: handle.lua */
  int status;             /* of the call in its thread */
  int runs;               /* it has a thread */
  unsigned long thread;
  void *hooks;            /* where LuaJIT has the mask of its hooks, a byte, or NULL: inside.lua */
]]
native.control = ffi.typeof("struct {" .. FIELDS .. "}")
native.control_pointer = ffi.typeof("$ *", native.control)
native.owner = ffi.typeof("struct { $ *control; }", native.control)

return native
