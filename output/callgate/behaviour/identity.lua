-- Users and groups that come in threes and in lists.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local sys = require "callgate.sys"

local identity = {}

local fail = errors.fail
local ids_t = ffi.typeof "uint32_t[?]"

-- The real, the effective and the saved one.
local function triple(name)
  return function()
    local raw = sys[name]
    return function()
      local ids = ids_t(3)
      if raw(ids, ids + 1, ids + 2) == -1 then
        return fail()
      end
      return ids[0], ids[1], ids[2]
    end
  end
end

identity.getresuid = triple "getresuid"
identity.getresgid = triple "getresgid"

-- S.getgroups() -> { 4, 24, 27 }
function identity.getgroups()
  local raw = sys.getgroups
  return function()
    local count = raw(0, nil)
    if count == -1 then
      return fail()
    end
    local ids = ids_t(math.max(count, 1))
    count = raw(count, ids)
    if count == -1 then
      return fail()
    end
    local out = {}
    for i = 1, count do
      out[i] = ids[i - 1]
    end
    return out
  end
end

function identity.setgroups()
  local raw = sys.setgroups
  return function(groups)
    if type(groups) ~= "table" then
      return args.expected("a table of numbers", groups, "setgroups", 1, "groups")
    end
    local count = args.count(groups, "setgroups", 1, "groups", "a number")
    local ids = ids_t(math.max(count, 1))
    for i = 1, count do
      ids[i - 1] = args.uint(groups[i], "setgroups", 1, ("groups[%d]"):format(i))
    end
    if raw(count, ids) == -1 then
      return fail()
    end
    return true
  end
end

return identity
