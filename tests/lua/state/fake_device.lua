-- Stands in for /dev/lunatik where no kernel has it: fake_device.NAME(body) runs body(path) with such a file,
-- served by a child process. What the device does is as Lunatik's driver does it: a written chunk runs at
-- once, one result is kept as text for all, a read takes it away.
--
--   fuse   a file of a FUSE file system: every read(2) and write(2) reaches the child as the device's would
--   pty    a terminal: chunks of one line only, and answers come by themselves; needs no rights

local ffi = require "ffi"
local S = require "callgate"

local fake = {}

-- Lunatik's runner, of scripts that only have names.
local function new_runner()
  local runtimes, threads = {}, {}
  local runner = {}
  function runner.run(script, context)
    if runtimes[script] then
      error(("%s is already running"):format(script))
    elseif script:find "^missing" then
      error(("cannot open %s.lua"):format(script))
    end
    runtimes[script] = context == nil and "process" or context
    return runtimes
  end
  function runner.spawn(script, context)
    runner.run(script, context)
    threads[script] = true
    return threads
  end
  function runner.stop(script)
    threads[script], runtimes[script] = nil, nil
  end
  function runner.list()
    local list = {}
    for script in pairs(runtimes) do
      list[#list + 1] = script
    end
    return table.concat(list, ", ")
  end
  function runner.context(script)
    return runtimes[script]
  end
  return runner
end

-- Of the whole process: chunks that load others give them the globals of the state, as in the kernel.
local function new_driver()
  local driver, real = {}, require
  local loaded = { ["lunatik.runner"] = new_runner() }
  _G._LUNATIK_VERSION = "Lunatik (fake)"
  function _G.require(name)
    return loaded[name] or real(name)
  end
  function driver.write(text)
    local chunk, message = load(text)
    if chunk then
      local results = { pcall(chunk) }
      driver.result = select("#", unpack(results, 2)) > 0 and tostring(results[2]) or ""
    else
      driver.result = message
    end
  end
  function driver.read()
    local text = driver.result
    driver.result = nil
    return text or ""
  end
  return driver
end

-- --- FUSE (linux/fuse.h) -----------------------------------------------------------------------------

local LARGEST = 2 ^ 20

local function serve_fuse(device)
  local driver = new_driver()
  local IN, OUT = ffi.sizeof(S.t.fuse_in_header), ffi.sizeof(S.t.fuse_out_header)
  local request = S.t.buffer(LARGEST + 4096)
  local out = S.t.fuse_out_header()
  local function reply(unique, errno, payload)
    payload = payload or ""
    out.len, out.error, out.unique = OUT + #payload, -errno, unique
    device:write(ffi.string(out, OUT) .. payload)
  end
  local function bytes(record)
    return ffi.string(record, ffi.sizeof(record))
  end
  while true do
    local count, _, errno = device:read(request)
    if not count then
      if errno ~= S.EINTR and errno ~= S.EAGAIN and errno ~= S.ENOENT then
        return -- ENODEV: unmounted
      end
    else
      local address = ffi.cast("char *", request)
      local header = ffi.cast(ffi.typeof("$ *", S.t.fuse_in_header), address)
      local opcode, unique, body = header.opcode, header.unique, address + IN
      if opcode == S.FUSE_INIT then
        local init = S.t.fuse_init_out()
        init.major, init.minor, init.flags = 7, 31, S.FUSE_BIG_WRITES + S.FUSE_MAX_PAGES
        init.max_write, init.max_pages, init.time_gran = LARGEST, LARGEST / 4096, 1
        reply(unique, 0, bytes(init))
      elseif opcode == S.FUSE_GETATTR or opcode == S.FUSE_SETATTR then
        local attributes = S.t.fuse_attr_out()
        attributes.attr.ino, attributes.attr.mode, attributes.attr.nlink = 1, S.S_IFREG + 384, 1 -- 0600
        reply(unique, 0, bytes(attributes))
      elseif opcode == S.FUSE_OPEN then
        local open = S.t.fuse_open_out()
        open.open_flags = S.FOPEN_DIRECT_IO + S.FOPEN_NONSEEKABLE
        reply(unique, 0, bytes(open))
      elseif opcode == S.FUSE_READ then
        local size = ffi.cast(ffi.typeof("$ *", S.t.fuse_read_in), body).size
        reply(unique, 0, driver.read():sub(1, size))
      elseif opcode == S.FUSE_WRITE then
        local write = ffi.cast(ffi.typeof("$ *", S.t.fuse_write_in), body)
        driver.write(ffi.string(body + ffi.sizeof(S.t.fuse_write_in), write.size))
        local written = S.t.fuse_write_out()
        written.size = write.size
        reply(unique, 0, bytes(written))
      elseif opcode == S.FUSE_FLUSH or opcode == S.FUSE_RELEASE or opcode == S.FUSE_ACCESS then
        reply(unique, 0)
      elseif opcode ~= S.FUSE_FORGET and opcode ~= S.FUSE_INTERRUPT then
        reply(unique, S.ENOSYS)
      end
    end
  end
end

-- Runs `serve` in a child process.
local function start(serve)
  local pid = assert(S.fork())
  if pid == 0 then
    pcall(serve)
    S._exit(0)
  end
  return pid
end

-- In a namespace of mounts of its own; `t` skips where that or /dev/fuse is not allowed, and where the kernel
-- speaks FUSE in another byte order, since this program is emulated.
function fake.fuse(t, body)
  local order = io.open "/sys/kernel/cpu_byteorder"
  if order then
    local kernel = order:read "*l"
    order:close()
    if (kernel == "big") ~= ffi.abi "be" then
      t.skip("FUSE: the kernel's byte order is " .. kernel)
    end
  end
  t.child(S.geteuid() == 0 and "newns" or "newuser, newns", function()
    local device, why = S.open("/dev/fuse", "rdwr")
    if not device then
      t.skip("/dev/fuse: " .. why)
    end
    local path = t.write("lunatik", "")
    local ok
    ok, why = S.mount("lunatik", path, "fuse", "nosuid, nodev",
      ("fd=%d,rootmode=100600,user_id=%d,group_id=%d"):format(device.fd, S.geteuid(), S.getegid()))
    if not ok then
      t.skip("mount of FUSE: " .. why)
    end
    local pid = start(function() serve_fuse(device) end)
    device:close()
    local done, message = xpcall(body, debug.traceback, path)
    S.umount(path, "detach")
    S.kill(pid, "kill")
    S.waitpid(pid)
    assert(done, message)
  end)
end

local function serve_pty(master)
  local driver, text = new_driver(), ""
  while true do
    local piece = assert(master:read(nil, 65536))
    text = text .. piece
    local line, rest = text:match "^(.-)\n(.*)$"
    if line then
      text = rest
      driver.write(line)
      master:write(driver.read())
    end
  end
end

function fake.pty(t, body)
  local master, terminal = S.openpty()
  if not master then
    t.skip("openpty: " .. terminal)
  end
  local tio = assert(terminal:tcgetattr())
  assert(terminal:tcsetattr("now", tio:makeraw()))
  local path = assert(S.ptsname(master))
  local pid = start(function()
    terminal:close()
    serve_pty(master)
  end)
  master:close()
  local done, message = xpcall(body, debug.traceback, path)
  S.kill(pid, "kill")
  S.waitpid(pid)
  terminal:close()
  assert(done, message)
end

return fake
