-- Landlock: rulesets, and rules that are typed by what they speak of (operations/landlock_add_rule.lua, from
-- spec/operations).

local ffi = require "ffi"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local operations = require "callgate.behaviour.operations"
local sys = require "callgate.sys"
local types = require "callgate.types"

local landlock = {}

local fail = errors.fail

-- S.landlock_create_ruleset { fs = "write_file" } -> ruleset; S.landlock_create_ruleset(nil, "version") -> number
function landlock.landlock_create_ruleset()
  local raw = sys.landlock_create_ruleset
  local attr_t, SIZE = types.t.landlock_ruleset_attr, types.s.landlock_ruleset_attr
  local asked = flags.group "LANDLOCK_CREATE_RULESET"
  local ruleset = descriptors.kind "landlock"
  return function(attr, options)
    attr = args.optional_record(attr, "landlock_create_ruleset", 1, "attr", attr_t)
    options = args.flags(options, "landlock_create_ruleset", 2, "flags", asked)
    local result = raw(attr, attr ~= nil and SIZE or 0, options)
    if result == -1 then
      return fail()
    end
    return options == 0 and ruleset(result) or result
  end
end

-- r:add_rule("path_beneath", { parent = fd, access = "read_file" })
function landlock.landlock_add_rule()
  local raw = sys.landlock_add_rule
  local kinds, options_of = flags.group "LANDLOCK_RULE", flags.group "LANDLOCK_ADD_RULE"
  local rows = operations.by_number "landlock_add_rule"
  return function(fd, kind, rule, options)
    local fd_number = args.fd(fd, "landlock_add_rule", 1, "fd")
    kind = args.choice(kind, "landlock_add_rule", 2, "type", kinds)
    local row, attr = rows[kind]
    if row then
      attr = operations.input(row.kind, rule, "landlock_add_rule", 3, "rule") -- rule keeps a descriptor alive
    else
      attr = args.pointer(rule, "landlock_add_rule", 3, "rule")
    end
    options = args.flags(options, "landlock_add_rule", 4, "flags", options_of)
    if raw(fd_number, kind, attr, options) == -1 then
      return fail()
    end
    return true
  end
end

-- r:allow_path(path or descriptor, "read_file, read_dir")
function landlock.landlock_allow_path()
  local raw = sys.landlock_add_rule
  local open = require("callgate.calls").get "open"
  local attr_t = types.t.landlock_path_beneath_attr
  local kind = flags.group("LANDLOCK_RULE").PATH_BENEATH
  local accesses, options_of = flags.group "LANDLOCK_ACCESS_FS", flags.group "LANDLOCK_ADD_RULE"
  return function(fd, path, access, options)
    local fd_number = args.fd(fd, "landlock_allow_path", 1, "fd")
    local own = type(path) == "string"
    if own then
      args.path(path, "landlock_allow_path", 2, "path")
    else
      args.fd(path, "landlock_allow_path", 2, "path")
    end
    local attr = attr_t()
    attr.allowed_access = args.flags(access, "landlock_allow_path", 3, "access", accesses)
    options = args.flags(options, "landlock_allow_path", 4, "flags", options_of)
    local parent = path
    if own then
      local message, errno
      parent, message, errno = open(path, "path")
      if not parent then
        return nil, message, errno
      end
    end
    attr.parent_fd = args.fd(parent, "landlock_allow_path", 2, "path")
    local result = raw(fd_number, kind, attr, options)
    local errno = ffi.errno()
    if own then
      parent:close()
    end
    if result == -1 then
      return errors.failed(errno)
    end
    return true
  end
end

-- r:allow_port(80, "bind_tcp")
function landlock.landlock_allow_port()
  local raw = sys.landlock_add_rule
  local attr_t = types.t.landlock_net_port_attr
  local kind = flags.group("LANDLOCK_RULE").NET_PORT
  local accesses, options_of = flags.group "LANDLOCK_ACCESS_NET", flags.group "LANDLOCK_ADD_RULE"
  return function(fd, port, access, options)
    local fd_number = args.fd(fd, "landlock_allow_port", 1, "fd")
    local attr = attr_t()
    attr.port = args.size(port, "landlock_allow_port", 2, "port")
    attr.allowed_access = args.flags(access, "landlock_allow_port", 3, "access", accesses)
    if raw(fd_number, kind, attr, args.flags(options, "landlock_allow_port", 4, "flags", options_of)) == -1 then
      return fail()
    end
    return true
  end
end

return landlock
