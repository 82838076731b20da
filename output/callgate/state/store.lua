-- A table in C's heap that the program and all its states share: state.env, and the modules that the program
-- has registered. This function runs in the program and, as bytecode, in each state: no upvalues.
--
-- store(address, codec) -> get(key), set(key, bytes), value(key), assign(key, value)
--
-- Every access holds a mutex. A script may be ended at any instruction, and so while it holds it: the mutex
-- is robust and checks its owner, so that the next one to lock it, or the program, gets it back. What it
-- protects is whole at every instruction: an entry is linked by one assignment.

return function(where, codec)
  local ffi = require "ffi"
  local pcall, error, type, tostring = pcall, error, type, tostring
  local byte = string.byte
  local cast, copy, text = ffi.cast, ffi.copy, ffi.string
  ffi.cdef [[
    void *callgate_state_malloc(size_t) __asm__("malloc");
    void callgate_state_release(void *) __asm__("free");
    int callgate_state_compare(const void *, const void *, size_t) __asm__("memcmp");
    int callgate_state_lock(void *) __asm__("pthread_mutex_lock");
    int callgate_state_unlock(void *) __asm__("pthread_mutex_unlock");
    int callgate_state_consistent(void *) __asm__("pthread_mutex_consistent");
  ]]
  local C = ffi.C
  local malloc, release, compare = C.callgate_state_malloc, C.callgate_state_release, C.callgate_state_compare
  local mutex_lock, mutex_unlock = C.callgate_state_lock, C.callgate_state_unlock
  local consistent = C.callgate_state_consistent
  local entry_type = ffi.typeof "struct { void *next; uint32_t key, size; char bytes[1]; }"
  local entry_pointer, HEAD = ffi.typeof("$ *", entry_type), ffi.offsetof(entry_type, "bytes")
  local shared = cast("struct { uint64_t mutex[16]; double used, most; void *buckets[256]; } *",
    cast("uintptr_t", where))
  local buckets = shared.buckets

  local store = { address = where }

  -- EOWNERDEAD: its thread was ended holding it; EDEADLK: this thread holds it, since a script was.
  local function lock()
    if mutex_lock(shared.mutex) ~= 0 then
      consistent(shared.mutex)
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
    mutex_unlock(shared.mutex)
    if not ok then
      error(bytes, 0) -- no memory for it
    end
    return bytes
  end

  -- Whether there was room. nil takes the key away.
  function store.set(key, bytes)
    local made
    if bytes then
      made = malloc(HEAD + #key + #bytes)
      if made == nil then
        return false
      end
      made = cast(entry_pointer, made)
      made.key, made.size = #key, #bytes
      copy(made.bytes, key, #key)
      copy(made.bytes + #key, bytes, #bytes)
    end
    lock()
    local old, before, bucket = find(key)
    local used = shared.used + (made and HEAD + #key + #bytes or 0) - (old and HEAD + old.key + old.size or 0)
    local fits = not made or used <= shared.most
    if not fits then
      old = made
    elseif old then
      local after = old.next
      if made then
        made.next = after
        after = made
      end
      if before then
        before.next = after
      else
        buckets[bucket] = after
      end
    elseif made then
      made.next = buckets[bucket]
      buckets[bucket] = made
    end
    if fits then
      shared.used = used
    end
    mutex_unlock(shared.mutex)
    if old then
      release(old)
    end
    return fits
  end

  -- How many bytes all entries may have.
  function store.limit(most)
    shared.most = most
  end

  -- Lets go of the mutex where a script that was ended held it; does nothing where this thread does not.
  function store.recover()
    mutex_unlock(shared.mutex)
  end

  local function name(key)
    if type(key) == "string" then
      return "s" .. key
    elseif type(key) == "number" then
      return "n" .. tostring(key)
    end
    error("env: a key is a string or a number, got " .. type(key), 3)
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
      error("env: no room left", 3)
    end
  end

  return store
end
