-- Failures of the kernel: nil, message, errno; and the names and texts of errnos.

local ffi = require "ffi"

-- A private name: another library may declare strerror differently, and the first one would win.
ffi.cdef [[char *callgate_strerror(int) __asm__("strerror");]]

local C = ffi.C
local get_errno = ffi.errno

local errors = {}

local library = debug.getinfo(1, "S").source:match "^@(.*[/\\])"

-- Raises `message` as an error of the line that called the library, however deep inside it is found.
function errors.raise(message)
  local level = 2
  while true do
    local info = debug.getinfo(level, "S")
    if not info then
      error(message, 0)
    elseif info.what ~= "C" and info.source:sub(1, 10) ~= "=callgate."
      and not (library and info.source:sub(2, #library + 1) == library) then
      error(message, level)
    end
    level = level + 1
  end
end

local LONG = 60 -- characters

-- A value as messages show it, a long one cut.
function errors.shown(value)
  if type(value) == "string" then
    return ("%q"):format(#value > LONG and value:sub(1, LONG - 3) .. "..." or value)
  end
  local text = tostring(value):gsub("callgate%d*_", "")
  return #text > LONG and type(value) == "cdata" and text:sub(1, LONG - 3) .. "..." or text
end

local NAMELESS = { table = true, ["function"] = true, thread = true, userdata = true }

-- The same with its type: `nil`, `5`, `"text" (string)`; `a table`, whose address says nothing.
function errors.got(value)
  local kind = type(value)
  if NAMELESS[kind] then
    return "a " .. kind
  end
  local shown = errors.shown(value)
  return (kind == "number" or kind == "nil") and shown or ("%s (%s)"):format(shown, kind)
end

-- Raises the misuse of an argument, which messages call by its position and its name.
function errors.misuse(call, position, label, what)
  errors.raise(("%s: argument %d (%s): %s"):format(call, position, label, what))
end

function errors.expected(what, value, call, position, label)
  errors.misuse(call, position, label, ("expected %s, got %s"):format(what, errors.got(value)))
end

-- What LuaJIT and its FFI say of a value that is of a wrong type (lj_errmsg.h): in the words of C, and
-- without the name of what the value is for.
local INTERNAL = {
  "^attempt to ", "^bad argument #", "cannot convert ", "has no member named ", "^too many initializers ",
  "^invalid C type", "^initializer for ",
  "^missing declaration ", "^size of C type ", "^wrong number of type parameters",
}

-- An error's message without position and private names, and whether it is LuaJIT's own.
function errors.plain(message)
  local text = tostring(message):gsub("^[^\n]-:%d+: ", ""):gsub("callgate%d*_", "")
  for _, pattern in ipairs(INTERNAL) do
    if text:find(pattern) then
      return text, true
    end
  end
  return text, false
end

-- The running C library's text of each errno, fetched once. strerror itself may set errno.
local messages = setmetatable({}, {
  __index = function(self, number)
    local saved = get_errno()
    local text = ffi.string(C.callgate_strerror(number))
    get_errno(saved)
    self[number] = text
    return text
  end,
})

-- What a failing call returns. Costs no more than success: no string is built after the first time.
function errors.fail()
  local number = get_errno()
  return nil, messages[number], number
end

-- The same for an errno that no call has set.
function errors.failed(number)
  return nil, messages[number], number
end

-- The number of an errno given as number or name ("ENOENT", "noent"); raises on anything else.
local function number_of(value, call)
  if type(value) == "number" and value == require("bit").tobit(value) then
    return value
  end
  return require("callgate.args").choice(value, call, 1, "errno", require("callgate.flags").group "E")
end

-- The text of an errno: S.strerror(2), S.strerror "ENOENT".
function errors.strerror(value)
  return messages[number_of(value, "strerror")]
end

local names -- number -> "ENOENT"

local function load_names()
  names = {}
  for name, number in pairs(require("callgate.constants").group "E") do
    -- EWOULDBLOCK and EDEADLOCK are second names; the shorter, then the first in byte order, stays.
    local other = names[number]
    if not other or #name < #other or (#name == #other and name < other) then
      names[number] = name
    end
  end
end

-- "ENOENT" for 2; nil for a number that is no errno.
function errors.errname(value)
  if not names then
    load_names()
  end
  return names[number_of(value, "errname")]
end

return errors
