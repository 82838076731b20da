local t = ...

local S = require "callgate"

t.describe("callgate", function()
  t.it("loads little: no family, header or helper before it is wanted", function()
    for _, name in ipairs { "args", "flags", "groups", "types", "fd", "calls", "listing" } do
      t.equal(package.loaded["callgate." .. name], nil)
    end
  end)

  t.it("asks no index of calls for what is named like a constant", function()
    t.equal(S.SEEK_END, 2)
    t.equal(package.loaded["callgate.calls"], nil)
    t.equal(S.no_such_call, nil)
    t.ok(package.loaded["callgate.calls"])
  end)

  t.it("finds calls, constants, macros and parts under one name each", function()
    t.ok(S.getpid() > 1)
    t.equal(S.O_RDWR, 2)
    t.equal(S.EPOLLET, 0x80000000)
    t.equal(S.c.O, S.c.O)
    t.equal(S.t, require("callgate.types").t)
    t.equal(rawget(S, "O_RDWR"), 2)
  end)

  t.it("has nil for a name that nothing has", function()
    t.equal(S.O_CERAT, nil)
    t.equal(S.no_such_call, nil)
    t.equal(S[1], nil)
  end)

  t.it("names errnos and their texts both ways", function()
    t.equal(S.errno.ENOENT, 2)
    t.equal(S.errno.noent, 2)
    t.equal(S.ENOENT, 2)
    t.equal(S.errname(2), "ENOENT")
    t.equal(S.errname(11), "EAGAIN")
    t.equal(S.errname(4095), nil)
    t.equal(S.strerror(2), "No such file or directory")
    t.equal(S.strerror "noent", "No such file or directory")
    t.raises('strerror: argument 1 (errno): unknown name "enoemt" for E*; did you mean "noent"?', S.strerror, "enoemt")
    t.raises("errname: argument 1 (errno): expected names of E* or a number, got nil", S.errname)
  end)

  t.it("gives standard streams that the collector leaves open", function()
    t.equal(tostring(S.stdin), "fd 0")
    t.equal(S.stdout.fd, 1)
    t.equal(S.stderr.fd, 2)
    S.stderr = nil
    collectgarbage()
    collectgarbage()
    t.ok(S.syscall.fcntl(2, S.F_GETFD))
  end)
end)

t.describe("the wrong machine", function()
  local targets = require("callgate.targets").targets

  -- The loader as it runs where `change` holds.
  local function load_with(change, restore)
    local loaded = package.loaded.callgate
    package.loaded.callgate = nil
    change()
    local ok, message = pcall(require, "callgate")
    restore()
    package.loaded.callgate = loaded
    return ok, tostring(message)
  end

  t.it("is refused by a message that names both machines", function()
    local row, target = targets[jit.arch], package.loaded["callgate.target"]
    local ok, message = load_with(function()
      targets[jit.arch], targets.pdp11, package.loaded["callgate.target"] = nil, row, nil
    end, function()
      targets[jit.arch], targets.pdp11, package.loaded["callgate.target"] = row, nil, target
    end)
    t.equal(ok, false)
    t.matches(message, "this LuaJIT is for Linux on " .. jit.arch)
    t.matches(message, "the library knows .*Linux on pdp11")
  end)

  t.it("is refused without LuaJIT", function()
    local jit = _G.jit
    local ok, message = load_with(function() _G.jit = nil end, function() _G.jit = jit end)
    t.equal(ok, false)
    t.matches(message, "callgate needs LuaJIT with its FFI; this is Lua 5.1")
  end)

  t.it("is refused without the FFI", function()
    local ffi = package.loaded.ffi
    local preload = package.preload.ffi
    local ok, message = load_with(function()
      package.loaded.ffi = nil
      package.preload.ffi = function() error "no FFI" end
    end, function()
      package.loaded.ffi = ffi
      package.preload.ffi = preload
    end)
    t.equal(ok, false)
    t.matches(message, "callgate needs LuaJIT with its FFI")
  end)
end)
