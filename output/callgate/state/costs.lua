-- Inside a state: functions of C that take the longer the more they are given, made so that under an instruction limit
-- they cost the more, too. What they allocate is counted elsewhere: machine.c. Loaded as bytecode: no upvalues.
--
-- costs(address, is_limited) -> pay, elements, install(string, table, env)
--
-- address: of the number of instructions that are left, or nil where LuaJIT does not show it. pay(bytes) takes those
-- off that going through so many bytes takes as long as. It comes before the function: the next instruction ends a call
-- that cannot pay. elements(list[, first[, last]]): how many bytes those of a table are taken for.

return function(address, is_limited)
  local collect, byte, rawlen = collectgarbage, string.byte, rawget(_G, "rawlen")
  local BYTES = 16 -- for one instruction
  local LARGE = 1024 -- less than that is not worth counting
  local ELEMENT = 16 -- what one of a table is taken for, in bytes
  local HEAP = 8 -- what collecting a byte is: it is marked and swept

  local counter, ffi

  -- Not counter[0]: Debian's LuaJIT for ppc64el ends in an illegal instruction where a hook that counts is set and a
  -- metamethod is called.
  local function take(price)
    local a, b, c, d = byte(ffi.string(counter, 4), 1, 4)
    if ffi.abi "be" then
      a, b, c, d = d, c, b, a
    end
    local left = a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24 - price
    ffi.copy(counter, ffi.new("int32_t[1]", left > 1 and left or 1), 4)
  end

  local function pay(bytes)
    if bytes >= LARGE and address and is_limited() then
      if not counter then
        ffi = require "ffi"
        counter = ffi.cast("void *", ffi.cast("uintptr_t", address))
      end
      take(bytes / BYTES)
    end
  end

  -- Of arguments that are none the function itself complains.
  local function length(text)
    return type(text) == "string" and #text or 0
  end

  local function repeated(text, times, between)
    return (length(text) + length(between)) * (tonumber(times) or 0)
  end

  local size = rawlen or function(list) -- LuaJIT built for Lua 5.2's library: there # is __len's, too
    return #list
  end

  local function elements(list, first, last)
    if type(list) ~= "table" then
      return 0
    end
    return ((tonumber(last) or size(list)) - (tonumber(first) or 1)) * ELEMENT
  end

  local function joined(list, _, first, last)
    return elements(list, first, last)
  end

  local function heap(what)
    return (what == nil or what == "collect" or what == "step") and collect "count" * 1024 * HEAP or 0
  end

  local function priced(native, price)
    return native and function(...)
      pay(price(...))
      return native(...)
    end
  end

  -- Puts them in place of LuaJIT's.
  local function install(string, table, env)
    string.upper, string.lower = priced(string.upper, length), priced(string.lower, length)
    string.reverse, string.rep = priced(string.reverse, length), priced(string.rep, repeated)
    table.concat, table.maxn = priced(table.concat, joined), priced(table.maxn, elements)
    table.unpack, env.unpack = priced(table.unpack, elements), priced(env.unpack, elements)
    env.collectgarbage = priced(collect, heap)
  end

  return pay, elements, install
end
