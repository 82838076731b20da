-- What a case finds: the library, the names that it knows, and memory that is watched.

local ffi = require "ffi"
local jail = require "fuzz.jail"

ffi.cdef [[int fuzz_memcmp(const void *, const void *, size_t) __asm__("memcmp");]]

local ARENA, WATCHED, KEPT = 2 ^ 20, 2 ^ 20, 2 ^ 20
local GAP = 8192 -- bytes between watched objects, none of which may change
local MARK = 0xa5

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- Names of the library's tables: records, macros, words that name flags and operations.
local function names_of(place)
  local constants = require "callgate.constants"
  local records, macros, words = {}, {}, {}
  for _, header in ipairs(constants.headers()) do
    local module = constants.of(header)
    for key in pairs(module.records) do
      records[key:match " (.*)$"] = true
    end
    for name in pairs(module.macros) do
      macros[name] = true
    end
  end
  for name in pairs(require "callgate.libc_macros") do
    macros[name] = true
  end
  for _, multiplexer in ipairs { "fcntl", "ioctl", "sockopt" } do
    for name in pairs(require("callgate.operations." .. multiplexer)) do
      words[name:lower()] = true
    end
  end
  local flags = require "callgate.flags"
  for name in pairs(require("callgate.rows").whole(require "callgate.groups")) do
    for _, word in ipairs(flags.names(flags.group(name))) do
      words[word] = true
    end
  end
  place.record_names, place.macro_names, place.words = sorted(records), sorted(macros), sorted(words)
  place.friendly_names = sorted(require("callgate.rows").whole(require "callgate.types.index"))
  place.group_names = sorted(require("callgate.rows").whole(require "callgate.groups"))
end

-- The place of one process.
local function new()
  local S = require "callgate"
  local place = { S = S, arena = jail.arena(ARENA) }
  local watched = jail.arena(WATCHED)
  local clean = ffi.new("char[?]", GAP)
  local used
  ffi.fill(watched, WATCHED, MARK)
  ffi.fill(clean, GAP, MARK)
  names_of(place)
  place.signatures = require "callgate.signatures"
  place.bare_names = {}
  for _, name in ipairs(sorted(require("callgate.prototypes").common)) do
    if place.signatures[name] then
      table.insert(place.bare_names, name)
    end
  end

  -- Zeroed memory of that type, after which nobody may write.
  function place.guarded(ctype)
    local size = ffi.sizeof(ctype)
    local offset = used[#used] or 0
    local start = offset + GAP
    local after = math.ceil((start + size) / 64) * 64
    if after + 2 * GAP > WATCHED then
      return ffi.new(ctype)
    end
    local address = watched + after - size -- aligned: so is its end
    ffi.fill(address, size)
    table.insert(used, after)
    return ffi.cast(ffi.typeof("$ *", ctype), address)[0]
  end

  -- Whether something wrote where no object is; the memory is clean again after.
  function place.overrun()
    local touched = false
    local from = 0
    for i = 1, #used + 1 do
      touched = touched or ffi.C.fuzz_memcmp(watched + from, clean, GAP) ~= 0
      from = used[i]
    end
    if #used > 0 then
      ffi.fill(watched, math.min(used[#used] + 2 * GAP, WATCHED), MARK)
    end
    used = {}
    return touched
  end

  local copies = jail.arena(KEPT)
  local strings, kept = {}, 0

  -- Remembers the bytes of a string that a call may get. Lua has each string once: where one changes,
  -- it changes for all that use it, the parser's keywords among them.
  function place.keep(text)
    if kept + #text < KEPT then
      ffi.copy(copies + kept, text) -- with its zero byte
      strings[#strings + 1], kept = { text, kept }, kept + #text + 1
    end
  end

  -- Which of the strings changed since, as it was; it is restored.
  function place.changed()
    local found
    for _, row in ipairs(strings) do
      local text, copy = row[1], copies + row[2]
      if ffi.C.fuzz_memcmp(text, copy, #text + 1) ~= 0 then
        found = ffi.string(copy, #text)
        ffi.copy(ffi.cast("char *", ffi.cast("const char *", text)), copy, #text + 1)
      end
    end
    return found
  end

  -- Begins a case.
  function place.clear()
    used = {}
    strings, kept = {}, 0
    ffi.fill(place.arena, 65536)
  end

  place.clear()
  return place
end

return new
