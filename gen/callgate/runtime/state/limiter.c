/* The allocator of a state with a memory limit: a lua_Alloc around the state's own. Position-independent
 * and without data, so that its machine code can lie anywhere: limiter.lua has it for each processor,
 * made by `python -m callgate.limiter`. The members are those of limiter.lua's record, in this order. */

#include <stddef.h>

struct control {
  size_t used, limit, peak, refused;                  /* bytes, bytes, bytes, times */
  void *(*inner)(void *, void *, size_t, size_t);     /* LuaJIT's allocator */
  void *arena;                                        /* and its memory */
};

/* old is 0 where pointer is NULL, and size is 0 to free: lua_Alloc's contract. */
void *limiter(struct control *c, void *pointer, size_t old, size_t size) {
  size_t used = c->used - old + size;
  if (size > old && (used > c->limit || used < size)) {
    c->refused++;
    return NULL;
  }
  pointer = c->inner(c->arena, pointer, old, size);
  if (pointer || !size) {
    c->used = used;
    if (used > c->peak) c->peak = used;
  }
  return pointer;
}
