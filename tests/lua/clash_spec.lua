-- What other libraries declare must not meet what this one does. The order matters: this file runs in
-- a process of its own and begins before callgate is loaded.

local t = ...

local ffi = require "ffi"

ffi.cdef [[
  struct timespec { int x; };
  struct stat { char mine[3]; };
  typedef int socklen_t;
  int syscall(int);
  char *strerror(long, long);
]]

local S = require "callgate"

t.describe("declarations made before callgate is loaded", function()
  t.it("stay the program's own", function()
    t.ok(#S.t.timespec() >= 8)
    t.ok(#S.t.stat() >= 64)
    t.equal(ffi.sizeof "struct timespec", 4)
    t.equal(ffi.sizeof "struct stat", 3)
    t.equal(S.strerror(2), "No such file or directory")
    t.ok(S.syscall.getpid() > 1)
  end)
end)

t.describe("declarations made after callgate is loaded", function()
  t.it("find their names free", function()
    t.ok(S.t.sockaddr_in and S.t.iovec and S.t.pollfd and S.t.utimbuf)
    ffi.cdef [[
      struct sockaddr_in { int y; };
      struct iovec { int y; };
      struct pollfd { int y; };
      struct utimbuf { int y; };
      typedef long ssize_t;
    ]]
    t.equal(ffi.sizeof "struct iovec", 4)
    t.equal(S.s.iovec, 2 * ffi.sizeof "void *")
  end)

  t.it("of callgate itself all have a private name", function()
    for _, name in ipairs { "sched_attr", "epoll_event", "sockaddr_un", "snd_seq_event", "ff_effect" } do
      t.ok(S.t[name])
      t.equal(pcall(ffi.typeof, "struct " .. name), false)
    end
  end)
end)
