-- What the records of semaphores, segments and queues share: ds.uid, ds.mode, ds.ctime (seconds)...

local ffi = require "ffi"
local bit = require "bit"
local exact = require "callgate.kinds.exact"
local whole = require "callgate.whole"

local LONG = 8 * ffi.sizeof "long"
local PERMISSIONS = { "key", "uid", "gid", "cuid", "cgid", "mode", "seq" }

-- A time whose upper half stands in a field of its own on 32-bit machines.
local function time_of(field)
  local high = field .. "_high"
  local split -- whether it has one
  return function(self)
    if split == nil then
      split = ffi.offsetof(ffi.typeof(self), high) ~= nil
    end
    local low = self[field]
    if split then
      return tonumber(low) + tonumber(self[high]) * 4294967296
    end
    return tonumber(low)
  end
end

-- The row of a record whose permissions are the member `perm`: its `times`, its `counts` (numbers), and what can
-- be set.
return function(prefix, perm, times, counts, writable)
  local index, newindex = {}, {}
  for _, name in ipairs(PERMISSIONS) do
    index[name] = function(self) return exact(self[perm][name]) end
  end
  index.mode = function(self) return bit.band(self[perm].mode, 511) end
  for name, bits in pairs { uid = 32, gid = 32, mode = 16 } do
    newindex[name] = function(self, value) self[perm][name] = whole(value, bits) end
  end
  for _, name in ipairs(times) do
    index[name] = time_of(prefix .. name)
  end
  for _, name in ipairs(counts) do
    index[name] = function(self) return exact(self[prefix .. name]) end
  end
  for _, name in ipairs(writable or {}) do
    newindex[name] = function(self, value) self[prefix .. name] = whole(value, LONG) end
  end
  return { index = index, newindex = newindex }
end
