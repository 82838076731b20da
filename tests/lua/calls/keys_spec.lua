local t = ...

local ffi = require "ffi"
local S = require "callgate"

-- In a child with a session keyring of its own, whose exit tells how it went: nothing is left behind.
local function in_session(body)
  local r, w = t.ok(S.pipe())
  local pid = t.ok(S.fork())
  if pid == 0 then
    local joined, message, errno = S.keyctl "join_session_keyring"
    if not joined then
      w:write(("%s %s"):format(S.errname(errno), message))
      S._exit(2)
    end
    local ok, problem = pcall(body, joined)
    if not ok then
      w:write(tostring(problem))
    end
    S._exit(ok and 0 or 1)
  end
  w:close()
  local text = r:read(nil, 4000)
  local status = select(2, t.ok(S.waitpid(pid))).exitstatus
  if status == 2 and (text:find "^ENOSYS" or text:find "^EPERM") then
    t.skip("no keyrings here: " .. text)
  end
  t.equal(status == 0 and "" or text, "")
end

t.describe("keys", function()
  t.it("are added, found, read, changed and taken away", function()
    in_session(function(session)
      local key = t.ok(S.add_key("user", "callgate:one", "secret", "session"))
      t.equal(S.request_key("user", "callgate:one"), key)
      t.equal(S.keyctl("search", "session_keyring", "user", "callgate:one"), key)
      t.equal(S.keyctl("get_keyring_id", "session"), session)
      t.equal(S.keyctl("read", key), "secret")
      t.equal(S.keyctl("update", key, ("x"):rep(3000)), true)
      t.equal(S.keyctl("read", key), ("x"):rep(3000))
      t.matches(S.keyctl("describe", key), "^user;%d+;%d+;%x+;callgate:one$")
      t.equal(S.keyctl("setperm", key, 0x3f3f0000), true)
      t.matches(S.keyctl("describe", key), "^user;%d+;%d+;3f3f0000;callgate:one$")
      t.equal(S.keyctl("unlink", key, "session"), true)
      t.fails("ENOKEY", S.keyctl("search", "session", "user", "callgate:one"))
      t.fails("ENOKEY", S.request_key("user", "callgate:one"))
    end)
  end)

  t.it("stand in keyrings, which are keys themselves", function()
    in_session(function()
      local ring = t.ok(S.add_key("keyring", "callgate:ring", nil, "process"))
      local a = t.ok(S.add_key("user", "a", "1", ring))
      local b = t.ok(S.add_key("user", "b", "2", ring))
      local members = ffi.cast("int32_t *", t.ok(S.keyctl("read", ring)))
      local found = { [members[0]] = true, [members[1]] = true }
      t.same(found, { [a] = true, [b] = true })
      t.equal(S.keyctl("link", a, "session"), true)
      t.equal(S.keyctl("search", "session", "user", "a", "thread"), a)
      local other = t.ok(S.add_key("keyring", "callgate:other", nil, "process"))
      local moved, message, errno = S.keyctl("move", b, ring, other, 0)
      if errno ~= S.EOPNOTSUPP then -- Linux 5.3
        t.ok(moved, message)
        t.equal(S.keyctl("search", other, "user", "b"), b)
      end
      t.equal(S.keyctl("clear", ring), true)
      t.equal(S.keyctl("read", ring), "")
      t.equal(S.keyctl("restrict_keyring", other), true)
      t.fails("EPERM", S.add_key("user", "c", "3", other))
    end)
  end)

  t.it("end: revoked, invalidated, after a time", function()
    in_session(function()
      local key = t.ok(S.add_key("user", "short", "x"))
      t.equal(S.keyctl("chown", key, -1, -1), true)
      t.equal(S.keyctl("set_timeout", key, 100), true)
      t.equal(S.keyctl("revoke", key), true)
      t.fails("EKEYREVOKED", S.keyctl("read", key))
      local other = t.ok(S.add_key("logon", "callgate:logon", "x"))
      t.fails("EOPNOTSUPP", S.keyctl("read", other))
      t.equal(S.keyctl("invalidate", other), true)
      t.fails("ENOKEY", S.keyctl("describe", other))
    end)
  end)

  t.it("are made on request only by who was asked", function()
    in_session(function()
      local before = t.ok(S.keyctl("set_reqkey_keyring", "no_change"))
      t.equal(S.keyctl("set_reqkey_keyring", "session"), before)
      t.equal(S.keyctl("set_reqkey_keyring", -1), S.KEY_REQKEY_DEFL_SESSION_KEYRING)
      local key = t.ok(S.add_key("user", "x", "y"))
      t.fails("EPERM", S.keyctl("instantiate", key, "z", "session"))
      t.fails("EPERM", S.keyctl("negate", key, 10, "session"))
      t.fails("EPERM", S.keyctl("reject", key, 10, S.EKEYREJECTED, "session"))
      t.fails("ENOKEY", S.keyctl("assume_authority", key))
      t.equal(S.keyctl("assume_authority", 0), 0)
      local label, _, errno = S.keyctl("get_security", key)
      t.ok(type(label) == "string" or errno == S.EOPNOTSUPP)
      local capabilities, _, number = S.keyctl "capabilities"
      t.ok(number == S.EOPNOTSUPP or #capabilities >= 1)
    end)
  end)

  t.it("are given with names that are right", function()
    local _, _, errno = S.add_key("no such type", "x", "y")
    if errno == S.ENOSYS then
      t.skip "there are no keys here"
    end
    t.equal(errno, S.ENODEV)
    t.fails("EINVAL", S.add_key("user", "x", ""))
    t.raises("add_key: argument 1 (type): expected a string, got nil", S.add_key)
    t.raises('keyctl: argument 1 (operation): unknown name "raed" for KEYCTL_*; did you mean "read"?', S.keyctl, "raed")
    t.raises('keyctl: argument 2 (key): unknown name "sesion" for KEY_SPEC_*; did you mean "session"?', S.keyctl,
      "read", "sesion")
    t.raises("keyctl: argument 2 (key): expected names of KEY_SPEC_* or a number, got nil", S.keyctl, "read")
    t.raises("keyctl: argument 3 (key): expected names of KEY_SPEC_* or a number, got nil", S.keyctl, "unlink", 1)
    t.raises("keyctl: argument 4 (argument): expected a string, got nil", S.keyctl, "search", "session", "user")
    t.fails("EOPNOTSUPP", S.keyctl(999))
  end)
end)
