-- capget and capset, whose sets come in two words each.

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local errors = require "callgate.errors"
local sys = require "callgate.sys"
local types = require "callgate.types"

local capability = {}

local header_t = types.record "struct __user_cap_header_struct"

local function header(pid)
  return ffi.new(header_t, constants.get "_LINUX_CAPABILITY_VERSION_3", pid)
end

-- S.capget() -> capabilities of this thread, S.capget(pid) of another one
function capability.capget()
  local raw = sys.capget
  local capabilities = types.t.capabilities
  return function(pid, caps)
    pid = pid == nil and 0 or args.int(pid, "capget", 1, "pid")
    caps = args.out(caps, "capget", 2, "capabilities", capabilities)
    if raw(header(pid), caps) == -1 then
      return errors.fail()
    end
    return caps
  end
end

-- S.capset { effective = "chown", permitted = "chown, kill" }
function capability.capset()
  local raw = sys.capset
  local capabilities = types.t.capabilities
  return function(caps)
    caps = args.record(caps, "capset", 1, "capabilities", capabilities)
    if raw(header(0), caps) == -1 then
      return errors.fail()
    end
    return true
  end
end

return capability
