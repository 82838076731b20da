-- A filter: S.t.sock_fprog { { "ld, w, abs", 0 }, { "ret", 0 } }, from instructions or what makes them. It
-- keeps its instructions alive.

local ffi = require "ffi"
local errors = require "callgate.errors"

local MOST = 4096 -- linux/bpf_common.h, BPF_MAXINSNS; the kernel's count has 16 bits

local instructions = setmetatable({}, { __mode = "k" }) -- program -> its array

local function instruction(row, make, place)
  if type(row) ~= "table" and not ffi.istype(make, row) then
    error(('%s: expected an instruction such as { "ret, k", 0 }, got %s'):format(place, errors.got(row)), 0)
  end
  local ok, made = pcall(make, row)
  if not ok then
    error(("%s: %s"):format(place, (errors.plain(made):gsub("^sock_filter: ", ""))), 0)
  end
  return made
end

return {
  new = function(ctype, rows)
    if type(rows) ~= "table" or rows.filter ~= nil or rows.len ~= nil then
      return nil
    end
    local t, count = require("callgate.types").t, math.floor(table.maxn(rows))
    for key in pairs(rows) do
      if type(key) ~= "number" or key % 1 ~= 0 or key < 1 then
        error(('unknown field "%s"; there are instructions alone, or len and filter'):format(tostring(key)), 0)
      end
    end
    if count > MOST then
      error(("filter: %d instructions; the kernel takes %d"):format(count, MOST), 0)
    end
    local made = {}
    for i = 1, count do
      made[i] = instruction(rows[i], t.sock_filter, ("filter[%d]"):format(i))
    end
    local array = t.array("sock_filter", made)
    local self = ffi.new(ctype, count, array)
    instructions[self] = array
    return self
  end,
}
