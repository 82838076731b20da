local t = ...

local S = require "callgate"

local version, _, why = S.landlock_create_ruleset(nil, "version")

-- Skips where the kernel lacks landlock, or has an older version of it.
local function needs(least)
  if not version then
    t.skip("the kernel has no landlock: " .. S.errname(why))
  elseif version < least then
    t.skip(("landlock %d is older than %d"):format(version, least))
  end
end

-- The library loads its parts when they are first touched: its own folder stays readable.
local LIBRARY = package.searchpath("callgate", package.path):match "^(.*)/"

local function restrict(rules)
  t.ok(S.syscall.prctl(S.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
  t.ok(rules:restrict_self())
end

t.describe("landlock", function()
  t.it("tells its version", function()
    if not version then
      t.ok(why == S.ENOSYS or why == S.EOPNOTSUPP)
      return
    end
    t.ok(version >= 1)
    t.fails("EINVAL", S.landlock_create_ruleset({ fs = "execute" }, "version"))
  end)

  t.it("leaves the process what its rules allow, beneath paths and descriptors", function()
    needs(1)
    local open_folder, closed = t.path "open", t.path "closed"
    t.ok(S.mkdir(open_folder))
    t.ok(S.mkdir(closed))
    local inside = t.write("open/file", "readable")
    local outside = t.write("closed/file", "not readable")
    t.child(nil, function()
      local rules = t.ok(S.landlock_create_ruleset { fs = "read_file, write_file, make_reg" })
      t.matches(tostring(rules), "^landlock %d+$")
      t.equal(rules:fcntl "getfd", S.FD_CLOEXEC)
      t.equal(rules:allow_path(open_folder, "read_file"), true)
      t.equal(rules:allow_path(LIBRARY, "read_file"), true)
      local fd = t.ok(S.open(closed, "path"))
      t.equal(rules:add_rule("path_beneath", { parent = fd, access = "make_reg" }), true)
      t.fails("EINVAL", rules:allow_path(fd, "execute")) -- not handled
      t.fails("ENOENT", rules:allow_path(closed .. "/none", "read_file"))
      t.fails("EBADFD", rules:add_rule("path_beneath", { parent = rules, access = "read_file" }))
      restrict(rules)
      t.equal(t.ok(S.open(inside)):read(), "readable")
      t.fails("EACCES", S.open(inside, "rdwr"))
      t.fails("EACCES", S.open(outside))
      t.ok(S.stat(outside))
      t.ok(S.mknod(closed .. "/new", "ifreg, rusr"))
      t.fails("EACCES", S.mknod(open_folder .. "/new", "ifreg, rusr"))
    end)
    t.ok(S.open(outside)) -- the parent may still
  end)

  t.it("leaves the process the ports that its rules name", function()
    needs(4)
    t.child("newuser, newnet", function()
      local rules = t.ok(S.landlock_create_ruleset { net = "bind_tcp, connect_tcp" })
      t.equal(rules:allow_port(4711, "bind_tcp"), true)
      t.equal(rules:add_rule("net_port", { port = 4712, access = S.LANDLOCK_ACCESS_NET_CONNECT_TCP }), true)
      t.fails("EINVAL", rules:allow_port(65536, "bind_tcp"))
      restrict(rules)
      local sock = t.ok(S.socket("inet", "stream"))
      t.fails("EACCES", sock:bind(S.t.sockaddr_in(4713, "127.0.0.1")))
      t.ok(sock:bind(S.t.sockaddr_in(4711, "0.0.0.0")))
      t.fails("EACCES", S.socket("inet", "stream"):connect(S.t.sockaddr_in(4711, "127.0.0.1")))
      local _, _, errno = S.socket("inet", "stream"):connect(S.t.sockaddr_in(4712, "127.0.0.1"))
      t.ok(errno ~= S.EACCES) -- there is no network at all
    end)
  end)

  t.it("keeps signals inside", function()
    needs(6)
    t.child(nil, function()
      local rules = t.ok(S.landlock_create_ruleset { scoped = "signal, abstract_unix_socket" })
      restrict(rules)
      t.equal(S.kill(S.getpid(), 0), true)
      t.fails("EPERM", S.kill(S.getppid(), 0))
    end)
  end)

  t.it("says what is misused", function()
    if not S.landlock_create_ruleset then
      t.skip "the machine has no landlock"
    end
    local message = 'landlock_create_ruleset: argument 1 (attr): unknown name "read" for LANDLOCK_ACCESS_FS_*'
    local ok, got = pcall(S.landlock_create_ruleset, { fs = "read" })
    t.equal(ok, false)
    t.ok(got:find(message, 1, true), got)
    ok, got = pcall(S.landlock_create_ruleset, { files = "execute" })
    t.equal(ok, false)
    t.matches(got, 'landlock_create_ruleset: argument 1 %(attr%): .*no field "files"')
    t.fails("EBADF", version and S.landlock_restrict_self(1000) or nil, S.strerror(S.EBADF), S.EBADF)
    t.raises('landlock_add_rule: argument 2 (type): unknown name "path" for LANDLOCK_RULE_*; did you mean '
      .. '"path_beneath"?', S.landlock_add_rule, 5, "path")
    local rule = "landlock_add_rule: argument 3 (rule): expected a landlock_path_beneath_attr or what makes one, "
      .. "got nil"
    t.raises(rule, S.landlock_add_rule, 5, "path_beneath")
  end)
end)
