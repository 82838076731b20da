-- Failures of the kernel: nil, message, errno; and the names and texts of errnos.

local ffi = require "ffi"

-- A private name: another library may declare strerror differently, and the first one would win.
ffi.cdef [[char *callgate_strerror(int) __asm__("strerror");]]

local C = ffi.C
local get_errno = ffi.errno

local errors = {}

-- The running C library's text of each errno, fetched once.
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

function errors.strerror(number)
  if type(number) ~= "number" then
    error("strerror: argument 1 (errno): expected a number, got " .. type(number), 2)
  end
  return messages[number]
end

-- Errno names live in the headers of the errno constants, like every constant.
local names

local function load_names(constants)
  names = {}
  for name, number in pairs(constants.group "E") do
    -- EWOULDBLOCK and EDEADLOCK are second names; the shorter, then the first in byte order, stays.
    local other = names[number]
    if not other or #name < #other or (#name == #other and name < other) then
      names[number] = name
    end
  end
end

-- "ENOENT" for 2; nil for a number that is no errno.
function errors.errname(number)
  if not names then
    load_names(require "callgate.constants")
  end
  return names[number]
end

return errors
