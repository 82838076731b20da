-- A client of /dev/lunatik: runs Lua in the kernel that has Lunatik's modules loaded, and its runner's
-- commands.
--
--   local device = assert(require("callgate.devlunatik").open())
--   device:exec "return _LUNATIK_VERSION"   value(s), true for none, or nil, message, errno
--   device:run(script) device:spawn(script) device:stop(script) device:list()
--
-- The device takes a chunk by one write(2) and keeps the text of its first result, or of its error, until
-- one read(2) takes it, whoever's; nothing in it tells the two apart (Lunatik's driver.lua). So a chunk is
-- sent inside one that marks its answer with a number of its own, says whether it is an error, and writes out
-- every value; and clients that use this module wait for each other by a lock on the device.

local ffi = require "ffi"
local S = require "callgate"
local errors = require "callgate.errors"
local faces = require "callgate.faces"

local typed = faces.typed

local devlunatik = {
  path = "/dev/lunatik", -- what open() opens by default
  size = 2 ^ 20, -- bytes of the buffer for answers: what does not fit is lost, as the first read clears it
}

local device = {} -- methods
local sent = 0
local vm = ("%p"):format(device) -- with the process's number, a name of this Lua VM

local function failed(name, message)
  return nil, message, S[name]
end

-- Text as a literal that stands on one line and means the same to every Lua.
local function quoted(text)
  return '"' .. text:gsub('[%c"\\\127-\255]', function(byte)
    return ("\\%03d"):format(byte:byte())
  end) .. '"'
end

-- In Lua 5.4 (the kernel's) as in LuaJIT. An answer: mark, + or -, length ":" of (type length ":" text)...
local WRAPPER = ([[
local function answer(ok, ...)
  local out = {}
  for i = 1, select("#", ...) do
    local value = (select(i, ...))
    local text = tostring(value)
    out[i] = type(value) .. " " .. #text .. ":" .. text
  end
  local body = table.concat(out)
  return "%s" .. (ok and "+" or "-") .. #body .. ":" .. body
end
local chunk, message = load(%s, %s, "t")
if not chunk then return answer(false, message) end
return answer(pcall(chunk))]]):gsub("\n *", " ") .. "\n"

-- The kernel's Lua has integers of 64 bits: from 2^53 on they are int64_t.
local function number(text)
  local value = tonumber(text)
  if value and math.abs(value) >= 2 ^ 53 and text:find "^%-?%d+$" then
    local wide = 0LL
    for digit in text:gmatch "%d" do
      wide = wide * 10 - tonumber(digit) -- downwards: the least has no positive
    end
    return text:sub(1, 1) == "-" and wide or -wide
  end
  return value
end

local READERS = {
  ["nil"] = function() end,
  boolean = function(text) return text == "true" end,
  number = number,
  string = function(text) return text end,
}

local function decode(body)
  local values, count, at = {}, 0, 1
  while at <= #body do
    local kind, length, start = body:match("^(%a+) (%d+):()", at)
    local text = body:sub(start, start + length - 1)
    local reader = READERS[kind] or READERS.string -- of what does not travel, the text
    count = count + 1
    values[count] = reader(text)
    at = start + length
  end
  return values, count
end

-- Reads until `whole(text)` holds, or nothing is left.
local function read(self, whole)
  local text = ""
  repeat
    local count, message, errno = self.fd:read(self.buffer)
    if not count then
      return nil, message, errno
    end
    text = text .. ffi.string(self.buffer, count)
  until count == 0 or whole(text)
  return text
end

local function write(self, chunk)
  local count, message, errno = self.fd:write(chunk)
  if not count then
    return nil, message, errno
  elseif count < #chunk then
    return failed("EMSGSIZE", ("the device took %d of the chunk's %d bytes"):format(count, #chunk))
  end
  return true
end

-- Writes the chunk and reads the answer while no other client of this module does.
local function exchange(self, chunk, whole)
  if self.fd.fd == -1 then -- closed
    return errors.failed(S.EBADF)
  end
  self.fd:flock "ex"
  local text, message, errno = write(self, chunk)
  if text then
    text, message, errno = read(self, whole)
  end
  self.fd:flock "un"
  if not text then
    return nil, message, errno
  end
  return text
end

local function receiver(self, call)
  if type(self) ~= "table" or not self.fd then
    faces.no_object("a device", self, call)
  end
end

-- The device, opened: an object with the methods below. nil, message, errno: no module, no right.
function devlunatik.open(path)
  path = path == nil and devlunatik.path or path
  typed("string", path, "open", 1, "path")
  local fd, message, errno = S.open(path, "rdwr, noctty")
  if not fd then
    return nil, message, errno
  end
  return setmetatable({ fd = fd, path = path, buffer = S.t.buffer(devlunatik.size) }, { __index = device })
end

-- As Lunatik's own command does it: the chunk as it is; the text of its first result, or of its error.
function device:dostring(chunk)
  receiver(self, "dostring")
  typed("string", chunk, "dostring", 1, "chunk")
  return exchange(self, chunk, function() return true end)
end

-- Runs a chunk of source; `name` is what its errors call it. What it returns: nil, booleans, numbers and
-- strings as such, of anything else its text; true where it returns nothing. A failure is nil, message and
--   EINVAL    the chunk's syntax, or an error that it raised
--   ENODATA   another program took the answer
--   EBADMSG   what came is not this chunk's answer: another program's, or the driver's own
--   EMSGSIZE  the device took a part of the chunk, or the answer is longer than the buffer
--   EBADF     the device was closed
--   others    of open(2), write(2) and read(2)
function device:exec(chunk, name)
  receiver(self, "exec")
  typed("string", chunk, "exec", 1, "chunk")
  name = name == nil and "=exec" or name
  typed("string", name, "exec", 2, "name")
  sent = sent + 1
  local mark = ("callgate %d.%s.%d "):format(S.getpid(), vm, sent)
  local function split(text)
    local sign, length, start = text:sub(#mark + 1):match "^([+-])(%d+):()"
    if sign and text:sub(1, #mark) == mark then
      return sign, text:sub(#mark + start), tonumber(length)
    end
  end
  local text, message, errno = exchange(self, WRAPPER:format(mark, quoted(chunk), quoted(name)), function(text)
    local _, body, length = split(text)
    local ours = text:sub(1, #mark) == mark:sub(1, #text)
    return not ours or body and #body >= length
  end)
  if not text then
    return nil, message, errno
  elseif text == "" then
    return failed("ENODATA", "no answer: another program read it")
  end
  local sign, body, length = split(text)
  if not sign then
    return failed("EBADMSG", "not this chunk's answer: " .. text)
  elseif #body < length then
    return failed("EMSGSIZE", ("%d of the answer's %d bytes came"):format(#body, length))
  end
  local values, count = decode(body)
  if sign == "-" then
    return failed("EINVAL", tostring(values[1]))
  end
  if count == 0 then
    return true
  end
  return unpack(values, 1, count)
end

-- A call of Lunatik's runner, which `lunatik load` starts.
local function runner(self, command, script, context)
  receiver(self, command)
  typed("string", script, command, 1, "script")
  local more = ""
  if type(context) == "string" then
    more = ", " .. quoted(context)
  elseif context ~= nil then
    more = ", " .. tostring(typed("boolean", context, command, 2, "context"))
  end
  return self:exec(('require("lunatik.runner").%s(%s%s) return true'):format(command, quoted(script), more),
    "=" .. command)
end

-- Makes a runtime for <script>.lua of the kernel's scripts. `context`: "process", "softirq" or "hardirq";
-- for an older Lunatik, whether it may sleep. true, or nil, message, errno.
function device:run(script, context)
  return runner(self, "run", script, context)
end

-- The same, and runs the function that the script returns in a kernel thread.
function device:spawn(script, context)
  return runner(self, "spawn", script, context)
end

-- Stops the script's thread and runtime; true for a script that does not run, as Lunatik has it.
function device:stop(script)
  return runner(self, "stop", script)
end

-- The names of the scripts that run, sorted.
function device:list()
  receiver(self, "list")
  local text, message, errno = self:exec('return require("lunatik.runner").list()', "=list")
  if not text then
    return nil, message, errno
  end
  local names = {}
  for name in text:gmatch "[^,%s]+" do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

function device:close()
  receiver(self, "close")
  return self.fd:close()
end

return devlunatik
