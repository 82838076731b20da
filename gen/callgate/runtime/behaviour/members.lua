-- Commands that take a record of which each fills in some members: the command's row (operations/*.lua, from
-- spec/operations) says which, and what may stand for them.

local ffi = require "ffi"
local args = require "callgate.args"
local arrays = require "callgate.behaviour.arrays"
local constants = require "callgate.constants"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local memory = require "callgate.memory"
local operations = require "callgate.behaviour.operations"

local members = {}

-- { of = "link_create", parts = { { name = "prog_fd", how = "fd" }... }, result = "fd", made = "bpf_link" } of a text
-- "link_create { prog_fd: fd, ... } -> fd bpf_link".
function members.read(text)
  local head, last = text:match "^(.-) ?(%-> [%w_ ]+)$"
  local row = operations.read(last or "")
  local of, body = (head or text):match "^([%w_]*) ?{ ?(.-) ?}$"
  row.of, row.parts = of ~= "" and of or nil, {}
  for item in body:gmatch "[^,]+" do
    local name, form = item:match "^%s*([%w_]+): (.-)%s*$"
    local part = operations.read(form)
    part.name = name
    row.parts[#row.parts + 1] = part
  end
  return row
end

-- --- forms: function(part, value, state) -> what the member becomes, nil for nothing -------------------------------
-- `state` is of one call: call, position, what it keeps alive, the memory and counts of members, what is to come back.

local forms = {}

local function address(part, value, state)
  state.memory[part.name] = value
  return args.address(type(value) == "string" and ffi.cast("const char *", value) or value, state.call, state.position,
    part.name)
end

function forms.value(part, value, state)
  return args.word(value, state.call, state.position, part.name)
end

function forms.fd(part, value, state)
  return args.fd(value, state.call, state.position, part.name)
end

function forms.choice(part, value, state)
  return args.choice(value, state.call, state.position, part.name, flags.group(part.kind))
end

function forms.flags(part, value, state)
  return args.flags(value, state.call, state.position, part.name, flags.group(part.kind))
end

-- Any constant that begins with the word and "_".
function forms.constant(part, value, state)
  if type(value) ~= "string" then
    return args.uint(value, state.call, state.position, part.name)
  end
  local prefix, upper = part.kind .. "_", value:upper()
  local number = upper:sub(1, #prefix) == prefix and constants.get(upper) or constants.get(prefix .. upper)
  if type(number) ~= "number" then
    local hint = require("callgate.suggest").hint(upper, constants.names(prefix), prefix)
    args.misuse(state.call, state.position, part.name, ("unknown name %q for %s*%s"):format(value, prefix, hint))
  end
  return number
end

function forms.array(part, value, state)
  local array, count = arrays.make(part.kind, value, state.call, state.position, part.name)
  state.counts[part.name] = count
  return address(part, array, state)
end

for _, name in ipairs { "string", "path", "data", "buffer" } do
  forms[name] = function(part, value, state)
    return address(part, args[name](value, state.call, state.position, part.name), state)
  end
end

-- How many bytes another member's memory has, or fewer.
function forms.length(part, value, state)
  local data = state.memory[part.kind]
  if data == nil then
    return value ~= nil and args.size(value, state.call, state.position, part.name) or nil
  end
  return args.length(value, state.call, state.position, part.name, data)
end

function forms.count(part, value, state)
  local count = state.counts[part.kind]
  if value == nil then
    return count
  elseif args.size(value, state.call, state.position, part.name) > (count or value) then
    args.misuse(state.call, state.position, part.name, ("%d of %d elements"):format(value, count))
  end
  return value
end

-- Called though no value may be given for them.
local ALWAYS = { length = true, count = true, out = true, both = true }

function forms.both(part, value, state)
  state.outs[#state.outs + 1] = part
  return value ~= nil and forms.value(part, value, state) or nil
end

function forms.out(part, _, state)
  state.outs[#state.outs + 1] = part
end

-- --- the record ------------------------------------------------------------------------------------------------

local function get(record, name)
  return record[name]
end

local function put(record, name, value)
  record[name] = value
end

-- Raises that a record has no such member: in its own words, or with the nearest of `names`.
local function no_member(name, message, state, names)
  local text, internal = errors.plain(message)
  if internal then
    local hint = names and require("callgate.suggest").hint(name, names) or ""
    text = ("no member %q%s"):format(tostring(name), hint)
  end
  args.misuse(state.call, state.position, "attr", text)
end

-- Sets a member that the row does not speak of: a number, a descriptor, memory by its address, a name.
local function assign(record, name, value, state)
  local ok, old = pcall(get, record, name)
  if not ok then
    no_member(name, old, state)
  elseif type(value) == "table" and memory.is(old) then
    for key, item in pairs(value) do
      assign(old, key, item, state)
    end
    return
  elseif not memory.is(old) then
    state.memory[name] = value
    value = args.word(value, state.call, state.position, tostring(name))
  elseif type(value) == "string" and #value >= ffi.sizeof(old) then
    args.misuse(state.call, state.position, name, ("longer than %d bytes: %q"):format(ffi.sizeof(old) - 1, value))
  end
  local done, message = pcall(put, record, name, value)
  if not done then
    local text, internal = errors.plain(message)
    args.misuse(state.call, state.position, tostring(name), internal and "not " .. errors.got(value) or text)
  end
end

-- Fills in `record` as `row` says from `given`, a table by names. `own` are further forms: "key" or "out key" of a
-- member "key: out key". Returns the state, which the caller keeps until the kernel has done its work.
function members.fill(record, row, given, call, position, own)
  local state = { call = call, position = position, memory = {}, counts = {}, outs = {}, given = given }
  local target = row.of and record[row.of] or record
  state.target, state.record = target, record
  local known, names = {}, {}
  for i, part in ipairs(row.parts) do
    known[part.name], names[i] = true, part.name
  end
  for name in pairs(given) do
    local ok, message = pcall(get, target, name)
    if not (ok or known[name]) then
      no_member(name, message, state, names)
    end
  end
  for i, part in ipairs(row.parts) do
    local value = given[part.name]
    if value ~= nil or ALWAYS[part.how] or i == 1 then
      local form = own and (own[part.how .. " " .. (part.kind or "")] or own[part.how]) or forms[part.how]
      local made = form(part, value, state)
      if made ~= nil then
        target[part.name] = made
      end
    end
  end
  for name, value in pairs(given) do
    if not known[name] then
      assign(target, name, value, state)
    end
  end
  return state
end

-- What comes back of a command that has succeeded, after the members that its row returns.
function members.results(row, result, state)
  if row.result == "fd" then
    return operations.descriptor(row, result)
  elseif row.result == "number" then
    return exact(result)
  elseif #state.outs == 0 then
    return true
  end
  local values = {}
  for i, part in ipairs(state.outs) do
    values[i] = part.value and part.value(state) or exact(state.target[part.name])
  end
  return unpack(values, 1, #state.outs)
end

return members
