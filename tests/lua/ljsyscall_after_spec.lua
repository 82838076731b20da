-- Beside ljsyscall, loaded after callgate has declared its types.

local t = ...

local S = require "callgate"

t.describe("ljsyscall loaded after callgate", function()
  t.it("finds its names free", function()
    t.equal(tostring(S.t.timespec(1.5)), "timespec { tv_sec = 1, tv_nsec = 500000000 }")
    t.ok(S.t.stat and S.t.sockaddr_in and S.t.epoll_event and S.syscall.getpid())
    local there, ljsyscall = pcall(require, "syscall")
    if not there then
      t.skip "ljsyscall is not installed (Debian: lua-ljsyscall)"
    end
    t.equal(ljsyscall.getpid(), S.syscall.getpid())
    t.equal(ljsyscall.types.t.timespec(2).time, 2)
    t.equal(S.t.timespec(2).time, 2)
  end)
end)
