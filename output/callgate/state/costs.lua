-- Inside a state: functions of C that take the longer the more they are given, made so that under an instruction limit
-- they cost the more, too. What they allocate is counted elsewhere: machine.c. Loaded as bytecode: no upvalues.
--
-- costs(address, is_limited, call, slowness) -> pay, timed, searched, compiled, elements,
--   install(string, table, env, os)
--
-- address: of the number of instructions that are left, or nil where LuaJIT does not show it. call: a table of the
-- program's latest call, which begins with call.fresh. slowness: of the machine, 1 or more, by which time counts for
-- less. pay(bytes) takes those off that going through so many bytes takes as long as. It comes before
-- the function: the next instruction ends a call that cannot pay. timed(most, fn, a, b, c, d) -> what fn(a, b, c, d)
-- returns, paid for by the processor's time that it took, at most `most` bytes; searched, the same, asks for the time
-- only once in a while. compiled(before, bytes) -> now: where compiling so many since then has taken long, it is paid
-- for. elements(list[, first[, last]]): how many bytes those of a table are taken for.

return function(address, is_limited, call, slowness)
  local collect, byte, rawlen = collectgarbage, string.byte, rawget(_G, "rawlen")
  local pcall, error, tonumber, type = pcall, error, tonumber, type
  local BYTES = 16 -- for one instruction
  local LARGE = 8192 -- less than that is owed until it is more
  local CLOCK = 2048 -- what asking for the time is
  local MICROSECOND = 3200 / slowness -- 200 instructions: interpreted, LuaJIT takes some 5 ns for one
  local ELEMENT = 16 -- what one of a table is taken for, in bytes
  local CONVERSION = 7200 -- what a byte of a format for os.date may be
  local FORMAT = 64 -- bytes of one that programs have
  local HEAP = 8 -- what collecting a byte is: it is marked and swept

  local SOME = 400000 -- bytes of what is called without asking for the time,
  local MANY = 3200000 -- until it comes to so many
  -- Seconds that compiling may take in a call for nothing, and for each byte ten times what it mostly takes.
  local SPARE, EACH = 0.005 * slowness, 2e-7 * slowness

  local owed, unpaid, counter, ffi = 0, 0, nil, nil
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
    if bytes > 0 then -- what comes of wrong arguments is less, or NaN
      owed = owed + bytes
    end
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

  local function begin()
    if call.fresh then
      call.fresh, call.asked, call.spare = false, nil, nil
    end
  end

  -- What is called often and is mostly quick: asking for the time would take several times as long.
  local function searched(most, fn, a, b, c, d)
    if most > SOME then
      return timed(most, fn, a, b, c, d)
    end
    begin()
    local asked = call.asked
    unpaid = asked and unpaid + most or most
    if not asked or unpaid > MANY then
      local now = clock()
      local took = asked and (now - asked) * 1e6 * MICROSECOND or 0
      pay(CLOCK + ((took < 0 or took > unpaid) and unpaid or took))
      call.asked, unpaid = now, 0
    end
    return fn(a, b, c, d)
  end

  local function compiled(before, bytes)
    local now = clock()
    if before then
      begin()
      local took = now - before
      local spare = (call.spare or SPARE) + bytes * EACH - took
      pay(-spare * 1e6 * MICROSECOND)
      call.spare = spare > 0 and spare or 0
    end
    return now
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

  local function measured(native, most)
    return native and function(...)
      if is_limited() then
        return timed(most(...), native, ...)
      end
      return native(...)
    end
  end

  -- table.maxn goes through all of a table, and nothing tells how many keys that are no elements it has.
  local function unknown()
    return MICROSECOND * 1e6
  end

  -- A conversion can take C some microseconds (%s: mktime); that of a longer format is paid for before.
  local function dated(format)
    local most = length(format) * CONVERSION
    if most > FORMAT * CONVERSION then
      pay(most)
    end
    return most
  end

  -- Puts them in place of LuaJIT's.
  local function install(string, table, env, os)
    table.maxn = measured(table.maxn, unknown)
    if os then
      os.date = measured(os.date, dated)
    end
    string.upper, string.lower = priced(string.upper, length), priced(string.lower, length)
    string.reverse, string.rep = priced(string.reverse, length), priced(string.rep, repeated)
    table.concat = priced(table.concat, joined)
    table.unpack, env.unpack = priced(table.unpack, elements), priced(env.unpack, elements)
    env.collectgarbage = collectgarbage
  end

  return pay, timed, searched, compiled, elements, install
end
