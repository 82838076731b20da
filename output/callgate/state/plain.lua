-- What codec.lua does, for LuaJITs without string.buffer: the same interface, values and errors, in Lua.
--
-- A value is a letter and what it needs: nil z, true t, false f, a number d and its 8 bytes, a string s, the
-- length in 4 bytes and the bytes, a table { with keys and values and }, 64-bit integers i and u and 8 bytes.

return function()
  local ffi = require "ffi"
  local cast, copy, istype, text = ffi.cast, ffi.copy, ffi.istype, ffi.string
  local char, concat = string.char, table.concat
  local error, next, select, tonumber, type, unpack = error, next, select, tonumber, type, unpack
  local bytes, address = ffi.typeof "const uint8_t *", ffi.typeof "uintptr_t"
  local number, length = ffi.new "double[1]", ffi.new "uint32_t[1]"
  local signed, unsigned = ffi.new "int64_t[1]", ffi.new "uint64_t[1]"
  local DEEPEST = 99

  local parts, count = {}, 0
  local kept -- the last message, whose address has been given away

  local function put(value, depth)
    local kind = type(value)
    count = count + 1
    if kind == "number" then
      number[0] = value
      parts[count] = "d" .. text(number, 8)
    elseif kind == "string" then
      length[0] = #value
      parts[count] = "s" .. text(length, 4)
      count = count + 1
      parts[count] = value
    elseif kind == "boolean" then
      parts[count] = value and "t" or "f"
    elseif kind == "nil" then
      parts[count] = "z"
    elseif kind == "table" then
      if depth == DEEPEST then
        error("too deep to serialize", 0)
      end
      parts[count] = "{"
      for key, item in next, value do
        put(key, depth + 1)
        put(item, depth + 1)
      end
      count = count + 1
      parts[count] = "}"
    elseif istype("int64_t", value) then
      signed[0] = value
      parts[count] = "i" .. text(signed, 8)
    elseif istype("uint64_t", value) then
      unsigned[0] = value
      parts[count] = "u" .. text(unsigned, 8)
    else
      error("cannot serialize '" .. kind .. "'", 0)
    end
  end

  local function message(...)
    parts, count = {}, 0
    for i = 1, select("#", ...) do
      put((select(i, ...)), 0)
    end
    return concat(parts, "", 1, count)
  end

  local at -- where the next value lies
  local source -- the string in which it lies, which nothing else may keep from being collected

  local function take()
    local letter = char(at[0])
    at = at + 1
    if letter == "d" then
      copy(number, at, 8)
      at = at + 8
      return number[0]
    elseif letter == "s" then
      copy(length, at, 4)
      local from = at + 4
      at = from + length[0]
      return text(from, length[0])
    elseif letter == "t" then
      return true
    elseif letter == "f" then
      return false
    elseif letter == "{" then
      local value = {}
      while at[0] ~= 0x7d do -- "}"
        local key = take()
        value[key] = take()
      end
      at = at + 1
      return value
    elseif letter == "i" or letter == "u" then
      local box = letter == "i" and signed or unsigned
      copy(box, at, 8)
      at = at + 8
      return box[0]
    end
  end

  if jit and ffi.abi "softfp" then -- compiled, a key 1 has been read as 0 there (LuaJIT 2.1.1737090214, armel)
    jit.off(put)
    jit.off(take)
  end

  local codec = {}

  codec.pack = message

  function codec.unpack(packed)
    source = packed
    at = cast(bytes, source)
    local value = take()
    source = nil
    return value
  end

  function codec.encode(...)
    kept = message(...)
    return tonumber(cast(address, cast(bytes, kept))), #kept
  end

  function codec.decode(where, _, n)
    at = cast(bytes, cast(address, where))
    if n == 1 then
      return (take())
    end
    local values = {}
    for i = 1, n do
      values[i] = take()
    end
    return unpack(values, 1, n)
  end

  return codec
end
