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

-- What actions do: kernel/printk/printk.c, do_syslog.
local READS = { [2] = true, [3] = true, [4] = true } -- read, read_all, read_clear
local CONSOLE_LEVEL, SIZE_UNREAD, SIZE_BUFFER = 8, 9, 10

-- S.syslog "read_all" -> text; S.syslog "size_unread" -> 512; S.syslog("console_level", 4) -> true
function system.syslog()
  local raw = sys.syslog
  local group = require("callgate.flags").group "SYSLOG_ACTION"
  return function(action, value)
    action = args.choice(action, "syslog", 1, "action", group)
    if READS[action] then
      local size = value
      if size == nil then
        size = raw(SIZE_BUFFER, nil, 0)
        if size == -1 then
          return errors.fail()
        end
      end
      local buffer
      buffer, size = args.new_buffer(args.int(size, "syslog", 2, "value"), "syslog", 2, "value")
      local count = raw(action, buffer, size)
      if count == -1 then
        return errors.fail()
      end
      return ffi.string(buffer, count)
    end
    if action == CONSOLE_LEVEL or value ~= nil then
      value = args.int(value, "syslog", 2, "value")
    end
    local result = raw(action, nil, value == nil and 0 or value)
    if result == -1 then
      return errors.fail()
    end
    return (action == SIZE_UNREAD or action == SIZE_BUFFER) and result or true
  end
end

-- S.sysfs "proc" -> 4; S.sysfs(4) -> "proc"; S.sysfs() -> 30
function system.sysfs()
  local raw = sys.sysfs
  local LONGEST = 4096 -- more than any name has
  return function(which)
    local result, buffer
    if which == nil then
      result = raw(3, 0, 0)
    elseif type(which) == "string" then
      result = raw(1, args.source(args.string(which, "sysfs", 1, "type"), "sysfs", 1, "type"), 0)
    else
      buffer = args.new_buffer(LONGEST, "sysfs", 1, "type")
      result = raw(2, args.uint(which, "sysfs", 1, "type"), args.word(buffer, "sysfs", 1, "type"))
    end
    if result == -1 then
      return errors.fail(which)
    end
    return buffer and ffi.string(buffer) or result
  end
end

return system
