-- luacheck: globals B

-- A record with bit-fields that LuaJIT does not take, or would look for elsewhere, has bytes that hold them.
function B.bit_fields(ffi, ctype, fields)
  local bit = require "bit"
  local is_big = ffi.abi "be"
  local int64, bool = ffi.typeof "int64_t", ffi.typeof "bool"

  local function field_of(name)
    return fields[name] or error(("no member %q"):format(tostring(name)), 3)
  end

  -- By how many bits to the left a byte stands for its part of the field's number.
  local function place(field, index)
    return is_big and field[2] + field[3] - 8 * (index + 1) or 8 * index - field[2]
  end

  local function moved(value, count)
    return count < 0 and bit.rshift(value, -count) or bit.lshift(value, count)
  end

  local function bytes_of(field)
    return bit.rshift(field[2], 3), bit.rshift(field[2] + field[3] - 1, 3)
  end

  ffi.metatype(ctype, {
    __new = function(new, ...)
      local object, from = ffi.new(new, ...), ...
      if type(from) == "table" then -- of which LuaJIT takes the members that it knows
        for name in pairs(fields) do
          if from[name] ~= nil then
            object[name] = from[name]
          end
        end
      end
      return object
    end,
    __index = function(object, name)
      local field = field_of(name)
      local bytes, first, last = object[field[1]], bytes_of(field)
      local value = 0ULL
      for i = first, last do
        value = bit.bor(value, moved(bytes[i] + 0ULL, place(field, i)))
      end
      local spare = 64 - field[3]
      value = bit.lshift(value, spare)
      if field[4] == "bool" then
        return value ~= 0
      end
      value = field[4] and ffi.cast("int64_t", bit.arshift(value, spare)) or bit.rshift(value, spare)
      return field[3] <= 53 and tonumber(value) or value
    end,
    __newindex = function(object, name, value)
      local field = field_of(name)
      local bytes, first, last = object[field[1]], bytes_of(field)
      local mask = bit.rshift(-1ULL, 64 - field[3])
      -- as LuaJIT converts what a member gets: a cast would take the address of a string
      local converted, number = pcall(field[4] == "bool" and bool or int64, value)
      if not converted then
        error(("member %q: %s"):format(name, number), 2)
      end
      value = bit.band(ffi.cast("uint64_t", number), mask)
      for i = first, last do
        local count = -place(field, i)
        local kept = bit.band(bytes[i], bit.bnot(tonumber(bit.band(moved(mask, count), 0xffULL))))
        bytes[i] = bit.bor(kept, tonumber(bit.band(moved(value, count), 0xffULL)))
      end
    end,
  })
end
