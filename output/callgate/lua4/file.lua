-- The files that LUALOAD reads.

local S = require "callgate"
local errno = require "callgate.lua4.errno"

local file = {}

-- As many bytes as the file had when it was opened, or fewer when it has shrunk.
local function read_all(fd, size)
  local parts, left = {}, size
  while left > 0 do
    local part, message, number = fd:read(nil, math.min(left, 65536))
    if not part then
      return nil, message, number
    elseif part == "" then
      break
    end
    parts[#parts + 1] = part
    left = left - #part
  end
  return table.concat(parts)
end

-- The bytes of a regular file; nil, message, errno, NetBSD's: EINVAL for what is no regular file.
function file.read(path)
  -- O_NONBLOCK: opening a pipe must not wait for its writer
  local fd, _, number = S.open(path, "rdonly, nonblock, noctty")
  if not fd then
    return errno.of(number)
  end
  local st = assert(fd:stat())
  if not st.isreg then
    fd:close()
    return errno.fail "EINVAL"
  end
  local ok, text, _, failure = pcall(read_all, fd, tonumber(st.size))
  fd:close()
  if not ok then
    return errno.fail "ENOMEM" -- what the interpreter raises when a string does not fit
  elseif not text then
    return errno.of(failure)
  end
  return text
end

return file
