local t = ...

local S = require "callgate"

t.describe("security modules", function()
  t.it("are listed by name, as securityfs has them", function()
    local list = t.ok(t.need("lsm_list_modules", S.lsm_list_modules()))
    local file = io.open "/sys/kernel/security/lsm"
    if file then
      local text = file:read "*a"
      file:close()
      t.equal(table.concat(list, ","), (text:gsub("%s", "")))
    end
    for _, name in ipairs(list) do
      t.ok(type(name) == "number" or S.c.LSM_ID[name] ~= nil)
    end
  end)

  t.it("tell attributes of this process, those that have any", function()
    local list, _, errno = t.need("lsm_get_self_attr", S.lsm_get_self_attr "current")
    if list then
      t.ok(#list > 0)
      for _, attr in ipairs(list) do
        t.ok(S.c.LSM_ID[attr.id] ~= nil)
        t.equal(type(attr.context), "string")
        t.equal(attr.context:find "%z", nil)
        t.equal(S.lsm_get_self_attr("current", attr.id)[1].context, attr.context)
      end
    else
      t.equal(errno, S.EOPNOTSUPP)
    end
    t.fails("EOPNOTSUPP", S.lsm_get_self_attr("current", "lockdown")) -- which has none
    t.raises('lsm_get_self_attr: argument 1 (attr): unknown name "curent" for LSM_ATTR_*; did you mean "current"?',
      S.lsm_get_self_attr, "curent")
  end)

  t.it("refuse what is no attribute of theirs", function()
    local ok, _, errno = t.need("lsm_set_self_attr", S.lsm_set_self_attr("current", { id = "lockdown", context = "x" }))
    t.ok(not ok and errno == S.EOPNOTSUPP)
    t.raises('lsm_set_self_attr: argument 2 (context.id): unknown name "appamor" for LSM_ID_*; did you mean '
      .. '"apparmor"?', S.lsm_set_self_attr, "current", { id = "appamor", context = "x" })
    t.raises("lsm_set_self_attr: argument 2 (context.context): expected a string, got nil", S.lsm_set_self_attr,
      "current", { id = "selinux" })
  end)
end)
