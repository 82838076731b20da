-- Inside a state: functions of C that take the longer the more they are given, made so that under an instruction limit
-- they cost the more, too. What they allocate is counted elsewhere: machine.c. Loaded as bytecode: no upvalues.
--
-- costs(address, is_limited) -> pay, timed, elements, install(string, table, env)
--
-- address: of the number of instructions that are left, or nil where LuaJIT does not show it. pay(bytes) takes those
-- off that going through so many bytes takes as long as. It comes before the function: the next instruction ends a call
-- that cannot pay. timed(most, fn, a, b, c, d) -> what fn(a, b, c, d) returns, paid for by the processor's time that
-- it took, at most `most` bytes. elements(list[, first[, last]]): how many bytes those of a table are taken for.

return function(address, is_limited)
  local collect, byte, rawlen = collectgarbage, string.byte, rawget(_G, "rawlen")
  local pcall, error, tonumber, type = pcall, error, tonumber, type
  local BYTES = 16 -- for one instruction
  local LARGE = 1024 -- less than that is owed until it is more
  local CLOCK = 2048 -- what asking for the time is
  local MICROSECOND = 3200 -- 200 instructions: interpreted, LuaJIT takes some 5 ns for one
  local ELEMENT = 16 -- what one of a table is taken for, in bytes
  local HEAP = 8 -- what collecting a byte is: it is marked and swept

  local owed, counter, ffi = 0, nil, nil
  local clock = os.clock -- without the FFI, for LuaJIT's sake on ppc64el: see take

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
    owed = owed + bytes
    if owed >= LARGE and address then
      local price = owed / BYTES
      owed = 0
      if is_limited() then
        if not counter then
          ffi = require "ffi"
          counter = ffi.cast("void *", ffi.cast("uintptr_t", address))
        end
        take(price)
      end
    end
  end

  -- An error of C's own is raised once more, in a tail call, which makes it that of the script's line; one of a
  -- function of the script's that C has called has its line.
  local function settled(began, most, fn, a, b, c, d, ok, ...)
    local took = (clock() - began) * 1e6 * MICROSECOND
    pay((took < 0 or took > most) and most or took) -- clock_t may begin anew
    if ok then
      return ...
    elseif type(c) == "function" then
      error((...), 0)
    end
    return fn(a, b, c, d)
  end

  local function timed(most, fn, a, b, c, d)
    pay(CLOCK)
    return settled(clock(), most, fn, a, b, c, d, pcall(fn, a, b, c, d))
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

  -- How eagerly memory is collected is not a script's to say: each block could cost a whole collection.
  local tuned = { setpause = 200, setstepmul = 200 } -- what LuaJIT begins with

  local function collectgarbage(what, value)
    if tuned[what] then
      local before, number = tuned[what], tonumber(value) or 0
      tuned[what] = number - number % 1
      return before
    end
    pay(heap(what))
    return collect(what, value)
  end

  -- Puts them in place of LuaJIT's.
  local function install(string, table, env)
    string.upper, string.lower = priced(string.upper, length), priced(string.lower, length)
    string.reverse, string.rep = priced(string.reverse, length), priced(string.rep, repeated)
    table.concat, table.maxn = priced(table.concat, joined), priced(table.maxn, elements)
    table.unpack, env.unpack = priced(table.unpack, elements), priced(env.unpack, elements)
    env.collectgarbage = collectgarbage
  end

  return pay, timed, elements, install
end
