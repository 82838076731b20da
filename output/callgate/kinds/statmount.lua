-- What statmount tells of a mount: m.point, m.root, m.type ("tmpfs"), m.source, m.options, m.id, m.parent,
-- m.attributes, m.propagation ("private")... What the kernel did not tell is nil.

local ffi = require "ffi"
local bit = require "bit"
local exact = require "callgate.kinds.exact"
local room = require "callgate.kinds.room"

-- linux/mount.h: STATMOUNT_*
local SB_BASIC, MNT_BASIC, PROPAGATE_FROM, MNT_ROOT, MNT_POINT, FS_TYPE, NS_ID, OPTIONS = 1, 2, 4, 8, 16, 32, 64, 128
local SUBTYPE, SOURCE, OPT_ARRAY, OPT_SEC_ARRAY, SUPPORTED, UIDMAP, GIDMAP = 256, 512, 1024, 2048, 4096, 8192, 16384

local function told(self, mask)
  return bit.band(tonumber(self.mask), mask) ~= 0
end

local function number(mask, field)
  return function(self)
    if told(self, mask) then
      return exact(self[field])
    end
  end
end

-- The string at an offset after the record; nil: beyond its end.
local function string_at(self, offset)
  local most = room(self, self.str) - offset
  if most == math.huge then
    return ffi.string(self.str + offset)
  elseif most > 0 then
    return ffi.string(self.str + offset, most):match "^[^%z]*"
  end
end

local function text(mask, field)
  return function(self)
    if told(self, mask) then
      return string_at(self, self[field])
    end
  end
end

-- Strings one after the other.
local function list(mask, field, count)
  return function(self)
    if not told(self, mask) then
      return nil
    end
    local out, at = {}, self[field]
    for i = 1, self[count] do
      local item = string_at(self, at)
      if not item then
        break
      end
      out[i], at = item, at + #item + 1
    end
    return out
  end
end

-- linux/mount.h: MS_*
local PROPAGATION = { [131072] = "unbindable", [262144] = "private", [524288] = "slave", [1048576] = "shared" }

local index = {
  dev_major = number(SB_BASIC, "sb_dev_major"),
  dev_minor = number(SB_BASIC, "sb_dev_minor"),
  magic = number(SB_BASIC, "sb_magic"),
  flags = number(SB_BASIC, "sb_flags"),
  id = number(MNT_BASIC, "mnt_id"),
  parent = number(MNT_BASIC, "mnt_parent_id"),
  old_id = number(MNT_BASIC, "mnt_id_old"),
  old_parent = number(MNT_BASIC, "mnt_parent_id_old"),
  attributes = number(MNT_BASIC, "mnt_attr"),
  peer_group = number(MNT_BASIC, "mnt_peer_group"),
  master = number(MNT_BASIC, "mnt_master"),
  propagated_from = number(PROPAGATE_FROM, "propagate_from"),
  ns = number(NS_ID, "mnt_ns_id"),
  supported = number(SUPPORTED, "supported_mask"),
  root = text(MNT_ROOT, "mnt_root"),
  point = text(MNT_POINT, "mnt_point"),
  type = text(FS_TYPE, "fs_type"),
  subtype = text(SUBTYPE, "fs_subtype"),
  source = text(SOURCE, "sb_source"),
  options = text(OPTIONS, "mnt_opts"),
  option_list = list(OPT_ARRAY, "opt_array", "opt_num"),
  security_options = list(OPT_SEC_ARRAY, "opt_sec_array", "opt_sec_num"),
  uidmap = list(UIDMAP, "mnt_uidmap", "mnt_uidmap_num"),
  gidmap = list(GIDMAP, "mnt_gidmap", "mnt_gidmap_num"),
}

-- "shared", "slave", or both for a mount that receives and passes on
function index.propagation(self)
  if not told(self, MNT_BASIC) then
    return nil
  end
  local names = {}
  for mask, name in pairs(PROPAGATION) do
    if bit.band(tonumber(self.mnt_propagation), mask) ~= 0 then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

return {
  index = index,
  tostring = function(self)
    local names, parts = {}, {}
    for name in pairs(index) do
      names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
      local value = index[name](self)
      if type(value) == "string" then
        parts[#parts + 1] = ("%s = %q"):format(name, value)
      elseif type(value) == "number" then
        parts[#parts + 1] = ("%s = %.0f"):format(name, value)
      end
    end
    return ("statmount { %s }"):format(table.concat(parts, ", "))
  end,
}
