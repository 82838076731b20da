-- What changes the whole machine, done for real on machines that are there for the specs alone.

local t = ...

local S = require "callgate"

-- What `call` returns when nobody else, this spec in the other mode say, is at it: a kexec call that finds another
-- one under way does not wait but is refused (kernel/kexec.c, kexec_trylock).
local function alone(call, ...)
  for _ = 1, 500 do
    local value, message, errno = call(...)
    if errno ~= S.EBUSY then
      return value, message, errno
    end
    S.nanosleep(0.01)
  end
  return call(...)
end

t.describe("the whole machine", function()
  t.it("gets its time set, to what it is: other specs read it meanwhile", function()
    t.disposable()
    t.ok(S.clock_settime("realtime", t.ok(S.clock_gettime "realtime")))
    t.ok(S.settimeofday(t.ok(S.clock_gettime "realtime").time))
  end)

  t.it("forgets which kernel was to be next", function()
    t.disposable()
    t.ok(t.need("kexec_load", alone(S.kexec_load, 0, {})))
    if S.kexec_file_load then
      t.ok(t.need("kexec_file_load", alone(S.kexec_file_load, "stdin", nil, nil, "unload")))
    end
  end)

  t.it("confines a process anew, where a module does that", function()
    t.disposable()
    local list = S.lsm_list_modules()
    local armor
    for _, name in ipairs(list or {}) do
      armor = armor or name == "apparmor"
    end
    if not armor then
      t.skip "AppArmor is no module here"
    end
    t.child(nil, function()
      t.ok(S.lsm_set_self_attr("current", { id = "apparmor", context = "changeprofile unconfined" }))
      t.equal(S.lsm_get_self_attr("current", "apparmor")[1].context, "unconfined")
    end)
  end)
end)
