local t = ...

local S = require "callgate"

local function shell(script, options)
  local row = { "/bin/sh", "-c", script }
  for key, value in pairs(options or {}) do
    row[key] = value
  end
  return t.ok(S.spawn(row))
end

-- What a script prints, with these options.
local function output(script, options)
  options = options or {}
  options.stdout = "pipe"
  local out, _, status = shell(script, options):communicate()
  t.equal(tostring(status), "exited with 0")
  return out
end

local function open_descriptors()
  local count = 0
  for number = 0, 255 do
    count = count + (S.fcntl(number, "getfd") and 1 or 0)
  end
  return count
end

t.describe("spawn", function()
  t.it("runs a program and tells how it ended", function()
    local p = shell "exit 7"
    t.ok(p.pid > 1)
    t.equal(p:wait().exitstatus, 7)
    t.equal(p:wait().exitstatus, 7)
    t.equal(tostring(p), ("process %d (exited with 7)"):format(p.pid))
    t.fails("ESRCH", p:kill "term")
    p = shell "exec sleep 60"
    t.matches(tostring(p), "running")
    t.equal(p:wait "nohang", false)
    t.equal(p:kill(), true)
    t.equal(p:wait().signal, "term")
    t.fails("ECHILD", S.waitpid(p.pid))
  end)

  t.it("finds programs by PATH, and takes another name for them", function()
    local p = t.ok(S.spawn { "true" })
    t.equal(p:wait().exitstatus, 0)
    p = t.ok(S.spawn { "sh", "-c", "echo $0", path = "/bin/sh", stdout = "pipe", arg0 = "ash" }) -- busybox goes by it
    t.equal((p:communicate()), "ash\n")
    t.fails("ENOENT", S.spawn { "true", env = { PATH = "/none:/etc" } })
    t.fails("EACCES", S.spawn { "passwd", env = { PATH = "/etc:/none" } })
    t.ok(S.spawn({ "true", env = { PATH = "/none::/usr/bin:/bin" } }):wait())
  end)

  t.it("tells what failed in the child, and leaves no child and no descriptor", function()
    t.fails("ENOENT", S.spawn { t.path "none", stdin = "pipe", stdout = "pipe", stderr = "pipe" })
    collectgarbage()
    collectgarbage()
    local before = open_descriptors()
    for _ = 1, 5 do
      t.fails("ENOENT", S.spawn { t.path "none", stdin = "pipe", stdout = "pipe", stderr = "null" })
    end
    t.fails("EACCES", S.spawn { "/etc/passwd" })
    t.fails("ENOENT", S.spawn { "/bin/true", cwd = t.path "none" })
    t.fails("EBADF", S.spawn { "/bin/true", fds = { [5] = 9999 } })
    t.fails("EINVAL", S.spawn { "/bin/true", rlimits = { core = { cur = 5, max = 1 } } })
    t.equal(open_descriptors(), before)
    t.fails("ECHILD", S.waitpid(-1))
  end)

  t.it("needs no file of the library in the child, and never leaves a second copy of the program", function()
    local r, w = t.ok(S.pipe())
    local pid = t.ok(S.fork())
    if pid == 0 then
      for name in pairs(package.loaded) do
        if name:find "^callgate" then
          package.loaded[name] = nil
        end
      end
      local fresh = require "callgate"
      local ok, _, _, errno = pcall(fresh.spawn, {
        t.path "none", rlimits = { nofile = 3 }, setsid = true, umask = "022", nice = 19, cwd = "/", pdeathsig = "term",
        default = "usr1", ignore = "usr2", mask = "hup", stdout = "null", stderr = "null",
      })
      w:write(("%s %s;"):format(tostring(ok), tostring(errno)))
      S._exit(0)
    end
    w:close()
    local parts = {}
    repeat
      parts[#parts + 1] = t.ok(r:read())
    until parts[#parts] == ""
    t.ok(S.waitpid(pid))
    t.equal(table.concat(parts), ("true %d;"):format(S.ENOENT))
  end)

  t.it("gives arguments, environment, folder and umask", function()
    local text = output('echo "$A|$B"; cat /proc/self/environ', { env = { A = 1, B = "x y" } })
    t.matches(text, "^1|x y\n")
    t.matches(text, "A=1%z")
    t.matches(text, "B=x y%z")
    t.equal(text:find("HOME=", 1, true), nil)
    t.equal(output("echo $PATH"), os.getenv "PATH" .. "\n")
    t.equal(output("pwd", { cwd = "/" }), "/\n")
    t.equal(output("umask", { umask = "0027" }):match "%d+" + 0, 27)
    local p = shell("exec sleep 60", { nice = 5 })
    t.equal(S.getpriority("process", p.pid), 5)
    t.ok(p:kill() and p:wait())
    t.equal(output("ulimit -n", { rlimits = { nofile = 77 } }), "77\n")
  end)

  t.it("connects streams to pipes, files, /dev/null and each other", function()
    local p = shell("cat; echo problem >&2; exit 3", { stdin = "pipe", stdout = "pipe", stderr = "pipe" })
    local out, err, status = p:communicate "hello"
    t.equal(out, "hello")
    t.equal(err, "problem\n")
    t.equal(status.exitstatus, 3)
    t.equal(output("echo one; echo two >&2", { stderr = "stdout" }), "one\ntwo\n")
    t.equal(output("cat", { stdin = "null" }), "")
    local path = t.path "spawned"
    local file = t.ok(S.open(path, "wronly, creat, trunc", "600"))
    t.ok(shell("echo written; echo twice >&2", { stdout = file, stderr = file }):wait())
    t.equal(io.open(path):read "*a", "written\ntwice\n")
  end)

  t.it("moves more than a pipe holds both ways, and survives a program that does not read", function()
    local text = ("x"):rep(300000)
    local out, _, status = shell("cat", { stdin = "pipe", stdout = "pipe" }):communicate(text)
    t.equal(#out, 300000)
    t.equal(status.exitstatus, 0)
    out, _, status = shell("exec 0<&-; echo done", { stdin = "pipe", stdout = "pipe" }):communicate(text)
    t.equal(out, "done\n")
    t.equal(status.exitstatus, 0)
    t.equal(S.sigpending():has "pipe", false)
  end)

  t.it("gives descriptors any number, even swapped ones, and no others", function()
    local a = t.ok(S.open(t.write("a", "from a"), "rdonly"))
    local b = t.ok(S.open(t.write("b", "from b"), "rdonly"))
    local number = a.fd
    t.equal(output(("cat <&%d; cat <&%d"):format(a.fd, b.fd), { fds = { [a.fd] = b, [b.fd] = a } }), "from bfrom a")
    a:lseek(0)
    t.equal(output(("cat <&%d"):format(number), { fds = { [number] = a } }), "from a")
    t.equal(output(("test -e /proc/self/fd/%d && echo open; true"):format(number)), "")
  end)

  t.it("starts sessions and groups, and other users where it may", function()
    local p = shell("exec sleep 60", { setsid = true })
    t.equal(S.getsid(p.pid), p.pid)
    p:kill "kill"
    t.equal(p:wait().signal, "kill")
    p = shell("exec sleep 60", { pgid = 0 })
    t.equal(S.getpgid(p.pid), p.pid)
    p:kill "kill"
    p:wait()
    if S.geteuid() == 0 then
      t.equal(output("id -u; id -g; id -G", { uid = 1234, gid = 1235, groups = { 1236 } }), "1234\n1235\n1235 1236\n")
    else
      t.fails("EPERM", S.spawn { "/bin/true", uid = 0 })
    end
  end)

  t.it("sets the signals of the program, and keeps Lua's out of its mask", function()
    local function set(name, options) -- without a shell, which may have a mask of its own
      local row = { "grep", name, "/proc/self/status", stdout = "pipe" }
      for key, value in pairs(options or {}) do
        row[key] = value
      end
      return tonumber(t.ok(S.spawn(row)):communicate():match "(%x+)\n$", 16)
    end
    t.equal(set("SigBlk", { mask = "int, hup" }), 3)
    t.ok(S.sigprocmask("block", "hup"))
    t.ok(S.on_signal("int", print))
    t.equal(set "SigBlk", 1)
    t.ok(S.on_signal "int")
    t.ok(S.sigprocmask("unblock", "hup"))
    t.ok(S.signal("hup", "ignore"))
    t.equal(set "SigIgn" % 2, 1)
    t.equal(set("SigIgn", { default = "hup" }) % 2, 0)
    t.ok(S.signal("hup", "default"))
    t.equal(set("SigIgn", { ignore = "hup" }) % 2, 1)
  end)

  t.it("has a pidfd that is ready when the program ends", function()
    local p = shell "exit 4"
    if not p.pidfd then
      p:wait()
      t.fails("ENOSYS", S.pidfd_open(S.getpid()))
      return
    end
    local _, count = t.ok(S.poll({ { p.pidfd } }, 10000))
    t.equal(count, 1)
    t.equal(p.pidfd:wait("exited, nowait").status, 4)
    t.equal(p:wait().exitstatus, 4)
  end)

  t.it("takes numbers as text, among arguments and in the environment", function()
    local p = t.ok(S.spawn { "/bin/sh", "-c", "echo $0 $1 $A", 5, 2 ^ 53, env = { A = 1.5 }, stdout = "pipe" })
    t.equal(p:communicate(), "5 9007199254740992 1.5\n")
    local pid = t.ok(S.fork())
    if pid == 0 then
      S.execve("/bin/sh", { "sh", "-c", "exit $0", 7 }, { A = 1 })
      S._exit(99)
    end
    t.equal(select(2, t.ok(S.waitpid(pid))).exitstatus, 7)
  end)

  t.it("knows what wait and kill take after its end, too", function()
    local p = t.ok(S.spawn { "true" })
    t.equal(p:wait().exitstatus, 0)
    t.equal(p:wait("nohang").exitstatus, 0)
    t.raises('waitpid: argument 2 (options): unknown name "nohag" for W*; did you mean "nohang"?', p.wait, p, "nohag")
    t.raises('kill: argument 2 (signal): unknown name "trem" for SIG*; did you mean "term"?', p.kill, p, "trem")
    t.fails("ESRCH", p:kill())
  end)

  t.it("says what is wrong with its options", function()
    t.raises("spawn: argument 1 (options): expected a table { program, arguments..., option = value }, "
      .. 'got "ls" (string)', S.spawn, "ls")
    t.raises("spawn: argument 1 (options): expected a program to run at [1]", S.spawn, {})
    t.raises('spawn: argument 1 (options): unknown option "pwd"; did you mean "cwd"?', S.spawn, { "ls", pwd = "/" })
    t.raises("spawn: argument 1 ([2]): expected a string, got a table", S.spawn, { "ls", {} })
    t.raises('spawn: argument 1 (stdin): expected a descriptor, its number, or "stdin", "stdout" or "stderr", '
      .. 'got "pipes" (string)', S.spawn, { "ls", stdin = "pipes" })
    t.raises('spawn: argument 1 (env): expected a table, got "A=1" (string)', S.spawn, { "ls", env = "A=1" })
    t.raises('spawn: argument 1 (env["A"]): expected a string or a number, got a table', S.spawn,
      { "ls", env = { A = {} } })
    t.raises("spawn: argument 1 (env[1]): expected a string, got 5", S.spawn, { "ls", env = { 5, "A=1" } })
    t.raises("spawn: argument 1 (fds[3]): closed descriptor", S.spawn, { "ls", fds = { [3] = (function()
      local fd = S.open "/"
      fd:close()
      return fd
    end)() } })
  end)
end)

t.describe("clone3", function()
  t.it("makes a child with a pidfd, and tells of its end as asked", function()
    local pid, pidfd, errno = S.clone3 { pidfd = true }
    if pid == 0 then
      S._exit(6)
    elseif pid == nil then
      t.ok(errno == S.ENOSYS or errno == S.EPERM)
      return
    end
    t.matches(tostring(pidfd), "^pidfd %d+$")
    local info = t.ok(pidfd:wait())
    t.equal(info.pid, pid)
    t.equal(info.status, 6)
    pid = t.ok(S.clone3 { exit_signal = 0 })
    if pid == 0 then
      S._exit(0)
    end
    t.fails("ECHILD", S.waitpid(pid)) -- without a signal it is no ordinary child
    local _, status = t.ok(S.waitpid(pid, "clone"))
    t.equal(status.exitstatus, 0)
  end)

  t.it("makes namespaces", function()
    local pid, _, errno = S.clone3 { flags = "newuser, newpid" }
    if pid == 0 then
      S._exit(S.getpid() == 1 and S.getuid() == 65534 and 0 or 1)
    elseif pid == nil then
      t.ok(errno == S.ENOSYS or errno == S.EPERM or errno == S.ENOSPC or errno == S.EINVAL)
      return
    end
    t.equal(select(2, t.ok(S.waitpid(pid))).exitstatus, 0)
  end)

  t.it("does not share memory with Lua, and says what it does not know", function()
    t.raises("clone3: argument 1 (flags): CLONE_VM is for threads: a Lua state cannot be shared", S.clone3,
      { flags = "vm, vfork" })
    t.raises('clone3: argument 1 (options): unknown option "flag"; did you mean "flags"?', S.clone3, { flag = 1 })
    t.raises('clone3: argument 1 (flags): unknown name "newusr" for CLONE_*; did you mean "newuser"?', S.clone3,
      { flags = "newusr" })
    local pid, _, errno = S.clone3 { set_tid = { 0 } }
    t.ok(pid == nil and (errno == S.EINVAL or errno == S.ENOSYS))
  end)
end)

t.describe("the user for files", function()
  t.it("is what it was", function()
    t.equal(S.setfsuid(), S.geteuid())
    t.equal(S.setfsgid(), S.getegid())
  end)
end)
