-- Values as bytes: how they cross between a program and its states.
--
-- This function runs in the program and, as bytecode, inside each state: it has no upvalues. Nothing but
-- an address and a length crosses, so that neither side allocates in the other.
--
--   codec.encode(...) -> address, length     valid until the next encode
--   codec.decode(address, length, n) -> n values
--   codec.pack(value) -> string, codec.unpack(string) -> value
--
-- What can cross: nil, booleans, numbers, strings, 64-bit integers of the FFI, and tables of them,
-- without metatables, at most 99 deep. encode raises on anything else.

return function()
  local ffi = require "ffi"
  local buffer = require "string.buffer"
  local cast, select, tonumber, unpack = ffi.cast, select, tonumber, unpack
  local byte_pointer, address = ffi.typeof "const char *", ffi.typeof "uintptr_t"
  local tx, rx = buffer.new(), buffer.new()
  local encode, decode, set, ref, reset = tx.encode, tx.decode, tx.set, tx.ref, tx.reset
  local LARGE = 65536 -- a message beyond this gives its memory back
  local sent = 0
  local received, bytes -- the address of the latest message, as a number and as a pointer: casts take long interpreted

  local istype, type, next, error = ffi.istype, type, next, error
  local DEEPEST = 99 -- lj_serialize.c takes one more

  local check

  local function check_table(value, depth)
    if depth == DEEPEST then
      error("too deep to serialize", 0)
    end
    for key, item in next, value do
      local kind = type(key) -- mostly a string or number, for which no call is made: this is interpreted
      if kind ~= "string" and kind ~= "number" then
        check(key, kind, depth + 1)
      end
      kind = type(item)
      if kind ~= "string" and kind ~= "number" then
        check(item, kind, depth + 1)
      end
    end
  end
  if jit then -- in LuaJITs from September 2021 to April 2022 a compiled loop over keys can crash (LuaJIT's issue 829)
    jit.off(check_table)
  end

  -- Raises for what cannot cross. The buffer's own errors come too late: raised in compiled code they have
  -- been seen to end in a crash.
  function check(value, kind, depth)
    if kind == "table" then
      check_table(value, depth)
    elseif kind ~= "boolean" and kind ~= "nil" and kind ~= "string" and kind ~= "number"
      and not istype("int64_t", value) and not istype("uint64_t", value) then
      error("cannot serialize '" .. kind .. "'", 0)
    end
  end

  local codec = { unpack = buffer.decode }

  local function put(value)
    local kind = type(value)
    if kind ~= "string" and kind ~= "number" then
      check(value, kind, 0)
    end
    encode(tx, value)
  end

  function codec.encode(...)
    if sent > LARGE then
      tx:free()
    end
    reset(tx)
    local n = select("#", ...)
    if n == 1 then
      put((...))
    else
      for i = 1, n do
        put((select(i, ...)))
      end
    end
    local pointer, length = ref(tx)
    sent = length
    return tonumber(cast(address, pointer)), length
  end

  function codec.pack(value)
    check(value, type(value), 0)
    return buffer.encode(value)
  end

  function codec.decode(where, length, n)
    if n == 0 then
      return
    elseif where ~= received then
      received = nil -- a script that is stopped, or has no memory left, may be so between any two instructions
      bytes = cast(byte_pointer, cast(address, where))
      received = where
    end
    set(rx, bytes, length)
    if n == 1 then
      return decode(rx)
    elseif n == 2 then
      return decode(rx), decode(rx)
    end
    local values = {}
    for i = 1, n do
      values[i] = decode(rx)
    end
    return unpack(values, 1, n)
  end

  return codec
end
