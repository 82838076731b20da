-- listns, which tells numbers of namespaces.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local namespaces = {}

local MANY = 512 -- namespaces asked for at once
local ids_t = ffi.typeof("uint64_t[$]", MANY)

-- S.listns() -> numbers of all namespaces that one may see; S.listns("newuser, newns"[, number of the user
-- namespace that owns them])
function namespaces.listns()
  local raw = sys.listns
  local req_t = types.t.ns_id_req
  local CLONE = flags.group "CLONE"
  return function(kinds, owner)
    local req = req_t()
    req.size = ffi.sizeof(req_t)
    req.ns_type = args.flags(kinds, "listns", 1, "types", CLONE)
    req.user_ns_id = owner == nil and 0 or args.size(owner, "listns", 2, "owner")
    local list, ids = {}, ids_t()
    repeat
      local count = raw(req, ids, MANY, 0)
      if count == -1 then
        return errors.fail()
      end
      for i = 0, tonumber(count) - 1 do
        list[#list + 1] = exact(ids[i])
      end
      if count > 0 then
        req.ns_id = ids[tonumber(count) - 1]
      end
    until count < MANY
    return list
  end
end

return namespaces
