-- The two times of utimensat: { atime, mtime } in seconds, or by these names; "now" and "omit" are special, nil is now.

local ffi = require "ffi"
local split = require("callgate.kinds.timespec").split

local SPECIAL = { now = 1073741823, omit = 1073741822 } -- linux/stat.h of the kernel: UTIME_NOW, UTIME_OMIT
local PLACES = { 1, 2, atime = 1, mtime = 2, actime = 1, modtime = 2 } -- the last two are utime.h's

local function parts(ts)
  return ts.tv_sec, ts.tv_nsec
end

local function set(ts, value)
  if value == nil then
    value = "now"
  end
  local seconds = type(value) == "cdata" and require("callgate.memory").number(value) or value
  local ok, sec, nsec = pcall(parts, value)
  if type(seconds) == "number" then
    ts.tv_sec, ts.tv_nsec = split(seconds)
  elseif SPECIAL[value] then
    ts.tv_sec, ts.tv_nsec = 0, SPECIAL[value]
  elseif type(value) == "cdata" and ok then
    ts.tv_sec, ts.tv_nsec = sec, nsec
  else
    error(('expected seconds, "now" or "omit", got %s'):format(require("callgate.errors").got(value)), 0)
  end
end

-- The times of a table.
local function read(given)
  local times = {}
  for key, value in pairs(given) do
    local place = PLACES[key]
    if not place then
      error(require "callgate.behaviour.unknown"(key, PLACES), 0)
    elseif times[place] ~= nil then
      error(("key %q: its time is given twice"):format(tostring(key)), 0)
    end
    times[place] = value
  end
  return times[1], times[2]
end

return {
  new = function(ctype, atime, mtime)
    if type(atime) == "table" then
      atime, mtime = read(atime)
    elseif type(atime) == "cdata" and ffi.istype(require("callgate.types").t.utimbuf, atime) then
      atime, mtime = atime.actime, atime.modtime
    end
    local self = ffi.new(ctype)
    set(self.atime, atime)
    set(self.mtime, mtime)
    return self
  end,
  takes = { atime = true, mtime = true, actime = true, modtime = true },
}
