local t = ...

local S = require "callgate"
local descriptors = require "callgate.fd"
local args = require "callgate.args"

local function new_number()
  return (t.ok(S.syscall.eventfd2(0, 0)))
end

local function is_open(number)
  return S.syscall.fcntl(number, S.F_GETFD) ~= nil
end

local function collect()
  collectgarbage()
  collectgarbage()
end

t.describe("a descriptor's number", function()
  t.it("can be read, and not be changed", function()
    local fd = t.ok(S.open "/dev/null")
    local number = fd.fd
    t.equal(pcall(function() fd.fd = 0 end), false)
    t.equal(fd.fd, number)
    t.equal(fd:close(), true)
    t.equal(fd.fd, -1)
  end)

  t.it("is a part of text, and has no fields for a program's own", function()
    local fd = t.ok(S.open "/dev/null")
    t.equal("of " .. fd .. ".", ("of fd %d."):format(fd.fd))
    t.raises('fd: a descriptor has no field "name" to be set', function()
      fd.name = "null"
    end)
    fd:close()
  end)
end)

t.describe("a descriptor", function()
  t.it("has its number, and a text", function()
    local number = new_number()
    local fd = S.t.fd(number)
    t.equal(fd.fd, number)
    t.equal(tostring(fd), "fd " .. number)
    t.ok(fd:close())
    t.equal(tostring(fd), "closed fd")
  end)

  t.it("closes once; the second close is EBADF and leaves the number's new owner alone", function()
    local number = new_number()
    local fd = S.t.fd(number)
    t.equal(fd:close(), true)
    t.equal(is_open(number), false)
    local again = new_number()
    t.equal(again, number)
    t.fails("EBADF", fd:close())
    t.ok(is_open(number))
    fd = nil -- luacheck: ignore
    collect()
    t.ok(is_open(number))
    t.ok(S.t.fd(again):close())
  end)

  t.it("is closed when it is collected", function()
    local number = new_number()
    local fd = S.t.fd(number)
    t.ok(fd)
    fd = nil -- luacheck: ignore
    collect()
    t.equal(is_open(number), false)
  end)

  t.it("collected leaves the errno of a failed call alone", function()
    local ffi = require "ffi"
    for _ = 1, 50 do
      S.t.fd(new_number()):nogc():close()
      S.t.fd(new_number())
    end
    ffi.errno(77)
    collect()
    t.equal(ffi.errno(), 77)
  end)

  t.it("given up with nogc stays open, and close still closes it", function()
    local number = new_number()
    local fd = S.t.fd(number)
    t.equal(fd:nogc(), fd)
    fd = nil -- luacheck: ignore
    collect()
    t.ok(is_open(number))
    fd = S.t.fd(number):nogc()
    t.ok(fd:close())
    t.equal(is_open(number), false)
  end)

  t.it("collected after its number was closed behind its back raises nothing", function()
    local fd = S.t.fd(new_number())
    t.ok(S.syscall.close(fd.fd))
    fd = nil -- luacheck: ignore
    collect()
  end)

  t.it("closed behind its back reports the kernel's EBADF, once", function()
    local fd = S.t.fd(new_number())
    t.ok(S.syscall.close(fd.fd))
    t.fails("EBADF", fd:close())
    t.equal(fd.fd, -1)
  end)

  t.it("equals another of the same number and nothing else", function()
    local fd = S.t.fd(new_number())
    local other = S.t.fd(new_number())
    t.ok(fd == fd)
    t.ok(fd ~= other)
    t.ok(fd ~= nil)
    t.ok(fd ~= fd.fd)
    t.ok(fd ~= "fd")
    t.ok(fd:close() and other:close())
  end)

  t.it("is made of a number and of nothing else", function()
    local fd = S.t.fd(new_number())
    t.raises(("S.t.fd: expected the number of an open descriptor, got fd %d, which owns its number already")
      :format(fd.fd), S.t.fd, fd)
    t.raises("S.t.fd: expected the number of an open descriptor, got -1", S.t.fd, -1)
    t.raises("S.t.fd: expected the number of an open descriptor, got 1.5", S.t.fd, 1.5)
    t.raises("S.t.fd: expected the number of an open descriptor, got nil", S.t.fd)
    t.raises("S.t.fd: expected the number of an open descriptor, got \"3\" (string)", S.t.fd, "3")
    t.ok(fd:close())
  end)

  t.it("has the calls that take a descriptor as methods, the same functions", function()
    local fd = S.t.fd(new_number())
    t.equal(fd.read, S.read)
    t.equal(fd.stat, S.fstat)
    t.equal(fd.fstat, S.fstat)
    t.equal(fd.getpid, nil)
    t.equal(fd.no_such_method, nil)
    t.equal(fd.ile_getattr, nil) -- of file_getattr, whose f stands for no descriptor
    t.ok(fd:close())
  end)
end)

t.describe("a descriptor in a forked child", function()
  t.it("may be closed or collected there: the parent's stays open", function()
    local fd, other = S.t.fd(new_number()), S.t.fd(new_number())
    local number = other.fd
    local child = t.ok(S.fork())
    if child == 0 then
      other = nil
      collect()
      S.syscall.exit_group(fd:close() and not is_open(number) and 7 or 1)
    end
    local status = require("ffi").new "int[1]"
    t.equal(S.syscall.wait4(child, status, 0, nil), child)
    t.equal(status[0], 7 * 256)
    t.ok(is_open(fd.fd))
    t.ok(is_open(other.fd))
    t.ok(fd:close() and other:close())
  end)
end)

t.describe("a kind of descriptor", function()
  local kind = descriptors.new_kind("gate", { open_gate = function(self) return "open " .. self.fd end })

  t.it("has its own methods before the common ones", function()
    local gate = kind(new_number())
    t.equal(gate:open_gate(), "open " .. gate.fd)
    t.equal(gate.read, S.read)
    t.equal(tostring(gate), "gate " .. gate.fd)
    t.equal(S.t.fd(new_number()).open_gate, nil)
    t.ok(gate:close())
    t.equal(tostring(gate), "closed gate")
  end)

  t.it("is taken where a descriptor is wanted", function()
    local gate = kind(new_number())
    t.equal(args.fd(gate, "read", 1, "fd"), gate.fd)
    t.equal(descriptors.number(gate), gate.fd)
    t.ok(gate:close())
    t.raises("read: argument 1 (fd): closed descriptor", args.fd, gate, "read", 1, "fd")
  end)

  t.it("is closed when it is collected", function()
    local number = new_number()
    local gate = kind(number)
    t.ok(gate)
    gate = nil -- luacheck: ignore
    collect()
    t.equal(is_open(number), false)
  end)
end)

local function count_open(limit)
  local count = 0
  for number = 0, limit do
    count = count + (is_open(number) and 1 or 0)
  end
  return count
end

t.describe("ten thousand descriptors", function()
  t.it("dropped without close leave none open", function()
    collect()
    local limit = new_number() + 300 -- 200 at most are open at a time
    t.ok(S.t.fd(limit - 300):close())
    local before = count_open(limit)
    local function churn()
      for i = 1, 10000 do
        local fd = S.t.fd(new_number())
        if i % 3 == 0 then
          fd:close()
        end
        if i % 200 == 0 then
          collect()
        end
      end
    end
    churn();
    (function() end)(unpack({}, 1, 100)) -- the stack's slots that may still hold the last object
    collect()
    t.equal(count_open(limit), before)
  end)
end)
