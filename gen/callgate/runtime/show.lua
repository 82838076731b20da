-- Records as text: timespec { tv_sec = 1, tv_nsec = 5 }. Loaded when one is first shown.

local ffi = require "ffi"

-- Interpreted: text is for people, and LuaJIT compiles a read of 8 bytes on ARM as LDRD, which faults where a
-- packed record has them unaligned.
jit.off(true, true)

local show = {}

local SHOWN = 8 -- elements of an array

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }

local function quoted(text)
  return '"' .. text:gsub('[%c"\\\128-\255]', function(char)
    return ESCAPES[char] or ("\\x%02x"):format(char:byte())
  end) .. '"'
end

-- Fields that say nothing: padding, and what the kernel keeps for later.
local SILENT = {
  pad = true, padding = true, unused = true, spare = true, reserved = true, resv = true, rsvd = true, rsv = true,
}

local function is_silent(name)
  local word = name:match "(%a+)[_%d]*$"
  return name:find "^__pad" ~= nil or SILENT[name:match "^_*(%a+)[_%d]*$"]
    or (word == "pad" or word == "spare") and name:find "^%a+_" ~= nil
end

local list

local function address(pointer)
  return pointer == nil and "NULL" or ("0x%x"):format(tonumber(ffi.cast("uintptr_t", pointer)))
end

-- One value: a number without its suffix, a pointer as its address, a record as its fields.
local function item_text(item, field)
  if type(item) ~= "cdata" then
    return tostring(item)
  elseif field and field.pointer then
    return address(item) -- never followed: the metatable of what it points to would
  elseif field and field.fields then
    return list(item, field.fields)
  end
  return (tostring(item):gsub("U?LL$", ""))
end

local function array_text(item, field)
  if field.char and not field.flexible then
    return quoted(ffi.string(item, ffi.sizeof(item)):match "^[^%z]*")
  end
  local count = tonumber(tostring(ffi.typeof(item)):match "%[(%d+)%]") or 0
  local parts = {}
  for i = 0, math.min(count, SHOWN) - 1 do
    parts[#parts + 1] = item_text(item[i], field)
  end
  if count > SHOWN or field.flexible then
    parts[#parts + 1] = "..."
  end
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

-- "{ a = 1, b = { ... } }", without those.
function list(value, fields, accessors)
  local parts = {}
  for _, field in ipairs(fields) do
    local inside = accessors and accessors[field.name]
    for _, name in ipairs(inside or { field.name }) do
      if not is_silent(name) then
        local item = value[name]
        local text = field.array and array_text(item, field) or item_text(item, field)
        parts[#parts + 1] = name .. " = " .. text
      end
    end
  end
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

-- The unit of lowered bit-fields -> their names from the lowest bit.
local function by_unit(accessors)
  local units = {}
  for name, field in pairs(accessors) do
    units[field.unit] = units[field.unit] or {}
    table.insert(units[field.unit], name)
  end
  for _, names in pairs(units) do
    table.sort(names, function(a, b)
      return accessors[a].shift < accessors[b].shift
    end)
  end
  return units
end

-- A record's text; `self` is what record.lua knows of its type.
function show.text(value, self)
  if value == nil then
    return "NULL" -- a pointer has the metatable of what it points to
  end
  self.units = self.units or by_unit(self.accessors)
  return self.name .. " " .. list(value, self.fields(), self.units)
end

return show
