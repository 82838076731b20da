-- Copies of the library in one Lua VM: reloads, and a second copy from another place.

local t = ...

local ffi = require "ffi"

local function forget()
  for name in pairs(package.loaded) do
    if name:find "^callgate" then
      package.loaded[name] = nil
    end
  end
end

local function use(S)
  t.equal(tostring(S.t.timespec(1.5)), "timespec { tv_sec = 1, tv_nsec = 500000000 }")
  t.equal(S.t.perf_event_attr({ disabled = 1 }).disabled, 1)
  t.equal(S.c.O["rdwr, creat"], S.O_RDWR + S.O_CREAT)
  local fd = S.t.fd((t.ok(S.syscall.eventfd2(0, 0))))
  t.ok(S.syscall.fcntl(fd, S.F_GETFD))
  t.ok(fd:close())
  t.fails("EBADF", fd:close())
end

t.describe("callgate", function()
  t.it("can be forgotten and loaded again, many times", function()
    for _ = 1, 5 do
      use(require "callgate")
      forget()
      collectgarbage()
    end
  end)

  t.it("can be there twice, both at work and understanding each other", function()
    local first = require "callgate"
    local fd = first.t.fd((t.ok(first.syscall.eventfd2(0, 0))))
    local size = first.t.input_id(1, 2)
    forget()
    local second = require "callgate"
    t.ok(first ~= second)
    for _ = 1, 3 do
      use(first)
      use(second)
    end
    t.ok(second.syscall.fcntl(fd, second.F_GETFD))
    t.ok(ffi.istype(second.t.input_id, size))
    local event = first.t.inotify_event(4)
    t.equal(require("callgate.args").record(event, "f", 1, "x", second.t.inotify_event), event)
    t.ok(fd:close())
  end)

  t.it("of two versions keeps their types apart", function()
    forget()
    local first = require "callgate"
    local mine = first.t.input_id(1, 2)
    forget()
    require("callgate.target").version = "of another day"
    local second = require "callgate"
    t.ok(second.t.input_id ~= first.t.input_id)
    t.ok(not ffi.istype(second.t.input_id, mine))
    t.equal(tostring(second.t.input_id(1, 2)), tostring(mine))
    t.raises('input_id has no field "x"', function() return second.t.input_id().x end)
    use(second)
    forget()
  end)

  t.it("keeps the descriptors of a forgotten copy closing", function()
    local S = require "callgate"
    local number = t.ok(S.syscall.eventfd2(0, 0))
    local fd = S.t.fd(number)
    t.equal(fd.fd, number)
    forget()
    S, fd = nil, nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    t.fails("EBADF", require("callgate").syscall.close(number))
  end)
end)
