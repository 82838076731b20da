-- Records whose members of 64 bits are addresses: these members take memory, a table that an array is made of, or
-- (what the kernel only reads) a string, and the record keeps it alive;
-- S.t.io_uring_files_update { offset = 2, fds = { fd, -1 } }. A descriptor stands for its number.

local ffi = require "ffi"

-- member -> what the elements of a table are
local MEMBERS = {
  fds = "int", tags = "uint64", data = "resources", ring_addr = "uint64", region_uptr = "uint64", user_addr = "uint64",
  start = "uint64", ["end"] = "uint64", vec = "page_region", vma_name_addr = "uint64", build_id_addr = "uint64",
  addr = "uint64", map_ids = "uint", xlated_prog_insns = "bpf_insn", btf = "data", name = "data",
}

local kept = setmetatable({}, { __mode = "k" }) -- record -> the memory that it points to

local takes = {}
for name in pairs(MEMBERS) do
  takes[name] = true
end

-- Of what a table of buffers or descriptors is an array.
local function element(kind, items)
  if kind ~= "resources" then
    return kind
  end
  local first = items[1]
  local descriptor = type(first) == "number" or require("callgate.fd").number(first)
  return descriptor and "int" or "iovec"
end

return {
  new = function(ctype, row)
    if type(row) ~= "table" or #row > 0 then
      return nil
    end
    local args = require "callgate.args"
    local self, memory = ffi.new(ctype), {}
    local name = tostring(ctype):match "(%w[%w_]*)>$":gsub("^callgate%d*_", "")
    for key, value in pairs(row) do
      if MEMBERS[key] then
        memory[#memory + 1] = value
        if type(value) == "table" then
          value = require("callgate.behaviour.arrays").make(element(MEMBERS[key], value), value, name, 1, key)
          memory[#memory + 1] = value
        end
        self[key] = (MEMBERS[key] == "data" and args.source or args.word)(value, name, 1, key)
      end
    end
    kept[self] = memory
    return self
  end,
  takes = takes,
}
