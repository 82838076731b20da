-- A table in C's heap that the program and all its states share: state.env, and the modules that the program
-- has registered. This function runs in the program and, as bytecode, in each state: no upvalues.
--
-- store(address, codec[, drop]) -> get(key), set(key, bytes), value(key), assign(key, value)
--
-- Every access holds a mutex. A script may be ended at any instruction, and so while it holds it: the mutex
-- is robust and checks its owner, so that the next one to lock it, or the program, gets it back, and mends what
-- was begun: an entry is linked by one assignment, and until then, or until it is freed, `made` and `gone` know it.

return function(where, codec, drop)
  local ffi = require "ffi"
  local pcall, error, type = pcall, error, type
  local byte = string.byte
  local cast, copy, text = ffi.cast, ffi.copy, ffi.string
  ffi.cdef [[
    int callgate_state_memalign(void *, size_t, size_t) __asm__("posix_memalign");
    void callgate_state_release(void *) __asm__("free");
    int callgate_state_compare(const void *, const void *, size_t) __asm__("memcmp");
    int callgate_state_lock(void *) __asm__("pthread_mutex_lock");
    int callgate_state_unlock(void *) __asm__("pthread_mutex_unlock");
    int callgate_state_consistent(void *) __asm__("pthread_mutex_consistent");
  ]]
  local C = ffi.C
  local memalign, release, compare = C.callgate_state_memalign, C.callgate_state_release, C.callgate_state_compare
  local mutex_lock, mutex_unlock = C.callgate_state_lock, C.callgate_state_unlock
  local consistent = C.callgate_state_consistent
  local entry_type = ffi.typeof "struct { void *next; uint32_t key, size; char bytes[1]; }"
  local entry_pointer, HEAD = ffi.typeof("$ *", entry_type), ffi.offsetof(entry_type, "bytes")
  local shared = cast(
    "struct { uint64_t mutex[16]; double used, most; void *buckets[256], *made[1], *gone[1], *drop; } *",
    cast("uintptr_t", where))
  local mutex, buckets = shared.mutex, shared.buckets -- made once: to unlock must need no memory
  if drop then -- machine.lua's; all that open the table have it from there
    shared.drop = drop
  end
  local free_and_forget = shared.drop ~= nil and cast("void (*)(void *, void *)", shared.drop)
  local free = cast("void *", release)
  local ALIGNMENT = 8 -- of an entry: the least that posix_memalign takes everywhere

  local store = { address = where }

  -- Frees what a place refers to. Without machine code who is ended just here leaves it behind: freeing it twice
  -- would be worse.
  local function release_at(place)
    if free_and_forget then
      return free_and_forget(place, free)
    end
    local memory = place[0]
    place[0] = nil
    release(memory)
  end

  -- Frees what a script that was ended had made and not linked yet, or taken out and not freed; counts anew.
  local function mend()
    local made, gone, used = shared.made[0], shared.gone[0], 0
    for bucket = 0, 255 do
      local entry = cast(entry_pointer, buckets[bucket])
      while entry ~= nil do
        made = entry ~= made and made or nil
        gone = entry ~= gone and gone or nil
        used = used + HEAD + entry.key + entry.size
        entry = cast(entry_pointer, entry.next)
      end
    end
    shared.used = used
    if made == nil then -- it is linked
      shared.made[0] = nil
    end
    if gone == nil then
      shared.gone[0] = nil
    end
    release_at(shared.made)
    release_at(shared.gone)
  end

  -- EOWNERDEAD: its thread was ended holding it; EDEADLK: this thread holds it, since a script was.
  local function lock()
    if mutex_lock(mutex) ~= 0 then
      consistent(mutex)
      mend()
    end
  end

  local function hash(key)
    local n = #key
    local first, last, before, middle = byte(key, 1) or 0, byte(key, n) or 0, byte(key, n - 1) or 0,
      byte(key, (n + 1) / 2) or 0
    return (first + last * 7 + before * 31 + middle * 3 + n * 13) % 256
  end

  -- The entry of a key, the one before it in its bucket, and the bucket.
  local function find(key)
    local bucket, n = hash(key), #key
    local before, entry = nil, cast(entry_pointer, buckets[bucket])
    while entry ~= nil do
      if entry.key == n and compare(entry.bytes, key, n) == 0 then
        return entry, before, bucket
      end
      before, entry = entry, cast(entry_pointer, entry.next)
    end
    return nil, nil, bucket
  end

  function store.get(key)
    lock()
    local entry = find(key)
    local ok, bytes = true, nil
    if entry then
      ok, bytes = pcall(text, entry.bytes + entry.key, entry.size)
    end
    mutex_unlock(mutex)
    if not ok then
      error(bytes, 0) -- no memory for it
    end
    return bytes
  end

  -- Whether there was room. nil takes the key away.
  function store.set(key, bytes)
    lock()
    if shared.made[0] ~= nil or shared.gone[0] ~= nil then
      mend() -- before its program could
    end
    local old, before, bucket = find(key)
    local used = shared.used + (bytes and HEAD + #key + #bytes or 0) - (old and HEAD + old.key + old.size or 0)
    if bytes and (used > shared.most or memalign(shared.made, ALIGNMENT, HEAD + #key + #bytes) ~= 0) then
      mutex_unlock(mutex)
      return false
    end
    local made = bytes and cast(entry_pointer, shared.made[0])
    if made then
      made.key, made.size = #key, #bytes
      copy(made.bytes, key, #key)
      copy(made.bytes + #key, bytes, #bytes)
      made.next = old and old.next or buckets[bucket]
    end
    if old or made then
      shared.gone[0] = old
      local after = made or old.next
      if old and before then
        before.next = after
      else
        buckets[bucket] = after
      end
      shared.used = used
      shared.made[0] = nil
      release_at(shared.gone)
    end
    mutex_unlock(mutex)
    return true
  end

  -- How many bytes all entries may have.
  function store.limit(most)
    shared.most = most
  end

  -- Lets go of the mutex where a script that was ended held it, or caught an error that it met holding it (guard.lua);
  -- does nothing where this thread does not.
  function store.recover()
    if mutex_unlock(mutex) == 0 then
      lock()
      mend()
      mutex_unlock(mutex)
    end
  end

  local NUMBER = 8 -- bytes of a double: as text, near ones would be the same
  local number = ffi.new "double[1]"

  local function name(key)
    if type(key) == "string" then
      return "s" .. key
    elseif type(key) == "number" and key == key then
      number[0] = key + 0 -- -0 is 0
      return "n" .. text(number, NUMBER)
    end
    error("env: a key is a string or a number, got " .. (key ~= key and "NaN" or type(key)), 3)
  end

  function store.value(key)
    local bytes = store.get(name(key))
    if bytes then
      return codec.unpack(bytes)
    end
  end

  function store.assign(key, value)
    key = name(key)
    if not store.set(key, value ~= nil and codec.pack(value) or nil) then
      error("env: no room left", 2)
    end
  end

  return store
end
