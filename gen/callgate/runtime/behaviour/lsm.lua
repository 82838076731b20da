-- Attributes of security modules: struct lsm_ctx as tables, numbers of modules as names.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local lsm = {}

local fail = errors.fail
local size_t = ffi.typeof "uint32_t[1]"

-- "selinux" for 101; the number itself where no header has it yet.
local function name_of(number)
  local group = flags.group "LSM_ID"
  for _, name in ipairs(flags.names(group)) do
    if group[name] == number then
      return name
    end
  end
  return number
end

-- Calls `try(size)` until its result fits, beginning with `size`: each time the kernel says what it needs, E2BIG.
local function grown(size, try)
  local E2BIG = flags.group("E")["2BIG"]
  for _ = 1, 8 do
    local buffer, needed = ffi.new("uint8_t[?]", size), size_t(size)
    local count = try(buffer, needed)
    if count ~= -1 or ffi.errno() ~= E2BIG or needed[0] <= size then
      return count, buffer, needed[0]
    end
    size = needed[0]
  end
  return -1
end

-- for _, attr in ipairs(assert(S.lsm_get_self_attr "current")) do print(attr.id, attr.context) end
function lsm.lsm_get_self_attr()
  local raw = sys.lsm_get_self_attr
  local ATTR, ID = flags.group "LSM_ATTR", flags.group "LSM_ID"
  local SINGLE = 1 -- linux/lsm.h: LSM_FLAG_SINGLE
  local pointer, head = types.pointer "lsm_ctx", ffi.sizeof(types.t.lsm_ctx)
  return function(attr, module)
    attr = args.choice(attr, "lsm_get_self_attr", 1, "attr", ATTR)
    module = module ~= nil and args.choice(module, "lsm_get_self_attr", 2, "module", ID) or nil
    local count, buffer, size = grown(4096, function(memory, length)
      if module then
        ffi.cast(pointer, memory).id = module
      end
      return raw(attr, memory, length, module and SINGLE or 0)
    end)
    if count == -1 then
      return fail()
    end
    local list, position = {}, 0
    for i = 1, count do
      local row = ffi.cast(pointer, buffer + position)
      local length, total = tonumber(row.ctx_len), tonumber(row.len)
      if total < head or position + head + length > size then
        break
      end
      local context = ffi.string(buffer + position + head, length):gsub("%z$", "")
      list[i] = { id = name_of(tonumber(row.id)), flags = tonumber(row.flags), context = context }
      position = position + total
    end
    return list
  end
end

-- S.lsm_set_self_attr("current", { id = "apparmor", context = "changeprofile /usr/bin/x" })
function lsm.lsm_set_self_attr()
  local raw = sys.lsm_set_self_attr
  local ATTR, ID = flags.group "LSM_ATTR", flags.group "LSM_ID"
  local pointer, head = types.pointer "lsm_ctx", ffi.sizeof(types.t.lsm_ctx)
  return function(attr, context)
    attr = args.choice(attr, "lsm_set_self_attr", 1, "attr", ATTR)
    if type(context) ~= "table" then
      return args.expected('a table such as { id = "apparmor", context = text }', context, "lsm_set_self_attr", 2,
        "context")
    end
    local id = args.choice(context.id, "lsm_set_self_attr", 2, "context.id", ID)
    local text = context.context
    if type(text) ~= "string" then
      return args.expected("a string", text, "lsm_set_self_attr", 2, "context.context")
    end
    local size = math.ceil((head + #text + 1) / 8) * 8
    local buffer = ffi.new("uint8_t[?]", size)
    local row = ffi.cast(pointer, buffer)
    row.id, row.len, row.ctx_len = id, size, #text + 1
    row.flags = args.uint(context.flags or 0, "lsm_set_self_attr", 2, "context.flags")
    ffi.copy(buffer + head, text)
    if raw(attr, buffer, size, 0) == -1 then
      return fail(buffer)
    end
    return true
  end
end

-- S.lsm_list_modules() -> { "capability", "landlock" }
function lsm.lsm_list_modules()
  local raw = sys.lsm_list_modules
  return function()
    local count, buffer = grown(256, function(memory, length)
      return raw(memory, length, 0)
    end)
    if count == -1 then
      return fail()
    end
    local numbers, list = ffi.cast("uint64_t *", buffer), {}
    for i = 1, count do
      list[i] = name_of(tonumber(numbers[i - 1]))
    end
    return list
  end
end

return lsm
