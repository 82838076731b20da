-- What the socket addresses of most families have in common: a prefix and numbers or texts between colons
-- ("vsock:2:1234"), made from that text, from a table, or from the values in the same order. A family is a list of
-- parts: { name = "cid", field = "svm_cid", default = 0, names = { any = 4294967295 }, form = one of FORMS,
-- bits = of its field, where these are not 32 }.

local ffi = require "ffi"
local interface = require "callgate.kinds.interface"
local port = require "callgate.kinds.port"
local whole = require "callgate.whole"

local FORMS = {} -- how a field is read and written where it is no plain number: { get(self, field), set(...) }

-- A string in an array of bytes, zeros behind it.
FORMS.text = {
  get = function(self, field) return ffi.string(self[field], ffi.sizeof(self[field])):match "^[^%z]*" end,
  set = function(self, field, text)
    local room = ffi.sizeof(self[field])
    if type(text) ~= "string" or #text >= room then
      error(("expected a string of less than %d bytes, got %s"):format(room, require("callgate.errors").got(text)), 0)
    end
    ffi.fill(self[field], room)
    ffi.copy(self[field], text, #text)
  end,
}

-- 16 bits in the network's order.
FORMS.network = {
  get = function(self, field) return port.to_host(self[field]) end,
  set = function(self, field, number) self[field] = port.to_network(number) end,
}

local function number_of(part, value)
  local found = part.names and part.names[value] or value
  if part.group and type(found) == "string" then
    found = require("callgate.flags").group(part.group)[found] or found
  end
  found = part.form == "text" and found or tonumber(found) or part.form == "interface" and interface(found) or found
  if part.form ~= "text" and part.form ~= "hardware" and type(found) ~= "number" then
    local wanted = part.names and "a number or a name" or "a number"
    error(("%s: expected %s, got %s"):format(part.name, wanted, require("callgate.errors").got(value)), 0)
  end
  return found
end

local function write(self, part, value)
  value = number_of(part, value)
  local form = FORMS[part.form]
  if form then
    form.set(self, part.field, value)
  else
    self[part.field] = whole(value, part.bits or 32, part.form == "interface", part.name)
  end
end

local function read(self, part)
  local form = FORMS[part.form]
  return form and form.get(self, part.field) or self[part.field]
end

local function shown(self, part)
  local value = read(self, part)
  for name, number in pairs(part.names or {}) do
    if number == value then
      return name
    end
  end
  return type(value) == "cdata" and tostring(value):gsub("U?LL$", "") or tostring(value)
end

local address = { FORMS = FORMS }

-- A kind of runtime/kinds for the addresses of a family:
--   family, family_field   its number, and the field that holds it
--   prefix                 of its text
--   parts                  as above; the last ones may be left out of the text, which have a default
--   after(self)            sets what follows from the parts
function address.kind(row)
  local takes, index, newindex = {}, {}, {}
  for _, part in ipairs(row.parts) do
    takes[part.name] = true
    index[part.name] = function(self) return read(self, part) end
    newindex[part.name] = function(self, value)
      write(self, part, value)
      return row.after and row.after(self)
    end
  end
  index.family = function(self) return self[row.family_field] end

  local function make(ctype, get)
    local self = ffi.new(ctype)
    self[row.family_field] = row.family
    for i, part in ipairs(row.parts) do
      local value = get(i, part.name)
      if value == nil then
        value = part.default
      end
      if value ~= nil then
        write(self, part, value)
      end
    end
    if row.after then
      row.after(self)
    end
    return self
  end

  local function parse(ctype, text)
    local head, rest = text:match "^(%w+):(.*)$"
    if head ~= row.prefix then
      error(("not an address of the family: %q; write it as %q"):format(text, row.like), 0)
    end
    local items, last = {}, #row.parts
    while #items < last - 1 and rest:find(":", 1, true) do
      items[#items + 1], rest = rest:match "^([^:]*):(.*)$"
    end
    items[#items + 1] = rest -- the last part may have colons of its own
    return make(ctype, function(i)
      return items[i] ~= "" and items[i] or nil
    end)
  end

  return {
    family = row.family,
    prefix = row.prefix,
    takes = takes,
    parse = parse,
    values = #row.parts,
    new = function(ctype, first, ...)
      local rest = { ... }
      if #rest >= #row.parts then
        error(("expected at most %d values, got %d"):format(#row.parts, #rest + 1), 0)
      end
      if type(first) == "string" and first:sub(1, #row.prefix + 1) == row.prefix .. ":" then
        return parse(ctype, first)
      elseif type(first) == "table" then
        return make(ctype, function(i, name)
          if first[name] ~= nil then
            return first[name]
          end
          return first[i]
        end)
      elseif type(first) == "cdata" and not tonumber(first) then
        return nil
      end
      return make(ctype, function(i)
        if i == 1 then
          return first
        end
        return rest[i - 1]
      end)
    end,
    index = index,
    newindex = newindex,
    aliases = row.aliases,
    tostring = function(self)
      local parts = {}
      for i, part in ipairs(row.parts) do
        parts[i] = shown(self, part)
      end
      return row.prefix .. ":" .. table.concat(parts, ":")
    end,
  }
end

return address
