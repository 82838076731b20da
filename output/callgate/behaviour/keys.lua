-- Keys: payloads from strings, and keyctl, whose operation decides what its arguments and its result are.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"

local keys = {}

local fail = errors.fail
local cast = ffi.cast

local ROOM = 1024 -- bytes for a text at first; the kernel says how many it has

-- Arguments after the operation and, behind "->", what comes back: keyctl(2), security/keys/keyctl.c.
--   key      a key's or keyring's number, or a name of KEY_SPEC_*       text?   a string, or nil; key? alike
--   data     a string or buffer and its length, two arguments in C      number  a number
--   default  a name of KEY_REQKEY_DEFL_*                                fd      a descriptor
-- -> number   the call's own;  -> text, bytes   a string that the kernel writes;  nothing: true
local FORMS = {
  GET_KEYRING_ID = "key number -> number",
  JOIN_SESSION_KEYRING = "text? -> number",
  UPDATE = "key data",
  REVOKE = "key",
  CHOWN = "key number number",
  SETPERM = "key number",
  DESCRIBE = "key -> text",
  CLEAR = "key",
  LINK = "key key",
  UNLINK = "key key",
  SEARCH = "key text text key? -> number",
  READ = "key -> bytes",
  INSTANTIATE = "key data key?",
  NEGATE = "key number key?",
  SET_REQKEY_KEYRING = "default -> number",
  SET_TIMEOUT = "key number",
  ASSUME_AUTHORITY = "key? -> number",
  GET_SECURITY = "key -> text",
  SESSION_TO_PARENT = "",
  REJECT = "key number number key?",
  INVALIDATE = "key",
  GET_PERSISTENT = "number key -> number",
  RESTRICT_KEYRING = "key text? text?",
  MOVE = "key key key number",
  CAPABILITIES = "-> bytes",
  WATCH_KEY = "key fd number",
}

local function address(memory)
  return cast("uintptr_t", cast("const void *", type(memory) == "string" and cast("const char *", memory) or memory))
end

local CONVERT = {}

function CONVERT.key(value, position)
  return args.choice(value, "keyctl", position, "key", flags.group "KEY_SPEC")
end

CONVERT["key?"] = function(value, position)
  return value == nil and 0 or CONVERT.key(value, position)
end

function CONVERT.default(value, position)
  return args.choice(value, "keyctl", position, "argument", flags.group "KEY_REQKEY_DEFL")
end

function CONVERT.number(value, position)
  local number = value == nil and 0 or args.long(value, "keyctl", position, "argument")
  return args.word(number, "keyctl", position, "argument")
end

function CONVERT.fd(value, position)
  return args.fd(value, "keyctl", position, "fd")
end

function CONVERT.text(value, position)
  return address(args.string(value, "keyctl", position, "argument"))
end

CONVERT["text?"] = function(value, position)
  return value == nil and 0 or CONVERT.text(value, position)
end

-- The form of an operation: { "key", "data", result = "bytes" }.
local function read(text)
  local form = {}
  local head, result = text:match "^(.-) ?%-> (%w+)$"
  form.result = result
  for word in (head or text):gmatch "%S+" do
    form[#form + 1] = word
  end
  return form
end

-- Forms by number.
local function forms()
  local group = flags.group "KEYCTL"
  local found = {}
  for name, text in pairs(FORMS) do
    if group[name] then -- none in headers from before there was the operation
      found[group[name]] = read(text)
    end
  end
  return found
end

-- A string that the kernel writes behind `words`: it tells how long it is, however much room there was.
local function text_of(raw, operation, words, count, result)
  local room = ROOM
  while true do
    local buffer = ffi.new("char[?]", room)
    words[count + 1], words[count + 2] = address(buffer), room
    local length = tonumber(raw(operation, words[1], words[2], words[3], words[4]))
    if length == -1 then
      return fail()
    elseif length <= room then
      return result == "text" and ffi.string(buffer, math.max(length - 1, 0)) or ffi.string(buffer, length)
    end
    room = length
  end
end

-- S.keyctl("read", key) -> string; S.keyctl("link", key, "user") -> true
function keys.keyctl()
  local raw = sys.keyctl
  local group = flags.group "KEYCTL"
  local known = forms()
  return function(operation, a, b, c, d)
    operation = args.choice(operation, "keyctl", 1, "operation", group)
    local form = known[operation]
    local given, words, count = { a, b, c, d }, { 0, 0, 0, 0 }, 0
    for i = 1, form and #form or 4 do
      local kind = form and form[i] or "word"
      local value = given[i]
      count = count + 1
      if kind == "data" then
        value = args.optional_data(value, "keyctl", i + 1, "data")
        words[count] = value == nil and 0 or address(value)
        words[count + 1] = value == nil and 0 or args.length(nil, "keyctl", i + 1, "data", value)
        count = count + 1
      elseif kind == "word" then
        words[count] = args.word(value, "keyctl", i + 1, "argument")
      else
        words[count] = CONVERT[kind](value, i + 1)
      end
    end
    local result = form and form.result
    if result == "text" or result == "bytes" then
      return text_of(raw, operation, words, count, result)
    end
    local number = raw(operation, words[1], words[2], words[3], words[4])
    if number == -1 then
      return fail(given) -- which keeps what the words point to until here
    elseif form and not result then
      return true
    end
    return tonumber(number)
  end
end

-- S.add_key("user", "name", "payload", "session") -> number
function keys.add_key()
  local raw = sys.add_key
  local group = flags.group "KEY_SPEC"
  local SESSION = group.SESSION_KEYRING
  return function(kind, description, payload, keyring)
    kind = args.string(kind, "add_key", 1, "type")
    description = args.string(description, "add_key", 2, "description")
    payload = args.optional_data(payload, "add_key", 3, "payload")
    local length = payload == nil and 0 or args.length(nil, "add_key", 3, "payload", payload)
    keyring = keyring == nil and SESSION or args.choice(keyring, "add_key", 4, "keyring", group)
    local number = raw(kind, description, payload, length, keyring)
    if number == -1 then
      return fail()
    end
    return number
  end
end

return keys
