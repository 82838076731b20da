-- Inside a state: the entry of its thread, as the address of a C function; `fields` are those of native.lua's
-- record. Loaded as bytecode: no upvalues.
--
-- The function is a callback to the builtin pcall itself, with the control record as what it calls: so no
-- bytecode runs unprotected. Where an instruction limit or a stop ends the script, every further
-- instruction raises, here too: then the record says what the program has written before, KILLED.

return function(dispatch, fields)
  local ffi = require "ffi"
  local pcall, tostring, tonumber = pcall, tostring, tonumber
  local RESUME, DESCRIBE, FAILED = 1, 6, -1

  local record = ffi.typeof("struct {" .. fields .. "}")

  local function main(job)
    local ok, kind, n, a, b = pcall(dispatch, RESUME, job.n, job.a, job.b)
    if not ok then
      local _
      ok, _, n, a, b = pcall(dispatch, DESCRIBE, tostring(kind))
      kind = FAILED
      if not ok then
        n, a, b = 0, 0, 0
      end
    end
    job.n, job.a, job.b = n, a, b
    job.kind = kind
  end
  ffi.metatype(record, { __call = main })
  local entry = ffi.cast(ffi.typeof("bool (*)($ *)", record), pcall)
  return tonumber(ffi.cast("uintptr_t", ffi.cast("void *", entry)))
end
