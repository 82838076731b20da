-- name_to_handle_at, which fills in a handle and tells the mount.

local ffi = require "ffi"
local bit = require "bit"
local args = require "callgate.args"
local errors = require "callgate.errors"
local exact = require "callgate.kinds.exact"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local handles = {}

local MAX_HANDLE_SZ = 128 -- include/linux/exportfs.h of the kernel

-- S.name_to_handle_at(dirfd, path) -> handle, number of the mount: as in /proc/self/mountinfo, or with
-- "handle_mnt_id_unique" as statmount takes it.
function handles.name_to_handle_at()
  local raw = sys.name_to_handle_at
  local AT = flags.group "AT"
  local unique = AT.HANDLE_MNT_ID_UNIQUE or 0 -- Linux 6.12
  local handle_t = types.t.file_handle
  local narrow_t, wide_t = ffi.typeof "int[1]", ffi.typeof "uint64_t[1]"
  return function(dirfd, path, options, handle)
    local dirfd_number = args.dirfd(dirfd, "name_to_handle_at", 1, "dirfd")
    path = args.path(path, "name_to_handle_at", 2, "path")
    options = args.flags(options, "name_to_handle_at", 3, "flags", AT)
    if handle == nil then
      handle = handle_t(MAX_HANDLE_SZ, { handle_bytes = MAX_HANDLE_SZ })
    else
      handle = args.out(handle, "name_to_handle_at", 4, "handle", handle_t)
    end
    local mount = bit.band(options, unique) ~= 0 and wide_t() or narrow_t()
    if raw(dirfd_number, path, handle, mount, options) == -1 then
      return errors.fail()
    end
    return handle, exact(mount[0])
  end
end

return handles
