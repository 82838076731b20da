-- Beside ljsyscall (`require "syscall"`), where that is installed: loaded first, and used all along.

local t = ...

local there, ljsyscall = pcall(require, "syscall")

t.describe("callgate beside ljsyscall", function()
  t.it("loads, and both work", function()
    if not there then
      t.skip "ljsyscall is not installed (Debian: lua-ljsyscall)"
    end
    local S = require "callgate"
    t.equal(ljsyscall.getppid(), S.syscall.getppid())
    t.equal(tostring(S.t.timespec(1.5)), "timespec { tv_sec = 1, tv_nsec = 500000000 }")
    t.equal(ljsyscall.types.t.timespec(1.5).time, 1.5)
    t.equal(S.s.sockaddr_un, ljsyscall.types.s.sockaddr_un)
    local mine = S.t.fd((t.ok(S.syscall.eventfd2(0, 0))))
    local theirs = t.ok(ljsyscall.eventfd())
    t.ok(mine.fd ~= theirs:getfd())
    t.ok(mine:close())
    t.ok(theirs:close())
  end)
end)
