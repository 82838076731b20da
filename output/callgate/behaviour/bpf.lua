-- bpf: a command fills in some members of union bpf_attr (operations/bpf.lua, from spec/operations). Keys and
-- values of maps are as long as the map says; the verifier's log comes with what it refuses.

local ffi = require "ffi"
local args = require "callgate.args"
local constants = require "callgate.constants"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local members = require "callgate.behaviour.members"
local memory = require "callgate.memory"
local operations = require "callgate.behaviour.operations"
local sys = require "callgate.sys"
local types = require "callgate.types"

local bpf = {}

local fail, failed = errors.fail, errors.failed
local EPERM, E2BIG, ENOSYS = 1, 7, constants.get "ENOSYS" -- the verifier has not seen what these refuse
local LOG_SIZE = 65536

local function number(name)
  return constants.get("BPF_" .. name)
end

local function raw(command, attr)
  return sys.bpf(command, attr, ffi.sizeof(attr), nil, 0)
end

-- --- how long keys and values are ------------------------------------------------------------------------------

local maps = setmetatable({}, { __mode = "k" }) -- map -> { key = bytes, value = bytes }

-- Processors that may ever be there, for each of which a map per processor has a value.
local function processors()
  local file = io.open "/sys/devices/system/cpu/possible"
  local text = file and file:read "*l" or ""
  if file then
    file:close()
  end
  local last = text:match "(%d+)$"
  return last and tonumber(last) + 1
end

local PER_CPU = { "PERCPU_HASH", "PERCPU_ARRAY", "LRU_PERCPU_HASH", "PERCPU_CGROUP_STORAGE" }

-- Where a value is not one of `value_size` alone: kernel/bpf/syscall.c, bpf_map_value_size.
local function sizes_of(kind, key_size, value_size)
  for _, name in ipairs(PER_CPU) do
    if kind == number("MAP_TYPE_" .. name) then
      local count = processors()
      value_size = count and math.ceil(value_size / 8) * 8 * count
    end
  end
  return { key = key_size, value = value_size }
end

local function info_of(fd, name)
  local info, attr = types.t[name](), types.t.bpf_attr()
  attr.info.bpf_fd, attr.info.info_len = fd, ffi.sizeof(info)
  attr.info.info = ffi.cast("uintptr_t", ffi.cast("void *", info))
  return raw(number "OBJ_GET_INFO_BY_FD", attr) ~= -1 and info
end

-- Of a map as the kernel says (Linux 4.13), nil and its errno where it does not.
local function sizes(state)
  local map = state.given.map_fd
  local found = maps[map] or state.sizes
  if not found then
    local info = info_of(args.fd(map, "bpf", 2, "map_fd"), "bpf_map_info")
    if not info then
      state.errno = ffi.errno()
      return nil
    end
    found = sizes_of(info.type, info.key_size, info.value_size)
    if descriptors.number(map) then
      maps[map] = found
    end
    state.sizes = found
  end
  return found
end

-- --- keys and values -------------------------------------------------------------------------------------------

local UNSIGNED = { [1] = ffi.typeof "uint8_t[1]", [2] = ffi.typeof "uint16_t[1]", [4] = ffi.typeof "uint32_t[1]",
  [8] = ffi.typeof "uint64_t[1]" }

-- A number as that many bytes of this machine's order.
local function integer(value, size, part)
  local box = UNSIGNED[size]
  if not box then
    args.misuse("bpf", 2, part.name, ("a number makes none of %d bytes; give a string or a buffer"):format(size))
  end
  value = args.long(value, "bpf", 2, part.name)
  if size < 8 and (value < -2 ^ (8 * size - 1) or value >= 2 ^ (8 * size)) then
    args.misuse("bpf", 2, part.name, ("%s does not fit into %d bytes"):format(tostring(value), size))
  end
  return box(ffi.cast("uint64_t", type(value) == "number" and ffi.cast("int64_t", value) or value))
end

-- What the kernel reads `size` bytes of.
local function encoded(value, size, part)
  if type(value) == "string" then
    if #value ~= size then
      args.misuse("bpf", 2, part.name, ("expected %d bytes, got %d"):format(size, #value))
    end
    return value
  elseif descriptors.number(value) then
    return integer(args.fd(value, "bpf", 2, part.name), size, part)
  elseif memory.is(value) then
    if memory.size(value) then
      args.length(size, "bpf", 2, part.name, value)
    end
    return value
  end
  return integer(value, size, part)
end

local function address(data)
  local pointer = type(data) == "string" and ffi.cast("const char *", data) or data
  return ffi.cast("uintptr_t", ffi.cast("const void *", pointer))
end

-- Makes the form of what goes in: `what` is "key" or "value".
local function input(what)
  return function(part, value, state)
    local found = value ~= nil and sizes(state)
    if not found then
      return nil
    elseif not found[what] then
      args.misuse("bpf", 2, part.name, "how many processors there are cannot be told: /sys is not mounted")
    end
    local data = encoded(value, found[what], part)
    state.memory[part.name] = data
    return address(data)
  end
end

-- Makes the form of what comes back: as a string, as a type that the caller names, or in memory of the caller's.
local function output(what)
  return function(part, value, state)
    local found = sizes(state)
    if not found then
      return nil
    elseif not found[what] then
      args.misuse("bpf", 2, part.name, "how many processors there are cannot be told: /sys is not mounted")
    end
    local room = found[what]
    local data, ctype, scalar = value, nil, nil
    if value == nil or type(value) == "string" then
      data = ffi.new("uint8_t[?]", math.max(room, 1))
      scalar = operations.SCALARS[value]
      ctype = value ~= nil and (scalar or types.t[value])
      if value ~= nil and (type(ctype) ~= "cdata" or ffi.sizeof(ctype) > room) then
        args.misuse("bpf", 2, part.name, ("expected a type of at most %d bytes, got %q"):format(room, value))
      end
    elseif not memory.is_writable(value) or (memory.size(value) or room) < room then
      args.expected(("a buffer of %d bytes, a type's name or nil"):format(room), value, "bpf", 2, part.name)
    end
    state.memory[part.name] = data
    state.outs[#state.outs + 1] = {
      name = part.name,
      value = function()
        if scalar then
          return exact(ffi.cast(ffi.typeof("$ *", scalar), data)[0][0])
        elseif ctype then
          local record = ctype()
          ffi.copy(record, data, ffi.sizeof(ctype))
          return record
        end
        return value == nil and ffi.string(data, room) or value
      end,
    }
    return address(data)
  end
end

-- --- what an object says of itself -----------------------------------------------------------------------------

local OBJECTS = { ["bpf-map"] = "bpf_map", ["bpf-prog"] = "bpf_prog", bpf_link = "bpf_link", btf = "bpf_btf" }

-- Which kind of object a descriptor's number is, by the name that the kernel gives its file.
local function kind_of(fd)
  local readlink = require("callgate.calls").get "readlink"
  local name = readlink(("/proc/self/fd/%d"):format(fd))
  return OBJECTS[name and name:match "^anon_inode:%[?([%w_-]+)%]?$"]
end

local function info(part, value, state)
  local record = value
  if value == nil or type(value) == "string" then
    local fd = args.fd(state.given.bpf_fd, "bpf", 2, "bpf_fd")
    local name = value or kind_of(fd) and kind_of(fd) .. "_info"
    local ctype = name and types.t[name]
    if type(ctype) ~= "cdata" then
      args.expected('a type such as "bpf_map_info", or one to fill in', value, "bpf", 2, part.name)
    end
    record = ctype()
  end
  state.memory[part.name] = args.buffer(record, "bpf", 2, part.name)
  state.target.info_len = args.length(nil, "bpf", 2, part.name, record)
  state.outs[#state.outs + 1] = { name = part.name, value = function() return record end }
  return address(record)
end

local FORMS = {
  ["key "] = input "key", ["element "] = input "value", ["out key"] = output "key", ["out element"] = output "value",
  ["out info"] = info,
}

-- --- the call --------------------------------------------------------------------------------------------------

local rows = {} -- number of a command -> its row

local function row_of(command)
  if not next(rows) then
    for name, text in pairs(require "callgate.operations.bpf") do
      rows[constants.get(name)] = members.read(text)
    end
  end
  return rows[command]
end

-- Tries once more for what the verifier has to say.
local function explained(command, attr, prefix, errno)
  local log = ffi.new("char[?]", LOG_SIZE)
  attr[prefix .. "log_buf"], attr[prefix .. "log_size"] = address(log), LOG_SIZE
  attr[prefix .. "log_level"] = 1
  local result = raw(command, attr)
  if result ~= -1 then
    return result
  end
  local text = ffi.string(log)
  local _, message = failed(errno)
  return nil, message, errno, text ~= "" and text or nil
end

local LOGGED = { BPF_PROG_LOAD = "", BPF_BTF_LOAD = "btf_" }

local function perform(command, row, attr, state, given)
  local result = raw(command, attr)
  if result == -1 then
    local errno = ffi.errno()
    for name, prefix in pairs(LOGGED) do
      if constants.get(name) == command and given[prefix .. "log_level"] == nil and errno ~= EPERM and errno ~= ENOSYS
        and errno ~= E2BIG then
        local message, number_, log
        result, message, number_, log = explained(command, attr, prefix, errno)
        if not result then
          return nil, message, number_, log
        end
      end
    end
    if result == -1 then
      return failed(errno)
    end
  end
  if row.made == "bpf_object" then
    return descriptors.kind(kind_of(result) or "fd")(result)
  end
  return members.results(row, result, state)
end

local READ = { key = "key", element = "value" } -- forms of members that the kernel reads

-- Raises where a key or value is missing: the kernel would look for it at address 0. Queues and stacks have no keys.
local function check_given(row, given, state)
  for _, part in ipairs(row.parts) do
    local what = READ[part.how]
    local found = what and given[part.name] == nil and sizes(state)
    if found and found[what] ~= 0 then
      args.expected("a number, a string or a buffer", nil, "bpf", 2, part.name)
    end
  end
end

-- S.bpf("map_create", { map_type = "hash", key_size = 4, value_size = 8, max_entries = 10 }) -> map
-- S.bpf("map_update_elem", map, key, value, "noexist"); S.bpf("map_lookup_elem", map, key) -> value
function bpf.bpf()
  local convert = operations.named("bpf", "BPF_")
  local attr_t = types.t.bpf_attr
  local PROG_LOAD, NO_LICENSE, GET_NEXT_KEY = number "PROG_LOAD", "", number "MAP_GET_NEXT_KEY"
  return function(command, first, ...)
    command = convert(command, "bpf", 1, "command")
    local row = row_of(command)
    if ffi.istype(attr_t, first) and memory.is(first) then
      local result = raw(command, first)
      if result == -1 then
        return fail()
      end
      return result
    elseif not row then
      return args.expected("a command of bpf, or a bpf_attr with it", command, "bpf", 1, "command")
    end
    local given = first
    if type(first) ~= "table" then
      given = {}
      for i, value in pairs { first, ... } do
        local part = row.parts[i]
        if not part then
          return args.misuse("bpf", i + 1, "argument", ("the command takes %d"):format(#row.parts))
        end
        given[part.name] = value
      end
    end
    local attr = attr_t()
    if command == PROG_LOAD then
      attr.license = address(NO_LICENSE) -- of which the kernel wants to hear, too
    end
    local state = members.fill(attr, row, given, "bpf", 2, FORMS)
    if command ~= GET_NEXT_KEY then -- without a key it gives the first one
      check_given(row, given, state)
    end
    if state.errno then
      return failed(state.errno)
    end
    return perform(command, row, attr, state, given)
  end
end

-- --- methods of maps -------------------------------------------------------------------------------------------

local function method(command)
  return function()
    local call = require("callgate.calls").get "bpf"
    return function(map, ...)
      return call(command, map, ...)
    end
  end
end

bpf.bpf_map_lookup = method "map_lookup_elem"
bpf.bpf_map_update = method "map_update_elem"
bpf.bpf_map_delete = method "map_delete_elem"
bpf.bpf_map_next_key = method "map_get_next_key"
bpf.bpf_pin = method "obj_pin"
bpf.bpf_info = method "obj_get_info_by_fd"

-- for key in map:keys "uint" do ... end
function bpf.bpf_map_keys()
  local call = require("callgate.calls").get "bpf"
  return function(map, kind)
    args.fd(map, "bpf_map_keys", 1, "map")
    local last -- as bytes, whatever the caller wants to see of it
    return function()
      local key = call("map_get_next_key", map, last)
      if key == nil then
        return nil
      end
      last = key
      local ctype = operations.SCALARS[kind]
      if ctype and ffi.sizeof(ctype) <= #key then
        local box = ctype()
        ffi.copy(box, key, ffi.sizeof(ctype))
        return exact(box[0])
      end
      return key
    end
  end
end

return bpf
