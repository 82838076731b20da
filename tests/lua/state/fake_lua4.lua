-- Stands in for a kernel that has lua(4): fake(t, body) runs body(path) with a file of a FUSE file system whose
-- ioctls reach a child process, which has the emulated device. NetBSD's requests have the form of Linux's, so that
-- the kernel copies their structs in and out as it would for a driver (ioctl(2), linux/fuse.h). What LUAINFO's
-- pointer leads to the child writes into the caller's memory, and one state more than there is room for, as NetBSD
-- does.

local ffi = require "ffi"
local S = require "callgate"

local ROOM = 65536

-- `asked` is a path that it makes a file at when the first ioctl has come.
local function serve(fuse, asked)
  local lua4 = require "callgate.lua4"
  local netbsd = require "callgate.bound.netbsd_lua"
  local device = lua4.open()
  local states_type = ffi.typeof("$[?]", ffi.typeof(netbsd.t.lua_state_info()))
  local info_pointer = ffi.typeof("$ *", ffi.typeof(netbsd.t.lua_info()))
  local request, out = S.t.buffer(ROOM), S.t.fuse_out_header()
  local IN, OUT = ffi.sizeof(S.t.fuse_in_header), ffi.sizeof(out)

  local function reply(unique, errno, payload)
    payload = payload or ""
    out.len, out.error, out.unique = OUT + #payload, -errno, unique
    fuse:write(ffi.string(out, OUT) .. payload)
  end
  local function bytes(record)
    return ffi.string(record, ffi.sizeof(record))
  end
  local function at(name, address)
    return ffi.cast(ffi.typeof("$ *", S.t[name]), address)
  end

  -- The list, into the memory of process `pid`.
  local function inform(pid, info)
    local theirs, room = info.states, info.num_states
    local states = ffi.new(states_type, room + 1)
    info.num_states, info.states = room + 1, states
    assert(device:ioctl(netbsd.LUAINFO, info))
    info.states = theirs
    local size = info.num_states * ffi.sizeof(netbsd.t.lua_state_info())
    if size > 0 then
      assert(S.process_vm_writev(pid, { ffi.string(states, size) }, theirs))
    end
    return 0
  end

  local actions = {}
  actions[S.FUSE_INIT] = function(header)
    local init = S.t.fuse_init_out()
    init.major, init.minor, init.max_write, init.time_gran = 7, 31, 4096, 1
    reply(header.unique, 0, bytes(init))
  end
  actions[S.FUSE_GETATTR] = function(header)
    local attributes = S.t.fuse_attr_out()
    attributes.attr.ino, attributes.attr.mode, attributes.attr.nlink = 1, S.S_IFREG + 384, 1 -- 0600
    reply(header.unique, 0, bytes(attributes))
  end
  actions[S.FUSE_OPEN] = function(header)
    reply(header.unique, 0, bytes(S.t.fuse_open_out()))
  end
  actions[S.FUSE_IOCTL] = function(header, body)
    assert(S.open(asked, "creat, wronly", "0600")):close()
    local call = at("fuse_ioctl_in", body)
    local size = call.in_size
    local argument = ffi.new("char[?]", size + 1)
    ffi.copy(argument, body + ffi.sizeof(S.t.fuse_ioctl_in), size)
    local info = ffi.cast(info_pointer, argument)
    local done, _, errno
    if call.cmd == netbsd.LUAINFO and info.states ~= nil then
      done = inform(header.pid, info)
    else
      done, _, errno = device:ioctl(call.cmd, ffi.cast("void *", argument))
    end
    if not done then
      return reply(header.unique, errno)
    end
    reply(header.unique, 0, bytes(S.t.fuse_ioctl_out()) .. ffi.string(argument, call.out_size))
  end
  for _, name in ipairs { "FLUSH", "RELEASE", "ACCESS" } do
    actions[S["FUSE_" .. name]] = function(header)
      reply(header.unique, 0)
    end
  end

  while true do
    local count, _, errno = fuse:read(request)
    if count then
      local address = ffi.cast("char *", request)
      local header = at("fuse_in_header", address)
      local action = actions[header.opcode]
      if action then
        action(header, address + IN)
      elseif header.opcode ~= S.FUSE_FORGET and header.opcode ~= S.FUSE_INTERRUPT then
        reply(header.unique, S.ENOSYS)
      end
    elseif errno ~= S.EINTR and errno ~= S.EAGAIN and errno ~= S.ENOENT then
      return -- ENODEV: unmounted
    end
  end
end

-- qemu-user knows the ioctls that it passes on.
local function skip_where_stopped(t, path, asked)
  local fd = assert(S.open(path, "rdwr"))
  local _, why, errno = fd:ioctl(0xC0506C02, S.t.buffer(80)) -- LUADESTROY of no state
  fd:close()
  if (errno == S.ENOTTY or errno == S.ENOSYS) and not S.stat(asked) then
    t.skip("no ioctl comes through: " .. why)
  end
end

-- In a namespace of mounts of its own; `t` skips where that or /dev/fuse is not allowed.
return function(t, body)
  t.child(S.geteuid() == 0 and "newns" or "newuser, newns", function()
    local fuse, why = S.open("/dev/fuse", "rdwr")
    if not fuse then
      t.skip("/dev/fuse: " .. why)
    end
    local path = t.write("lua", "")
    local mounted
    mounted, why = S.mount("lua", path, "fuse", "nosuid, nodev",
      ("fd=%d,rootmode=100600,user_id=%d,group_id=%d"):format(fuse.fd, S.geteuid(), S.getegid()))
    if not mounted then
      t.skip("mount of FUSE: " .. why)
    end
    S.prctl(S.PR_SET_PTRACER, -1) -- where Yama would keep a child out of its parent's memory
    local asked = t.path "asked"
    S.unlink(asked)
    local pid = assert(S.fork())
    if pid == 0 then
      local done, message = xpcall(serve, debug.traceback, fuse, asked)
      if not done then
        io.stderr:write(message, "\n")
      end
      S._exit(0)
    end
    fuse:close()
    local done, message = xpcall(function()
      skip_where_stopped(t, path, asked)
      body(path)
    end, function(message)
      return type(message) == "table" and message or debug.traceback(message) -- a skip stays one
    end)
    S.umount(path, "detach")
    S.kill(pid, "kill")
    S.waitpid(pid)
    if not done then
      error(message, 0)
    end
  end)
end
