-- luacheck: globals B

-- A record with 64-bit bit-fields, which LuaJIT does not take, has members that hold them.
function B.bit_fields(ffi, ctype, fields)
  local u64, bit = ffi.typeof "uint64_t", require "bit"
  local function get(object, name)
    local field = fields[name]
    if not field then
      error(("no member %q"):format(tostring(name)), 2)
    end
    local value = bit.lshift(object[field[1]] + 0ULL, 64 - field[2] - field[3])
    value = field[4] and bit.arshift(value, 64 - field[3]) or bit.rshift(value, 64 - field[3])
    value = field[4] and ffi.cast("int64_t", value) or value
    return field[3] <= 53 and tonumber(value) or value
  end
  ffi.metatype(ctype, {
    __index = get,
    __newindex = function(object, name, value)
      get(object, name)
      local unit, shift, width = fields[name][1], fields[name][2], fields[name][3]
      local mask = bit.lshift(bit.rshift(-1ULL, 64 - width), shift)
      local bits = bit.band(bit.lshift(ffi.cast(u64, ffi.cast("int64_t", value)), shift), mask)
      object[unit] = bit.bor(bit.band(object[unit] + 0ULL, bit.bnot(mask)), bits)
    end,
  })
end
