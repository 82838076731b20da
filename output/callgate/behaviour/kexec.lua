-- kexec_load and kexec_file_load: segments from tables, text with its length.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local kexec = {}

local MOST = 16 -- linux/kexec.h: KEXEC_SEGMENT_MAX

-- S.kexec_load(entry, { { data, address, size }, ... }); the size in memory is by default that of the data.
function kexec.kexec_load()
  local raw = sys.kexec_load
  local group = flags.group "KEXEC"
  return function(entry, segments, options)
    entry = args.address(entry, "kexec_load", 1, "entry")
    segments = segments == nil and {} or segments
    if type(segments) ~= "table" or #segments > MOST then
      return args.expected("a table of at most 16 segments { data, address, size }", segments, "kexec_load", 2,
        "segments")
    end
    options = args.flags(options, "kexec_load", 3, "flags", group)
    local count = #segments
    local array = ffi.new(ffi.typeof("$[?]", types.t.kexec_segment), count)
    for i = 1, count do
      local label, row = ("segments[%d]"):format(i), segments[i]
      if type(row) ~= "table" then
        return args.expected("a table { data, address, size }", row, "kexec_load", 2, label)
      end
      local data = args.data(row[1], "kexec_load", 2, label .. "[1]")
      local length = args.length(nil, "kexec_load", 2, label .. "[1]", data)
      array[i - 1].buf, array[i - 1].bufsz = ffi.cast("const void *", data), length
      array[i - 1].mem = ffi.cast("void *", args.address(row[2], "kexec_load", 2, label .. "[2]"))
      array[i - 1].memsz = row[3] == nil and length or args.size(row[3], "kexec_load", 2, label .. "[3]")
    end
    if raw(entry, count, array, options) == -1 then
      return errors.fail(segments)
    end
    return true
  end
end

-- S.kexec_file_load(kernel, initrd, "console=ttyS0")
function kexec.kexec_file_load()
  local raw = sys.kexec_file_load
  local group = flags.group "KEXEC_FILE"
  return function(kernel, initrd, cmdline, options)
    local kernel_number = args.fd(kernel, "kexec_file_load", 1, "kernel")
    options = args.flags(options, "kexec_file_load", 4, "flags", group)
    local initrd_number = -1
    if initrd == nil then
      options = flags.either(options, group.NO_INITRAMFS)
    else
      initrd_number = args.fd(initrd, "kexec_file_load", 2, "initrd")
    end
    cmdline = cmdline == nil and "" or cmdline
    if type(cmdline) ~= "string" then
      return args.expected("a string", cmdline, "kexec_file_load", 3, "cmdline")
    end
    cmdline = args.string(cmdline, "kexec_file_load", 3, "cmdline")
    if raw(kernel_number, initrd_number, #cmdline + 1, cmdline, options) == -1 then -- its length counts the zero byte
      return errors.fail()
    end
    return true
  end
end

return kexec
