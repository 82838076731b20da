/* What of a state cannot be Lua: its allocator, the main function of its thread, and freeing. Position-independent
 * and without data, so that their machine code can lie anywhere: machine_code.lua has it for each processor,
 * made by `python -m callgate.machinecode`. The members are those of native.lua's record, in this order. */

#include <stddef.h>
#include <stdint.h>

#define THREAD (~(uint64_t)6 << 47) /* lj_obj.h: LJ_TTHREAD, as the tag of a TValue of 64-bit LuaJITs */
#define LOW (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 2 : 1) /* words of 32 bits before a frame: its function */
#define INLINE static inline __attribute__((always_inline)) /* no function here can call another */

struct control {
  size_t used, limit, peak, refused;                  /* bytes, bytes, bytes, times */
  void *(*inner)(void *, void *, size_t, size_t);     /* LuaJIT's allocator */
  void *arena;                                        /* and its memory */
  size_t hard, soft;                                  /* the largest limit, and that of coroutines */
  size_t *current;                                    /* LuaJIT's reference to the lua_State that runs, or NULL */
  size_t top;                                         /* which word of a lua_State `top` is */
  size_t mask;                                        /* the bits of a word that are a reference: all, or 32 */
  void *L;                                            /* the state */
  int (*pcall)(void *, int, int, int);                /* lua_pcall */
  void **place;                                       /* where LuaJIT has its allocator and the arena, or NULL */
  uint32_t *pace;                                     /* and how much it collects for what it allocates, or NULL */
  uint32_t *count;                                    /* and how many instructions are left, or NULL: no limit */
  int status;                                         /* and what it has returned in the state's thread */
};

/* Percent: lua_gc's LUA_GCSETSTEPMUL. LuaJIT does not collect when memory is short, so a state that has a quarter of
 * its memory collects in haste; while it has next to nothing, the usual pace costs a third of the time less. */
enum { HASTE = 1000, USUAL = 200 };

/* Bytes: a block that large or more costs an instruction for so many, since one that joins strings, or calls C, may
 * take and fill a gigabyte. Filling 64 bytes takes longer than an instruction; what is small is not worth counting. */
enum { LARGE = 1024, BYTES = 64 };

/* How much a state that uses so many bytes collects for what it allocates. */
INLINE void set_pace(struct control *c, size_t used) {
  if (c->pace && used > c->limit / 4)
    *c->pace = HASTE;
  else if (c->pace && used < c->limit / 8)
    *c->pace = USUAL;
}

/* The lua_State that runs, or NULL. */
INLINE size_t *running_of(struct control *c) { return c->current ? (size_t *)(*c->current & c->mask) : NULL; }

/* Coroutines have the script's part of the memory, whatever the state itself has. */
INLINE size_t limit_of(struct control *c) {
  size_t *running = running_of(c);
  return running && (void *)running != c->L ? c->soft : c->limit;
}

/* A lua_Alloc around the state's own, that keeps it within its memory.
 * old is 0 where pointer is NULL, and size is 0 to free: lua_Alloc's contract. */
void *limiter(struct control *c, void *pointer, size_t old, size_t size) {
  size_t used = c->used - old + size, *running;
  void *before = pointer;
  if (!size) {
    c->used = used;
    set_pace(c, used);
    return c->inner(c->arena, pointer, old, size);
  }
  if (size > old) {
    if (used > limit_of(c) || used < size) {
      c->refused++;
      goto refused;
    } else if (size - old >= LARGE && c->count && *c->count) {
      size_t price = (size - old) / BYTES;
      if (price >= *c->count) {
        *c->count = 1; /* the next instruction is the last */
        goto refused;
      }
      *c->count -= price;
    }
  }
  pointer = c->inner(c->arena, pointer, old, size);
  if (pointer) {
    c->used = used;
    if (used > c->peak) c->peak = used;
    set_pace(c, used);
    return pointer;
  }
refused:
  running = running_of(c);
  /* Without memory LuaJIT writes its message to the stack at `top`. That is out of date in builtins of assembly
   * such as tostring, and before November 2022 in instructions too: it may lie below the running function,
   * where the message would overwrite frames. What follows it is `maxstack`: above every frame but that of a
   * metamethod, which may begin some words above it, at the `base` before it, and asks for more stack then. LuaJIT
   * keeps room for a message there (lj_obj.h: lua_State; lj_def.h: LJ_STACK_EXTRA). */
  if (running) {
    size_t base = running[c->top - 1], most = running[c->top + 1] & c->mask;
    running[c->top] = base > most ? base : most;
    /* LuaJIT from November 2022 on knows better where an instruction's top is: behind all of its function's slots, for
     * which there may be no stack where it is the stack that could not grow. LuaJIT's own way out came later: the
     * thread itself in place of the function (lj_err.c, lj_err_mem). */
    if (c->mask == ~(size_t)0 && before == (void *)running[c->top + 2]) { /* `stack` is behind maxstack */
      if (sizeof(size_t) == 8)
        ((uint64_t *)base)[-2] = (uint64_t)(uintptr_t)running | THREAD;
      else
        ((uint32_t *)base)[-LOW] = (uint32_t)(uintptr_t)running;
    }
  }
  return NULL;
}

#define SMALL 128 /* bytes: LuaJIT's allocator never maps such a block by itself (lj_alloc.c: is_small, 256) */

/* A lua_Alloc for lua_close alone. All memory goes at once at the end, which spares most of a thousand small blocks
 * being freed one by one. LuaJIT does that for its own allocator only, so that is put back when the last block but
 * one comes, the stack of the state (lj_state.c, close_state). What is larger may have been mapped by itself. */
void *discard(struct control *c, void *pointer, size_t old, size_t size) {
  if (!size && pointer == (void *)((size_t *)c->L)[c->top + 2]) {
    c->place[0] = (void *)c->inner;
    c->place[1] = c->arena;
    c->place = NULL;
  } else if (!size && old < SMALL) {
    return NULL;
  }
  return c->inner(c->arena, pointer, old, size);
}

/* For pthread_create: the call that lies on the state's stack, a function with four arguments. */
void *thread(struct control *c) {
  c->status = c->pcall(c->L, 4, 4, 0);
  return NULL;
}

/* Frees what `place` refers to and forgets it: for what no script may be ended between. */
void drop(void **place, void (*release)(void *)) {
  void *memory = *place;
  *place = NULL;
  release(memory);
}
