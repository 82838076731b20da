-- Sets of NUMA nodes from tables, and what the kernel tells of pages as tables.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"

local numa = {}

local fail = errors.fail
local cast = ffi.cast

local NODES = 1024 -- the most that any kernel is made for (CONFIG_NODES_SHIFT is at most 10)
local WORD = ffi.sizeof "unsigned long"
local MAXNODE = NODES + 1 -- the kernel takes one less (mm/mempolicy.c: get_nodes)
local mask_t = ffi.typeof(("unsigned long[%d]"):format(NODES / 8 / WORD))
local bytes_t = ffi.typeof "uint8_t *"
local BIG_ENDIAN = ffi.abi "be"

-- Where the bit of a node lies: words of the machine's byte order, bit 0 the lowest of the first.
local function place(node)
  local byte = bit.rshift(node, 3)
  if BIG_ENDIAN then
    byte = byte + WORD - 1 - 2 * (byte % WORD)
  end
  return byte, bit.lshift(1, bit.band(node, 7))
end

local function add(mask, node, call, position, label)
  if type(node) ~= "number" or node < 0 or node >= NODES or node % 1 ~= 0 then
    return args.expected(("a node from 0 to %d"):format(NODES - 1), node, call, position, label)
  end
  local byte, value = place(node)
  local bytes = cast(bytes_t, mask)
  bytes[byte] = bit.bor(bytes[byte], value)
end

-- A mask of { 0, 1 }, of 0, of "0-1, 3"; nil for nil.
local function to_mask(value, call, position, label)
  if value == nil then
    return nil
  end
  local mask = mask_t()
  if type(value) == "table" then
    for _, node in ipairs(value) do
      add(mask, node, call, position, label)
    end
  elseif type(value) == "string" then
    for part in value:gmatch "[^,%s]+" do
      local first, last = part:match "^(%d+)%-?(%d*)$"
      if not first then
        return args.expected('nodes such as { 0, 1 } or "0-1, 3"', value, call, position, label)
      end
      for node = tonumber(first), math.min(tonumber(last) or tonumber(first), NODES) do
        add(mask, node, call, position, label)
      end
    end
  elseif type(value) == "number" then
    add(mask, value, call, position, label)
  else
    return args.expected('nodes such as { 0, 1 } or "0-1, 3"', value, call, position, label)
  end
  return mask
end

local function to_list(mask)
  local list, bytes = {}, cast(bytes_t, mask)
  for node = 0, NODES - 1 do
    local byte, value = place(node)
    if bit.band(bytes[byte], value) ~= 0 then
      list[#list + 1] = node
    end
  end
  return list
end

-- S.set_mempolicy("interleave", { 0, 1 })
function numa.set_mempolicy()
  local raw = sys.set_mempolicy
  local group = flags.group "MPOL"
  return function(mode, nodes)
    mode = args.flags(mode, "set_mempolicy", 1, "mode", group)
    local mask = to_mask(nodes, "set_mempolicy", 2, "nodes")
    if raw(mode, mask, mask and MAXNODE or 0) == -1 then
      return fail()
    end
    return true
  end
end

-- S.get_mempolicy() -> mode, { nodes }; S.get_mempolicy(region, "node, addr") -> node
function numa.get_mempolicy()
  local raw = sys.get_mempolicy
  local group = flags.group "MPOL_F"
  local NODE, ADDR, ALLOWED = group.NODE, group.ADDR, group.MEMS_ALLOWED
  local policy = ffi.new "int[1]"
  return function(addr, options)
    local word = args.address(addr, "get_mempolicy", 1, "addr")
    options = args.flags(options, "get_mempolicy", 2, "flags", group)
    if addr ~= nil then
      options = bit.bor(options, ADDR)
    end
    local only_node = bit.band(options, NODE) ~= 0
    local mask = not only_node and mask_t() or nil
    if raw(bit.band(options, ALLOWED) == 0 and policy or nil, mask, mask and MAXNODE or 0, word, options) == -1 then
      return fail(addr)
    elseif only_node then
      return policy[0]
    end
    return bit.band(options, ALLOWED) == 0 and policy[0] or 0, to_list(mask)
  end
end

function numa.mbind()
  local raw = sys.mbind
  local MPOL, MPOL_MF = flags.group "MPOL", flags.group "MPOL_MF"
  return function(addr, length, mode, nodes, options)
    local word = args.address(addr, "mbind", 1, "addr")
    length = args.size(length, "mbind", 2, "length")
    mode = args.flags(mode, "mbind", 3, "mode", MPOL)
    local mask = to_mask(nodes, "mbind", 4, "nodes")
    options = args.flags(options, "mbind", 5, "flags", MPOL_MF)
    if raw(word, length, mode, mask, mask and MAXNODE or 0, options) == -1 then
      return fail(addr)
    end
    return true
  end
end

function numa.migrate_pages()
  local raw = sys.migrate_pages
  return function(pid, from, to)
    pid = args.int(pid, "migrate_pages", 1, "pid")
    local old = to_mask(from, "migrate_pages", 2, "from")
    local new = to_mask(to, "migrate_pages", 3, "to")
    local result = raw(pid, MAXNODE, old, new)
    if result == -1 then
      return fail()
    end
    return result
  end
end

-- S.move_pages(0, { region.addr, address }, { 0, 0 }) -> { 0, -14 }
function numa.move_pages()
  local raw = sys.move_pages
  local group = flags.group "MPOL_MF"
  return function(pid, pages, nodes, options)
    pid = args.int(pid, "move_pages", 1, "pid")
    if type(pages) ~= "table" then
      return args.expected("a table of addresses", pages, "move_pages", 2, "pages")
    elseif nodes ~= nil and (type(nodes) ~= "table" or #nodes ~= #pages) then
      return args.expected(("a table of %d nodes"):format(#pages), nodes, "move_pages", 3, "nodes")
    end
    options = args.flags(options, "move_pages", 4, "flags", group)
    local count = #pages
    local places, wanted = ffi.new("uintptr_t[?]", count), nodes and ffi.new("int[?]", count)
    local status = ffi.new("int[?]", count)
    for i = 1, count do
      places[i - 1] = cast("uintptr_t", args.address(pages[i], "move_pages", 2, ("pages[%d]"):format(i)))
      if nodes then
        wanted[i - 1] = args.int(nodes[i], "move_pages", 3, ("nodes[%d]"):format(i))
      end
    end
    if raw(pid, count, cast("void *", places), wanted, status, options) == -1 then
      return fail(pages)
    end
    local list = {}
    for i = 1, count do
      list[i] = status[i - 1]
    end
    return list
  end
end

return numa
