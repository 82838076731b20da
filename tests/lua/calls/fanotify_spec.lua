local t = ...

local ffi = require "ffi"
local bit = require "bit"
local S = require "callgate"

-- A watcher, or a skip where this kernel or its caller has none.
local function watcher(flags, event_flags)
  local f, message, errno = S.fanotify_init(flags, event_flags)
  if errno == S.ENOSYS or errno == S.EPERM then
    t.skip "fanotify is not allowed here"
  elseif errno == S.EINVAL then
    t.skip(("fanotify_init(%q) is not in this kernel"):format(flags))
  end
  return t.ok(f, message)
end

-- Marks, or skips where the file system of the scratch folder gives no handles.
local function mark(f, ...)
  local ok, message, errno = f:mark(...)
  if errno == S.ENODEV or errno == S.EOPNOTSUPP or errno == S.EXDEV then
    t.skip "the file system of the scratch folder gives no handles"
  end
  t.ok(ok, message)
end

local function folder(name)
  local path = t.path(name)
  t.ok(S.mkdir(path))
  return path
end

local function write(path, text)
  local fd = t.ok(S.open(path, "creat, wronly", "0600"))
  t.ok(fd:write(text))
  t.ok(fd:close())
end

t.describe("fanotify", function()
  t.it("tells who did what to which file, and hands over a descriptor of it", function()
    local path = folder "watched"
    local f = watcher("class_notif, nonblock", "rdonly")
    t.matches(tostring(f), "^fanotify %d+$")
    t.equal(f:fcntl "getfd", S.FD_CLOEXEC)
    t.equal(f:mark("add", "close_write, event_on_child", nil, path), true)
    t.fails("EAGAIN", f:read())
    write(path .. "/file", "content")
    local seen = {}
    for event in t.ok(f:read()) do
      seen[#seen + 1] = event
    end
    t.equal(#seen, 1)
    local event = seen[1]
    t.equal(event.pid, S.getpid())
    t.equal(event.close_write, true)
    t.equal(event.close, true)
    t.equal(event.open, false)
    t.equal(event.name, nil)
    t.equal(event.handle, nil)
    t.equal(S.readlink("/proc/self/fd/" .. event.fd.fd), path .. "/file")
    t.equal(event.fd:read(), "content")
    t.equal(event.fd:fcntl "getfd", S.FD_CLOEXEC)
    t.equal(tostring(event), "fanotify event { close_write }")
    t.raises('a fanotify event has no field "closed"', function() return event.closed end)
    t.equal(f:mark("remove", "close_write, event_on_child", nil, path), true)
    t.fails("ENOENT", f:mark("remove", "close_write", nil, path))
    t.equal(f:mark("flush"), true)
  end)

  t.it("owns the descriptors of events that a loop has not come to", function()
    local path = folder "abandoned"
    local f = watcher("nonblock", "rdonly")
    t.ok(f:mark("add", "close_write, event_on_child", nil, path))
    local function open_files()
      local count = 0
      for _ in t.ok(S.dir "/proc/self/fd") do
        count = count + 1
      end
      return count
    end
    collectgarbage()
    collectgarbage()
    local before = open_files()
    for i = 1, 10 do
      write(path .. "/" .. i, "x")
    end
    local events = t.ok(f:read())
    t.equal(events().fd:close(), true)
    t.equal(open_files(), before + 9)
    events = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    t.equal(open_files(), before)
  end)

  t.it("names directories and files by handles", function()
    local path = folder "named"
    local f = watcher("report_dir_fid, report_name, report_fid, nonblock", nil)
    mark(f, "add, onlydir", "create, delete, move, ondir", nil, path)
    write(path .. "/one", "x")
    t.ok(S.rename(path .. "/one", path .. "/two"))
    t.ok(S.mkdir(path .. "/three"))
    local list = {}
    local handle = t.ok(S.name_to_handle_at(nil, path))
    for event in t.ok(f:read()) do
      for _, kind in ipairs { "create", "moved_from", "moved_to", "ondir" } do
        list[#list + 1] = event[kind] and kind .. " " .. event.name or nil
      end
      t.equal(event.fd, nil)
      t.equal(event.dir.bytes, handle.bytes)
      t.equal(event.dir.type, handle.type)
      local st = t.ok(S.statfs(path))
      t.same(event.fsid, { st.f_fsid.val[0], st.f_fsid.val[1] })
    end
    table.sort(list)
    t.same(list, { "create one", "create three", "moved_from one", "moved_to two", "ondir three" })
  end)

  t.it("tells both names of a rename", function()
    local path = folder "renamed"
    local f = watcher("report_dfid_name_target, nonblock", nil)
    mark(f, "add", "rename", nil, path)
    write(path .. "/before", "x")
    t.ok(S.rename(path .. "/before", path .. "/after"))
    local event = t.ok(f:read())()
    t.equal(event.rename, true)
    t.equal(event.old_name, "before")
    t.equal(event.new_name, "after")
    t.equal(event.old_dir.bytes, event.new_dir.bytes)
    t.equal(event.handle.bytes, S.name_to_handle_at(nil, path .. "/after").bytes)
  end)

  t.it("gives a descriptor of the process that did it", function()
    local path = folder "processes"
    local f = watcher("report_pidfd, nonblock", "rdonly")
    t.ok(f:mark("add", "close_write, event_on_child", nil, path))
    write(path .. "/file", "x")
    local event = t.ok(f:read())()
    t.equal(event.pidfd:fcntl "getfd", S.FD_CLOEXEC)
    local text = t.ok(io.open("/proc/self/fdinfo/" .. event.pidfd.fd)):read "*a"
    t.equal(tonumber(text:match "Pid:%s*(%d+)"), S.getpid())
  end)

  t.it("asks before a file is opened, and refuses or allows it", function()
    local path = folder "guarded"
    write(path .. "/file", "secret")
    local f = watcher("class_content", "rdonly")
    local ok, _, errno = f:mark("add", "open_perm, event_on_child", nil, path)
    if errno == S.EINVAL then
      t.skip "the kernel has no permission events"
    end
    t.ok(ok)
    local pid = t.ok(S.fork())
    if pid == 0 then
      local first, _, number = S.open(path .. "/file", "rdonly")
      local second = S.open(path .. "/file", "rdonly")
      S._exit(not first and number == S.EPERM and second and second:read() == "secret" and 0 or 1)
    end
    for i = 1, 2 do
      local event = t.ok(f:read())()
      t.equal(event.open_perm, true)
      t.equal(event.pid, pid)
      t.ok(f:respond(i == 1 and event or event.fd, i == 1 and "deny" or "allow"))
      t.ok(event.fd:close())
    end
    local _, status = t.ok(S.waitpid(pid))
    t.equal(status.exitstatus, 0)
    t.fails("ENOENT", f:respond(1000, "allow"))
  end)

  t.it("watches whole mounts, in namespaces of one's own too", function()
    local path = folder "mounted"
    t.child("newns", function()
      t.ok(S.mount("x", path, "tmpfs"))
      local f = watcher("nonblock", "rdonly")
      t.ok(f:mark("add, mount", "open", nil, path))
      t.ok(S.mkdir(path .. "/deep"))
      write(path .. "/deep/file", "x")
      local events = 0
      for event in t.ok(f:read()) do
        t.equal(event.open, true)
        events = events + 1
      end
      t.equal(events, 1)
      local m = S.fanotify_init("report_mnt, nonblock")
      if m then -- Linux 6.14
        local ns = t.ok(S.open("/proc/self/ns/mnt", "rdonly"))
        t.ok(m:mark("add, mntns", "mnt_attach, mnt_detach", ns))
        t.ok(S.mount("y", path .. "/deep", "tmpfs"))
        local id = S.statx(nil, path .. "/deep", nil, "mnt_id_unique").mnt_id
        local event = t.ok(m:read())()
        t.equal(event.mnt_attach, true)
        t.equal(event.mount, id)
      end
    end)
  end)

  t.it("reads into a buffer like any descriptor, and says what is misused", function()
    local path = folder "raw"
    local f = watcher("nonblock", "rdonly")
    t.ok(f:mark("add", "open, ondir", nil, path))
    t.ok(t.ok(S.open(path, "directory")):close())
    t.fails("EINVAL", f:read(8)) -- too small for an event
    local buffer = ffi.new "uint8_t[4096]"
    local length = t.ok(f:read(buffer, 4096))
    local head = ffi.cast(ffi.typeof("$ *", S.t.fanotify_event_metadata), buffer)
    t.equal(head.event_len, length)
    t.equal(head.vers, S.FANOTIFY_METADATA_VERSION)
    t.ok(bit.band(tonumber(head.mask), S.FAN_OPEN) ~= 0)
    t.ok(S.close(head.fd))
    local unknown = 'fanotify_mark: argument 2 (flags): unknown name "ad" for FAN_MARK_*; did you mean "add"?'
    t.raises(unknown, f.mark, f, "ad")
    t.raises('fanotify_mark: argument 3 (mask): unknown name "opens" for FAN_*; did you mean "open"?', f.mark, f, "add",
      "opens")
    local bad = 'fanotify_respond: argument 2 (event): expected a descriptor, its number, or "stdin", "stdout" or '
      .. '"stderr", got nil'
    t.raises(bad, f.respond, f)
    t.fails("ENOENT", f:mark("add", "open", nil, path .. "/none"))
  end)
end)
