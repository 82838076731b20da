local t = ...

local S = require "callgate"
local index = require "callgate.calls.index"

local function parameters(fn)
  return debug.getinfo(fn, "u").nparams
end

t.describe("every function", function()
  -- No argument of any call can be one of these, so none of them reaches the kernel.
  local nothing = {
    ["a function"] = function() end,
    ["a coroutine"] = coroutine.create(function() end),
  }

  for what, value in pairs(nothing) do
    t.it("refuses " .. what .. ", naming itself and the argument", function()
      local count = 0
      for name in pairs(require("callgate.rows").whole(index.functions)) do
        local fn = S[name]
        if fn and parameters(fn) > 0 then
          local ok, message = pcall(fn, value, value, value, value, value, value)
          t.equal(ok, false, name)
          t.matches(message, "^[^\n]*[%w_:]+: argument %d %([%w_]+%): ")
          t.equal(message:find "cannot convert", nil)
          t.equal(message:find "bad argument", nil)
          count = count + 1
        end
      end
      t.ok(count > 300)
    end)
  end

  t.it("says so at the line that called it", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local _, message = pcall(function() S.chdir(5) end)
    t.matches(message, ("misuse_spec.lua:%d: chdir: argument 1 %%(path%%): expected a path"):format(line))
  end)

  t.it("refuses NaN, fractions, infinities and what is too large as numbers", function()
    for _, number in ipairs { 0 / 0, 1.5, 1 / 0, -1 / 0, 2 ^ 40 } do
      t.equal((pcall(S.getpgid, number)), false)
      t.equal((pcall(S.eventfd, number)), false)
    end
    for _, number in ipairs { 0 / 0, 1.5, 1 / 0, -1, 2 ^ 60 } do
      t.equal((pcall(S.read, 0, nil, number)), false)
    end
    local expected = "ftruncate: argument 2 (length): expected an integer (a number, or int64_t beyond 2^53), got nan"
    t.raises(expected, function()
      S.ftruncate(1000, 0 / 0 ~= 0 and tonumber "nan" or 0)
    end)
  end)
end)

t.describe("a type", function()
  t.it("is no value of itself, and does not spoil its values", function()
    local fd = t.ok(S.open "/dev/zero")
    local stat_t = S.t.stat
    local shown = tostring(stat_t):gsub("callgate%d*_", "")
    t.raises("stat: argument 2 (st): expected a stat to fill in, got " .. shown .. " (cdata)", S.stat, "/", stat_t)
    t.raises("read: argument 2 (buf): expected a buffer (cdata), got " .. shown .. " (cdata)", fd.read, fd, stat_t)
    t.equal(fd:read(stat_t(), 5), 5)
    t.matches(select(2, pcall(S.nanosleep, S.t.timespec)), "argument 1 %(ts%)")
  end)
end)

t.describe("a list with a hole", function()
  -- Behind the hole would be dropped, or be zeros: an operation that waits for a semaphore to be zero.
  local function holed(first, last)
    local list = { first }
    list[3] = last
    return list
  end

  t.it("is refused by what takes lists", function()
    t.raises("execve: argument 2 (argv[2]): expected a string, got nil", S.execve, "/", holed("a", "b"))
    t.raises("execve: argument 3 (envp[2]): expected a string, got nil", S.execve, "/", { "a" }, holed("A=1", "B=1"))
    t.raises("spawn: argument 1 ([2]): expected a string, got nil", S.spawn, holed("a", "b"))
    t.raises("semop: argument 2 (operations[2]): expected a row { number, change, flags }, got nil", S.semop, 0,
      holed({ 0, 0 }, { 0, 0 }))
    t.raises("setgroups: argument 1 (groups[2]): expected a number, got nil", S.setgroups, holed(1, 2))
    t.raises("writev: argument 2 (iov[2]): expected a string or a buffer, got nil", S.writev, 1, holed("a", "b"))
    t.raises('poll: argument 1 (fds[2]): expected a row { fd, "in" }, got nil', S.poll, holed({ 0 }, { 1 }), 0)
    t.raises("select: argument 1 (read[2]): expected a descriptor, got nil", S.select, holed(0, 1))
    t.raises("sigset: argument 1 (signals[2]): expected a signal, got nil", S.t.sigset, holed("int", "term"))
    t.raises("cpu_set: argument 1 (processors[2]): expected a number, got nil", S.t.cpu_set, holed(0, 1))
  end)
end)

t.describe("a descriptor's method", function()
  t.it("that does not exist is nil, and a field's mistake names the nearest", function()
    local fd = t.ok(S.open "/dev/null")
    t.equal(fd.no_such_method, nil)
    t.equal(type(fd.read), "function")
    t.equal(S.no_such_call, nil)
    t.equal(S.c.NO_SUCH_GROUP, nil)
  end)
end)
