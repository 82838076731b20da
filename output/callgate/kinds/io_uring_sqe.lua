-- What a ring is to do: S.t.io_uring_sqe { "read", fd = fd, addr = buffer, len = 100, off = 0, user_data = 7 }, with
-- flags = "io_link" and the flags of its operation by name. Members that are addresses take memory, which must live
-- until the completion; of what is read, written, sent and received the length is the buffer's by default.

local ffi = require "ffi"

local GROUPS = {
  flags = "IOSQE", rw_flags = "RWF", fsync_flags = "IORING_FSYNC", poll_events = "POLL", msg_flags = "MSG",
  timeout_flags = "IORING_TIMEOUT", accept_flags = "SOCK", cancel_flags = "IORING_ASYNC_CANCEL", open_flags = "O",
  statx_flags = "AT", fadvise_advice = "POSIX_FADV", splice_flags = "SPLICE_F", rename_flags = "RENAME",
  unlink_flags = "AT", hardlink_flags = "AT", xattr_flags = "XATTR", futex_flags = "FUTEX2",
  msg_ring_flags = "IORING_MSG_RING", nop_flags = "IORING_NOP", pipe_flags = "O",
}
local ADDRESSES = { addr = true, addr2 = true, addr3 = true, off = true, optval = true, splice_off_in = true }
local SIZED = { read = true, write = true, send = true, recv = true, read_fixed = true, write_fixed = true }
local DESCRIPTORS = { fd = true, splice_fd_in = true }

local takes = { opcode = true }
for _, names in ipairs { GROUPS, ADDRESSES, DESCRIPTORS } do
  for name in pairs(names) do
    takes[name] = true
  end
end

-- Operations that only read what these members point to: a string is good enough there.
local SOURCES = {
  write = { "addr" }, write_fixed = { "addr" }, send = { "addr", "addr2" }, send_zc = { "addr", "addr2" },
  openat = { "addr" }, openat2 = { "addr" }, statx = { "addr" }, unlinkat = { "addr" }, mkdirat = { "addr" },
  renameat = { "addr", "addr2" }, symlinkat = { "addr", "addr2" }, linkat = { "addr", "addr2" },
  setxattr = { "addr", "addr2", "addr3" }, fsetxattr = { "addr", "addr2" },
  getxattr = { "addr", "addr3" }, fgetxattr = { "addr" },
}

local sources -- operation's number -> members

local function converter_of(args, group, code, name)
  if not sources then
    sources = {}
    for operation, members in pairs(SOURCES) do
      local number = group[operation:upper()]
      for _, member in ipairs(number and members or {}) do
        sources[number] = sources[number] or {}
        sources[number][member] = true
      end
    end
  end
  return sources[code] and sources[code][name] and args.source or args.word
end

local function length_of(value)
  return type(value) == "string" and #value or require("callgate.memory").size(value) or nil
end

local function opcodes()
  return require("callgate.flags").c.IORING_OP
end

return {
  new = function(ctype, row)
    if type(row) ~= "table" then
      return nil
    end
    local args, c = require "callgate.args", require("callgate.flags").c
    local self = ffi.new(ctype)
    local operation = row.opcode or row[1]
    if operation ~= nil then
      self.opcode = args.choice(operation, "io_uring_sqe", 1, "opcode", opcodes())
    end
    for name, value in pairs(row) do
      if GROUPS[name] then
        self[name] = c[GROUPS[name]](value)
      elseif ADDRESSES[name] then
        self[name] = converter_of(args, opcodes(), self.opcode, name)(value, "io_uring_sqe", 1, name)
      elseif DESCRIPTORS[name] then
        self[name] = value == "fdcwd" and -100 or args.fd(value, "io_uring_sqe", 1, name) -- AT_FDCWD
      end
    end
    if row.len == nil and type(operation) == "string" and SIZED[operation:lower():gsub("^ioring_op_", "")] then
      self.len = length_of(row.addr) or 0
    end
    return self
  end,
  takes = takes,
  index = {
    -- The operation's name.
    operation = function(self)
      for name, number in pairs(require("callgate.constants").group "IORING_OP") do
        if number == self.opcode then
          return name:sub(#"IORING_OP_" + 1):lower()
        end
      end
    end,
  },
}
