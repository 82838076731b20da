local t = ...

local suggest = require "callgate.suggest"

local nearest, hint = suggest.nearest, suggest.hint

local NAMES = { "append", "cloexec", "creat", "excl", "rdonly", "rdwr", "wronly" }

t.describe("the nearest name", function()
  t.it("differs by letters missing, added, changed or swapped", function()
    t.equal(nearest("cerat", NAMES), "creat")
    t.equal(nearest("create", NAMES), "creat")
    t.equal(nearest("crat", NAMES), "creat")
    t.equal(nearest("cloexwc", NAMES), "cloexec")
  end)

  t.it("may be written with the prefix", function()
    t.equal(nearest("o_cerat", NAMES, "o_"), "creat")
  end)

  t.it("may be the beginning or the end of it, or have another prefix", function()
    local names = { "all", "basic_stats", "inet", "process", "symlink_nofollow" }
    t.equal(nearest("basic", names), "basic_stats")
    t.equal(nearest("proc", names), "process")
    t.equal(nearest("nofolow", names), "symlink_nofollow")
    t.equal(nearest("pf_inet", names, "af_"), "inet")
    t.equal(nearest("sy", { "symlink_nofollow" }), nil)
  end)

  t.it("is none where all are far, or there are none", function()
    t.equal(nearest("zzzzzzz", NAMES), nil)
    t.equal(nearest("", NAMES), nil)
    t.equal(nearest("creat", {}), nil)
  end)

  t.it("is looked for within the time limit, however long what was written", function()
    t.equal(nearest(("x"):rep(1e6), NAMES), nil)
  end)
end)

t.describe("the hint", function()
  t.it("is made from a list, or from the keys of a table", function()
    t.equal(hint("cerat", NAMES), '; did you mean "creat"?')
    t.equal(hint("opne", { open = 1, close = 2 }), '; did you mean "open"?')
    t.equal(hint("O_CERAT", { "CREAT" }, "O_"), '; did you mean "CREAT"?')
  end)

  t.it("is nothing where none is near, or what was given is no name", function()
    t.equal(hint("zzzzzzz", NAMES), "")
    t.equal(hint("creat", {}), "")
    t.equal(hint(5, NAMES), "")
    t.equal(hint(nil, { open = 1 }), "")
  end)
end)
