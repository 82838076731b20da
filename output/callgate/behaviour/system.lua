-- uname as a table of strings, names with their lengths, and the processor.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local sys = require "callgate.sys"
local types = require "callgate.types"

local system = {}

local FIELDS = { "sysname", "nodename", "release", "version", "machine", "domainname" }

-- S.uname() -> { sysname = "Linux", nodename = ..., release = ..., version = ..., machine = ..., domainname = ... }
function system.uname()
  local raw = sys.uname
  local utsname = types.t.utsname
  return function()
    local names = utsname()
    if raw(names) == -1 then
      return errors.fail()
    end
    local out = {}
    for _, field in ipairs(FIELDS) do
      out[field] = ffi.string(names[field])
    end
    return out
  end
end

local function naming(call)
  return function()
    local raw = sys[call]
    return function(name)
      name = args.string(name, call, 1, "name")
      if raw(name, type(name) == "string" and #name or args.length(nil, call, 1, "name", name)) == -1 then
        return errors.fail()
      end
      return true
    end
  end
end

system.sethostname = naming "sethostname"
system.setdomainname = naming "setdomainname"

-- S.getcpu() -> processor, NUMA node
function system.getcpu()
  local raw = sys.getcpu
  local pair = ffi.typeof "unsigned int[2]"
  return function()
    local found = pair()
    if raw(found, found + 1, nil) == -1 then
      return errors.fail()
    end
    return found[0], found[1]
  end
end

return system
