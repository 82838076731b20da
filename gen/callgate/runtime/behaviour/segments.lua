-- modify_ldt: the table of segments as bytes, its entries as records.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local sys = require "callgate.sys"
local types = require "callgate.types"

local segments = {}

local READ, READ_DEFAULT = 0, 2 -- arch/x86/kernel/ldt.c
local TABLE = 65536 -- asm/ldt.h: LDT_ENTRIES of LDT_ENTRY_SIZE

-- 64-bit kernels cut the result to an unsigned int, in which libc sees no errno (arch/x86/kernel/ldt.c, at its end).
local function failed(result)
  if result == -1 then
    return errors.fail()
  end
  return errors.failed(-result)
end

-- S.modify_ldt "read" -> text of 8 bytes for each entry; S.modify_ldt("write", { entry_number = 0, ... }) -> true
function segments.modify_ldt()
  local raw = sys.modify_ldt
  local group = require("callgate.flags").group "MODIFY_LDT"
  return function(operation, argument)
    operation = args.choice(operation, "modify_ldt", 1, "operation", group)
    if operation == READ or operation == READ_DEFAULT then
      local buffer, size = args.new_buffer(argument == nil and TABLE or argument, "modify_ldt", 2, "argument")
      local count = raw(operation, buffer, size)
      if count < 0 then
        return failed(count)
      end
      return ffi.string(buffer, count)
    end
    local entry = args.record(argument, "modify_ldt", 2, "argument", types.t.user_desc)
    local result = raw(operation, entry, ffi.sizeof(entry))
    if result < 0 then
      return failed(result)
    end
    return true
  end
end

return segments
