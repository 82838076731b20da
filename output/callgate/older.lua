-- Calls with several forms, as routes.lua declares them: the best that the target's table has, and when
-- the kernel answers ENOSYS the next one, with times of 64 bits turned into those of 32, or through
-- socketcall and ipc. That a kernel lacks a call is found out once.

local ffi = require "ffi"
local bit = require "bit"
local sys = require "callgate.sys"
local target = require "callgate.target"

local older = {}

local ENOSYS = target.name:find "^mips" and 89 or 38 -- asm/errno.h of mips, asm-generic/errno.h
local EOVERFLOW = target.name:find "^mips" and 79 or 75

local long_ts = ffi.typeof "long[?]"
local int64_p = ffi.typeof "int64_t *"
local LONGS = { timespec = 2, itimerspec = 4, timespec_pair = 4 } -- seconds and nanoseconds in turn

local function parameters(count)
  local names = {}
  for i = 1, count do
    names[i] = "a" .. i
  end
  return table.concat(names, ", ")
end

-- A function of `count` arguments made of text, so that it compiles; `...` of the text are `values`.
local function made(count, text, ...)
  local code = text:gsub("ARGS", parameters(count))
  return assert(loadstring(code, "=callgate.older"))(...)
end

-- --- times -------------------------------------------------------------------------------------------

-- Times as the older call takes them; nil where seconds do not fit.
local function narrowed(value, count)
  local old, wide = long_ts(count), ffi.cast(int64_p, value)
  for i = 0, count - 1 do
    old[i] = wide[i]
    if wide[i] ~= old[i] then
      return nil
    end
  end
  return old
end

local function widened(value, old, count)
  local wide = ffi.cast(int64_p, value)
  for i = 0, count - 1 do
    wide[i] = old[i]
  end
end

-- `fn` with the arguments of `times` ("2 out timespec") converted.
local function with_times(fn, arity, times)
  local rows = {}
  for i, text in ipairs(times) do
    local position, how, kind = text:match "^(%d) (%l+) ([%l_]+)$"
    rows[i] = { at = tonumber(position), reads = how ~= "out", writes = how ~= "in", count = LONGS[kind] }
  end
  return function(...)
    local args, olds = { ... }, {}
    for i, row in ipairs(rows) do
      local value = args[row.at]
      if value ~= nil then
        olds[i] = row.reads and narrowed(value, row.count) or not row.reads and long_ts(row.count)
        if not olds[i] then
          ffi.errno(EOVERFLOW)
          return -1
        end
        args[row.at] = olds[i]
      end
    end
    local result = fn(unpack(args, 1, arity))
    for i, row in ipairs(rows) do
      if olds[i] and row.writes and result ~= -1 then
        widened(select(row.at, ...), olds[i], row.count)
      end
    end
    return result
  end
end

-- --- multiplexers ------------------------------------------------------------------------------------

-- A number, pointer or string as a register.
local function word(value)
  if value == nil then
    return 0
  elseif type(value) == "string" then
    value = ffi.cast("const char *", value)
  elseif type(value) == "number" then
    return value >= 2147483648 and ffi.cast("long", ffi.cast("uint32_t", value)) or value
  end
  return ffi.cast("long", ffi.cast("intptr_t", ffi.cast("void *", value))) -- records and arrays: their address
end

local function through_socketcall(number, arity)
  local socketcall = sys.bare "socketcall"
  return socketcall and function(...)
    local list = ffi.new "long[6]"
    for i = 1, arity do
      list[i - 1] = word((select(i, ...)))
    end
    return socketcall(number, list)
  end
end

local function through_ipc(text)
  local ipc = sys.bare "ipc"
  local places = {}
  for place in text:gmatch "%S+" do
    places[#places + 1] = place
  end
  return ipc and function(...)
    local given, passed, boxes = { ... }, { tonumber(places[1]) }, {}
    for i = 2, 6 do
      local how, at, more = (places[i] or "0"):match "^(&?)(%d+)%+?(%d*)$"
      if how == "&" then
        boxes[i] = long_ts(#at)
        for j = 1, #at do
          boxes[i][j - 1] = word(given[tonumber(at:sub(j, j))])
        end
        passed[i] = word(boxes[i])
      else
        passed[i] = at ~= "0" and word(given[tonumber(at)]) or 0
        passed[i] = more ~= "" and bit.bor(passed[i], tonumber(more)) or passed[i]
      end
    end
    return ipc(passed[1], passed[2], passed[3], passed[4], ffi.cast("void *", passed[5]), passed[6])
  end
end

-- --- the choice --------------------------------------------------------------------------------------

-- `new`, and from its first ENOSYS on `old`.
local function with_fallback(new, old, arity)
  return made(arity, [[
    local new, old, errno, ENOSYS = ...
    local lacking = false
    return function(ARGS)
      if not lacking then
        local result = new(ARGS)
        if result ~= -1 or errno() ~= ENOSYS then
          return result
        end
        lacking = true
      end
      return old(ARGS)
    end]], new, old, ffi.errno, ENOSYS)
end

older.with_fallback = with_fallback

-- `fn`, whose arguments have another order: "1423" says which of the caller's goes where.
local function reordered(fn, order)
  local passed = order:gsub("%d", "a%0, "):sub(1, -3)
  return made(#order, ("local fn = ... return function(ARGS) return fn(%s) end"):format(passed), fn)
end

-- The function behind sys.NAME; nil where the target has none of the route's calls.
function older.route(name, route)
  local signatures = require "callgate.signatures"
  local found, arity
  local try = route.try or { name }
  for i = #try, 1, -1 do
    local call = try[i]
    local fn = sys.bare(call)
    if fn then
      local order = route.order and route.order[target.name .. " " .. call]
      fn = order and reordered(fn, order) or fn
      -- The last of several is older where 64-bit times have a call of their own.
      if route.times and i == #try and i > 1 and target.registers == 32 then
        fn = with_times(fn, #signatures[call] - 2, route.times)
      end
      arity = #signatures[call] - 2
      found = found and with_fallback(fn, found, arity) or fn
    end
  end
  local old = found and (route.socketcall and through_socketcall(route.socketcall, arity)
    or route.ipc and through_ipc(route.ipc))
  if old and route.times and target.registers == 32 then
    old = with_times(old, arity, route.times)
  end
  return old and with_fallback(found, old, arity) or found
end

return older
