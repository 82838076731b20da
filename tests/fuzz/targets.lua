-- What the fuzzer calls: every function, method, bare call, type, group, macro and object of the
-- library. A target is { name, fn, labels, call }: labels are the parameters' names; call is the
-- system call behind it, for limits.lua.

local index = require "callgate.calls.index"
local limits = require "fuzz.limits"
local values = require "fuzz.values"

local targets = {}

local function sorted(t)
  local names = {}
  for name in pairs(t) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function labels_of(fn)
  local labels, i = {}, 1
  local info = debug.getinfo(fn, "u")
  while i <= info.nparams do
    labels[i] = debug.getlocal(fn, i)
    i = i + 1
  end
  return labels
end

-- name -> call of every method, whatever kind has it
local methods = {}
for name, call in pairs(require("callgate.rows").whole(index.methods)) do
  methods[name] = call
end
for _, more in pairs(index.kinds) do
  for name, call in pairs(more) do
    methods[name] = call
  end
end
methods.close, methods.nogc = "close", "nogc"

local names = {
  functions = sorted(require("callgate.rows").whole(index.functions)),
  aliases = sorted(index.aliases),
  methods = sorted(methods),
  region = { "unmap", "protect", "advise", "sync", "lock", "unlock", "remap", "nogc", "as", "string", "write" },
}

local function is_call(name)
  return { name = "S." .. name, call = index.aliases[name] or name }
end

local function with(target, fn)
  if type(fn) ~= "function" then
    return nil
  end
  target.fn, target.labels = fn, labels_of(fn)
  return target
end

local kinds = {}

function kinds.call(rng, place)
  local name = rng:chance(95) and rng:pick(names.functions) or rng:pick(names.aliases)
  return with(is_call(name), place.S[name])
end

function kinds.method(rng, place)
  local name = rng:pick(names.methods)
  local object, text = values.object(rng, place)
  local fn
  if object ~= nil and not (type(object) == "cdata" and tostring(object):find "region") then
    fn = object[name]
  end
  local target = with({ name = ("(%s):%s"):format(text, name), call = methods[name] }, fn)
  if target then
    -- Called with a dot now and then: the descriptor is then whatever comes first.
    target.self = rng:chance(85) and object or nil
    target.takes_self = target.self ~= nil
    target.name = target.takes_self and target.name or ("(%s).%s"):format(text, name)
  end
  return target
end

function kinds.bare(rng, place)
  local name = rng:pick(place.bare_names)
  -- Its memory is of the caller's making and of a size that nobody declares: only pointers to the arena.
  local target = with({ name = "S.syscall." .. name, call = name, bare = true }, place.S.syscall[name])
  if target then
    for i = 1, #place.signatures[name] - 2 do
      target.labels[i] = "word"
    end
  end
  return target
end

function kinds.type(rng, place)
  local name = rng:pick(rng:chance(30) and place.friendly_names or place.record_names)
  local ctype = place.S.t[name]
  return ctype ~= nil and { name = "S.t." .. name, fn = ctype, labels = {}, loose = true } or nil
end

-- What is reached by indexing: fn(key) is the access.
local function access(name, object)
  return { name = name .. "[...]", fn = function(key) return object[key] end, labels = { "name" }, loose = true }
end

function kinds.group(rng, place)
  local name = rng:pick(place.group_names)
  local group = place.S.c[name]
  if rng:chance(40) then
    return access("S.c." .. name, group)
  end
  return { name = "S.c." .. name, fn = group, labels = { "flags", "flags" }, loose = true }
end

function kinds.part(rng, place)
  local S = place.S
  local part = rng:pick { "t", "s", "pt", "c", "h", "syscall", "sys", "errno", "nr" }
  if rng:chance(10) then
    return access("S", S)
  elseif rng:chance(50) then
    return access("S." .. part, S[part])
  end
  local fn = rng:pick { "errname", "strerror", "array", "pt" }
  if fn == "array" then
    return { name = "S.t.array", fn = S.t.array, labels = { "name", "count" }, loose = true }
  elseif fn == "pt" then
    local name = rng:pick(place.record_names)
    -- What a program reads through such a pointer is what it says lies there: C's matter, as after a cast.
    return { name = "S.pt." .. name, fn = S.pt[name], labels = { "ptr" }, loose = true, points = true }
  end
  return { name = "S." .. fn, fn = S[fn], labels = { "errno" } }
end

function kinds.macro(rng, place)
  local name = rng:pick(place.macro_names)
  local fn = not limits.macros[name] and place.S[name]
  return type(fn) == "function" and with({ name = "S." .. name, loose = true, macro = true }, fn) or nil
end

function kinds.region(rng, place)
  local name = rng:pick(names.region)
  local object, text = values.object(rng, place, rng:pick { "region", "region", "unmapped" })
  if object == nil then
    return nil
  end
  local target = with({ name = ("(%s):%s"):format(text, name) }, object[name])
  target.self, target.takes_self = object, true
  target.labels[1] = "region"
  return target
end

local SHARES = { -- of 100 cases
  { "call", 38 }, { "method", 18 }, { "bare", 14 }, { "type", 12 }, { "group", 5 }, { "part", 4 }, { "macro", 6 },
  { "region", 3 },
}

-- A random target.
function targets.pick(rng, place)
  while true do
    local share = rng:int(100)
    for _, row in ipairs(SHARES) do
      if share > 0 and share <= row[2] then
        local target = kinds[row[1]](rng, place)
        if target then
          target.refused = limits.refused[target.call]
          target.spoils = limits.spoils[target.call] ~= nil
          return target
        end
      end
      share = share - row[2]
    end
  end
end

return targets
