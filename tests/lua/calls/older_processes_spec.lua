-- Calls on processes, users, signals and time that newer ones replaced, as S.syscall.NAME; see older_spec.lua.

local t = ...

local ffi = require "ffi"
local S = require "callgate"

local call = t.call

t.describe("older calls on processes", function()
  call("fork", function(fork)
    local pid = t.ok(fork())
    if pid == 0 then
      S._exit(7)
    end
    local _, status = S.waitpid(pid)
    t.equal(status.exitstatus, 7)
  end)

  call("exit", function(exit)
    local pid = t.ok(S.fork())
    if pid == 0 then
      exit(9)
    end
    local _, status = S.waitpid(pid)
    t.equal(status.exitstatus, 9)
  end)

  call("waitpid", function(waitpid)
    t.fails("ECHILD", waitpid(S.getpid(), nil, 0))
    local pid, status = t.ok(S.fork()), ffi.new "int[1]"
    if pid == 0 then
      S._exit(3)
    end
    t.equal(waitpid(pid, status, 0), pid)
    t.equal(status[0], 3 * 256)
  end)

  call("getpgrp", function(getpgrp)
    t.equal(getpgrp(), S.syscall.getpgid(0))
  end)

  call("nice", function(nice)
    t.ok(t.ok(nice(0)) >= 0)
  end)

  for _, name in ipairs { "getrlimit", "ugetrlimit" } do
    call(name, function(getrlimit)
      local limit = ffi.new "unsigned long[2]"
      t.equal(getrlimit(S.RLIMIT_NOFILE, limit), 0)
      t.ok(limit[0] > 0 and limit[0] <= limit[1])
    end)
  end

  call("setrlimit", function(setrlimit)
    t.child(nil, function()
      local limit = ffi.new("unsigned long[2]", 32, 32)
      assert(setrlimit(S.RLIMIT_NOFILE, limit) == 0)
      assert(tonumber(S.getrlimit("nofile").cur) == 32)
    end)
  end)

  call("setdomainname", function(setdomainname)
    t.child("newuts", function()
      assert(setdomainname("callgate.test", 13))
      assert(S.uname().domainname == "callgate.test")
    end)
  end)

  for _, name in ipairs { "uname", "olduname", "oldolduname", "unused59", "unused109" } do -- the last are mips' names
    call(name, function(uname)
      local names = ffi.new "char[512]"
      t.equal(uname(names), 0)
      t.equal(ffi.string(names), "Linux")
    end)
  end
end)

t.describe("older calls on users", function()
  for _, name in ipairs { "getuid", "geteuid", "getgid", "getegid" } do
    for _, suffix in ipairs { "", "32" } do
      call(name .. suffix, function(get)
        t.equal(get(), S[name]())
      end)
    end
  end

  -- Of ids of 16 bits there is a call for each; own ids may always be set.
  for _, suffix in ipairs { "", "32" } do
    for _, name in ipairs {
      "setuid", "setgid", "setfsuid", "setfsgid", "setreuid", "setregid", "setresuid", "setresgid",
    } do
      call(name .. suffix, function(set)
        t.child(nil, function()
          local id = name:find "gid" and S.getgid() or S.getuid()
          local more = name:find "setres" and { id, id, id } or name:find "setre" and { id, id } or { id }
          local result = assert(set(unpack(more)))
          assert(result == (name:find "setfs" and id or 0))
        end)
      end)
    end

    for _, name in ipairs { "getresuid", "getresgid" } do
      call(name .. suffix, function(get)
        local ids = ffi.new("uint32_t[3]", 99, 99, 99)
        t.equal(get(ids, ids + 1, ids + 2), 0)
        t.ok(ids[0] == (name == "getresuid" and S.getuid() or S.getgid()) or suffix == "" and ids[0] ~= 99)
      end)
    end

    call("getgroups" .. suffix, function(getgroups)
      t.equal(getgroups(0, nil), #S.getgroups())
    end)

    call("setgroups" .. suffix, function(setgroups)
      t.child(nil, function()
        local _, message, errno = setgroups(0, nil)
        assert(errno == nil or errno == S.EPERM, message)
      end)
    end)
  end
end)

t.describe("older calls on signals", function()
  call("sgetmask", function(sgetmask)
    t.equal(sgetmask(), 0)
  end)

  call("ssetmask", function(ssetmask)
    t.child(nil, function()
      assert(ssetmask(4) == 0)
      assert(S.sigprocmask():has "quit" and not S.sigprocmask():has "int")
      assert(ssetmask(0) == 4)
    end)
  end)

  call("sigpending", function(sigpending)
    local set = ffi.new("unsigned long[4]", -1)
    t.equal(sigpending(set), 0)
    t.equal(tonumber(set[0]), 0)
  end)

  call("sigprocmask", function(sigprocmask)
    t.child(nil, function()
      local set, old = ffi.new "unsigned long[4]", ffi.new "unsigned long[4]"
      set[0] = bit.lshift(1, S.SIGTERM - 1)
      assert(sigprocmask(S.SIG_BLOCK, set, nil) == 0)
      assert(sigprocmask(S.SIG_BLOCK, nil, old) == 0 and old[0] == set[0])
      assert(S.sigprocmask():has "term")
    end)
  end)

  call("signal", function(signal)
    t.child(nil, function()
      assert(signal(S.SIGUSR1, ffi.cast("void *", 1))) -- to be ignored
      assert(S.signal("usr1", "default") == "ignore")
    end)
  end)

  call("sigaction", function(sigaction)
    t.child(nil, function()
      local old = ffi.new("uint64_t[32]", -1)
      assert(sigaction(S.SIGUSR1, nil, old) == 0)
      assert(old[0] ~= ffi.cast("uint64_t", -1))
    end)
  end)
end)

t.describe("older calls on time", function()
  call("alarm", function(alarm)
    t.child(nil, function()
      assert(alarm(1000) == 0)
      assert(alarm(0) > 900)
    end)
  end)

  call("time", function(time)
    local memory = ffi.new "long[1]"
    local now = t.ok(time(memory))
    t.equal(now, tonumber(memory[0]))
    t.ok(math.abs(now - os.time()) <= 1)
  end)

  call("gettimeofday", function(gettimeofday)
    local memory = ffi.new "long[2]"
    t.equal(gettimeofday(memory, nil), 0)
    t.ok(math.abs(tonumber(memory[0]) - os.time()) <= 1)
  end)

  call("settimeofday", function(settimeofday) -- microseconds that are none: the clock stays
    local _, _, errno = settimeofday(ffi.new("long[2]", 1, 2000000), nil)
    t.ok(errno == S.EINVAL or errno == S.EPERM)
  end)

  call("stime", function(stime) -- no memory: the clock stays
    local _, _, errno = stime(nil)
    t.ok(errno == S.EFAULT or errno == S.EPERM)
  end)

  call("nanosleep", function(nanosleep)
    t.equal(nanosleep(ffi.new("long[2]", 0, 1000), nil), 0)
    t.fails("EINVAL", nanosleep(ffi.new("long[2]", 0, 2000000000), nil))
  end)
end)
