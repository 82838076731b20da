local t = ...

local S = require "callgate"
local c = S.c

t.describe("a group", function()
  t.it("has its constants with and without prefix, in any case", function()
    t.equal(c.O.RDWR, 2)
    t.equal(c.O.rdwr, 2)
    t.equal(c.O.O_RDWR, 2)
    t.equal(c.O.o_rdwr, 2)
    t.equal(c.SEEK.END, 2)
    t.equal(c.E.NOENT, 2)
    t.equal(c.E.EXIST, S.EEXIST)
    t.equal(c.E.EEXIST, S.EEXIST)
    t.equal(c.SIG.int, 2)
    t.equal(c.SIG.SIGINT, 2)
  end)

  t.it("combines a list with commas or bars, blanks trimmed", function()
    local both = S.O_RDWR + S.O_CREAT
    t.equal(c.O["rdwr, creat"], both)
    t.equal(c.O["O_RDWR|O_CREAT"], both)
    t.equal(c.O[" RdWr ,creat|rdwr "], both)
    t.equal(c.O[""], 0)
    t.equal(c.O[("rdwr, 0x%x"):format(S.O_CREAT)], both)
    t.equal(c.O["rdwr, " .. S.O_CREAT], both)
  end)

  t.it("called, adds names and numbers and takes names with ~ away", function()
    t.equal(c.O("rdwr", "creat"), S.O_RDWR + S.O_CREAT)
    t.equal(c.O("rdwr, creat", "~creat"), S.O_RDWR)
    t.equal(c.O("rdwr, creat, ~creat"), S.O_RDWR)
    t.equal(c.O(S.O_RDWR + S.O_CREAT, "~creat", "excl"), S.O_RDWR + S.O_EXCL)
    t.equal(c.O(nil), 0)
    t.equal(c.O(), 0)
  end)

  t.it("gives unsigned values, as C has them", function()
    t.equal(c.IN["oneshot, access"], 0x80000001)
    t.equal(c.IN("oneshot", "access", "~access"), 0x80000000)
  end)

  t.it("keeps a single value as it is: negative ones and those of 64 bits, too", function()
    t.equal(c.AT.FDCWD, -100)
    t.equal(c.AT["fdcwd"], -100)
    t.equal(c.AT("fdcwd"), -100)
    local wide = 0x8000000000000000ULL
    t.equal(c.O(wide), wide)
    t.equal(c.O(wide, "creat"), wide + S.O_CREAT)
    t.equal(c.O(wide + S.O_CREAT, "~creat"), wide)
  end)

  t.it("combines bits beyond the lowest 32", function()
    t.equal(S.CLONE_INTO_CGROUP, 2 ^ 33)
    t.equal(c.CLONE["clear_sighand, into_cgroup, fs"], 2 ^ 32 + 2 ^ 33 + 512)
    t.equal(c.CLONE("clear_sighand, into_cgroup, fs", "~clear_sighand"), 2 ^ 33 + 512)
    t.equal(c.CLONE("into_cgroup, fs, io", "~into_cgroup"), 0x80000200)
  end)

  t.it("has nil for one unknown name, and an error for one in a list", function()
    t.equal(c.O.CERAT, nil)
    t.equal(c.O[2], nil)
    t.raises('unknown name "cerat" for O_*; did you mean "creat"?', function() return c.O["rdwr, cerat"] end)
    t.raises('unknown name "cerat" for O_*; did you mean "creat"?', c.O, "cerat")
    t.raises('unknown name "~" for O_*', function() return c.O["rdwr,~~"] end)
    t.raises("O_*: expected names or whole numbers, got a table", c.O, {})
    t.raises("O_*: expected names or whole numbers, got 1.5", c.O, 1.5)
  end)

  t.it("has the C library's names, too", function()
    t.equal(c.O.ASYNC, S.O_ASYNC)
    t.equal(c.E.NOTSUP, S.EOPNOTSUPP)
    t.equal(c.E.ENOTSUP, S.EOPNOTSUPP)
    t.equal(S.strerror "ENOTSUP", S.strerror(S.EOPNOTSUPP))
    t.equal(S.errname(S.EOPNOTSUPP), "EOPNOTSUPP")
    t.equal(c.SIG.CLD, S.SIGCHLD)
    t.equal(c.AF.PF_INET, S.AF_INET)
  end)

  t.it("cannot be changed", function()
    t.raises("O_*: constants cannot be changed", function() c.O.RDWR = 3 end)
    t.equal(c.O.RDWR, 2)
  end)

  t.it("lists its names", function()
    local names = table.concat(require("callgate.flags").names(c.SEEK), " ")
    t.equal(names, "cur data end hole set")
    t.matches(tostring(c.SEEK), "^SEEK_%*: cur, data, ")
  end)

  t.it("not declared anywhere is all that has its prefix", function()
    t.equal(c.EPOLL_CTL.ADD, 1)
    t.equal(c.PERF_TYPE.hardware, 0)
    t.equal(c.NO_SUCH_GROUP, nil)
    t.equal(c[1], nil)
  end)

  t.it("is not confused by names that its own parts have", function()
    t.equal(c.SEEK.name, nil)
    t.equal(c.SEEK.prefix, nil)
    t.equal(c.SEEK.memo, nil)
    t.equal(c.DEVLINK_ATTR.name, S.DEVLINK_ATTR_NAME)
  end)
end)

t.describe("constants by header", function()
  t.it("are those of that header, the kernel's before the C library's", function()
    t.equal(S.h["linux/input.h"].EV_VERSION, S.EV_VERSION)
    t.equal(S.h["linux/eventpoll.h"].EPOLLIN, 1)
    t.equal(S.h["linux/eventpoll.h"].O_RDWR, nil)
    t.ok(S.h["sys/socket.h"])
  end)

  t.it("of an unknown header are an error with the nearest", function()
    t.raises('S.h: no header "linux/inptu.h"; did you mean "linux/input.h"?', function()
      return S.h["linux/inptu.h"]
    end)
    t.raises('S.h: expected a header such as "linux/input.h", got "input" (string)', function() return S.h.input end)
    t.raises('S.h: expected a header such as "linux/input.h", got "../x.h" (string)', function()
      return S.h["../x.h"]
    end)
  end)

  -- Some of each header: that every name leads to its value is what the witness asks of each machine (gen/callgate/
  -- verify/witness.lua), with the compiler off.
  t.it("of every header are found through the index", function()
    local constants = require "callgate.constants"
    local SOME = 8
    local seen, found = 0, 0
    for _, header in ipairs(constants.headers()) do
      -- First, since in LuaJITs of before April 2022 a loop over pairs whose body the compiler gives up on ends after
      -- the first name, from then on (LuaJIT's issue 827).
      local some = {}
      for name, value in pairs(constants.of(header).constants or {}) do
        if #some < SOME then
          some[#some + 1] = { name, value }
        end
      end
      for _, pair in ipairs(some) do
        local owner = t.ok(constants.header(pair[1]), pair[1])
        seen = seen + 1
        if owner == header then
          t.equal(constants.get(pair[1]), pair[2])
          found = found + 1
        end
      end
    end
    t.ok(found > 2500 and found > seen / 2, found .. " of " .. seen)
  end)

  t.it("that no header has are nil, wherever they would stand in the index", function()
    for _, name in ipairs { "", "!", "A", "EPOLLINN", "O_", "zzz", "struct.nothing", "macro.nothing", "~" } do
      t.equal(require("callgate.constants").header(name), nil)
    end
  end)
end)
