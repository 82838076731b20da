-- An instruction of a filter: S.t.sock_filter("ld, w, abs", 4), S.t.sock_filter { "jmp, jeq, k", 39, 0, 1 }
-- as BPF_STMT and BPF_JUMP of linux/filter.h: the code by its names, k, and where to go if true and if false. What a
-- filter of system calls returns may be a name: { "ret, k", "allow" }.

local ffi = require "ffi"
local errors = require "callgate.errors"
local memory = require "callgate.memory"

local FIELDS = { "code", "k", "jt", "jf", code = true, k = true, jt = true, jf = true }
local RET, CLASS = 6, 8 -- linux/bpf_common.h: BPF_RET, and how many classes there are

-- A whole number of so many bits, or an error: cut down it would be another instruction.
local function ranged(value, least, most, field, wanted)
  local number = value
  if type(value) == "cdata" then
    number = memory.number(value)
  end
  if type(number) ~= "number" or number % 1 ~= 0 or number < least or number > most then
    error(("%s: expected %s, got %s"):format(field, wanted, errors.got(value)), 0)
  end
  return number
end

local function constant(value, code)
  if type(value) == "string" and code % CLASS == RET then
    local number, wrong = require "callgate.kinds.seccomp_action"(value)
    return number or error("k: " .. wrong, 0)
  end
  return ranged(value, -2 ^ 31, 2 ^ 32 - 1, "k", "a whole number of 32 bits") % 2 ^ 32
end

local function distance(value, field)
  return ranged(value, 0, 255, field, "a number of instructions from 0 to 255")
end

return {
  new = function(ctype, code, k, jt, jf)
    if type(code) == "table" then
      local row = code
      for name in pairs(row) do
        if not FIELDS[name] then
          error(('unknown field "%s"; there are code, k, jt and jf'):format(tostring(name)), 3)
        end
      end
      code, k, jt, jf = row.code, row.k, row.jt, row.jf
      code, k = code == nil and row[1] or code, k == nil and row[2] or k
      jt, jf = jt == nil and row[3] or jt, jf == nil and row[4] or jf
    elseif type(code) ~= "string" and k == nil then
      return nil
    end
    if code == nil then
      error('code: expected names such as "ld, w, abs" or a number, got nil', 0)
    end
    code = ranged(require("callgate.flags").c.BPF(code), 0, 65535, "code", "a number from 0 to 65535")
    return ffi.new(ctype, code, distance(jt == nil and 0 or jt, "jt"), distance(jf == nil and 0 or jf, "jf"),
      constant(k == nil and 0 or k, code))
  end,
}
