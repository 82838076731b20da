local t = ...

local ffi = require "ffi"
local S = require "callgate"
local devlunatik = require "callgate.devlunatik"

local here = debug.getinfo(1, "S").source:match "^@(.*/)" or ""
local fake = assert(loadfile(here .. "fake_device.lua"))()

-- nil, text like `pattern`, the errno of that name.
local function refused(name, pattern, value, message, errno)
  t.equal(value, nil)
  t.matches(message, pattern)
  t.equal(S.errname(errno), name)
end

local function opened(path)
  return t.ok(devlunatik.open(path))
end

for _, name in ipairs { "fuse", "pty" } do
  local on = fake[name]
  t.describe("devlunatik on a " .. name, function()
    t.it("runs a chunk in the device and brings its values", function()
      on(t, function(path)
        local device = opened(path)
        t.equal(device:exec "return _LUNATIK_VERSION", "Lunatik (fake)")
        t.same({ device:exec "return 1, 'two', true, false" }, { 1, "two", true, false })
        t.equal(select("#", device:exec "return nil, nil"), 2)
        t.equal(device:exec "local a = 1", true)
        t.matches(device:exec "return {}", "^table: ")
        t.equal(device:exec "return 'a\\0b\\r\\n' .. '\\255'", "a\0b\r\n\255")
        t.equal(device:exec "kept = 5", true)
        t.equal(device:exec "return kept", 5)
        t.equal(device:close(), true)
      end)
    end)

    t.it("gives integers of 64 bits exactly", function()
      on(t, function(path)
        local device = opened(path)
        local texts = { "9007199254740991", "9007199254740993", "9223372036854775807", "-9223372036854775808", "-7" }
        for _, text in ipairs(texts) do
          -- This Lua's tostring adds LL to what the kernel's writes plainly.
          local value = device:exec(("local text = %q local real = type\n"):format(text) ..
            "function type(v) return v == text and 'number' or real(v) end return text")
          t.equal((tostring(value):gsub("LL$", "")), text == "9007199254740991" and "9.007199254741e+15" or text)
          t.equal(ffi.istype("int64_t", value), text ~= "9007199254740991" and text ~= "-7")
        end
      end)
    end)

    t.it("tells an error of the chunk from a result", function()
      on(t, function(path)
        local device = opened(path)
        refused("EINVAL", "^exec:1: boom$", device:exec "error 'boom'")
        t.equal(device:exec "return 'exec:1: boom'", "exec:1: boom")
        refused("EINVAL", "^plain$", device:exec "error('plain', 0)")
        refused("EINVAL", "^table: ", device:exec "error {}")
        refused("EINVAL", "^exec:1: .*'='", device:exec "x = = 1")
        refused("EINVAL", "^name:2: here$", device:exec("\nerror 'here'", "=name"))
        refused("EINVAL", "wrong mode", device:exec(string.dump(function() end)))
      end)
    end)

    t.it("runs, lists and stops scripts by the runner", function()
      on(t, function(path)
        local device = opened(path)
        t.same(device:list(), {})
        t.equal(select("#", device:run "echo"), 1)
        t.equal(device:run("examples/spyglass", false), true)
        t.equal(device:spawn("examples/shared", "process"), true)
        t.same(device:list(), { "echo", "examples/shared", "examples/spyglass" })
        local context = "return require('lunatik.runner').context '%s'"
        t.equal(device:exec(context:format "echo"), "process")
        t.equal(device:exec(context:format "examples/spyglass"), false)
        t.equal(device:run("hook", "softirq"), true)
        t.equal(device:exec(context:format "hook"), "softirq")
        refused("EINVAL", "echo is already running", device:run "echo")
        refused("EINVAL", "cannot open missing.lua", device:spawn "missing")
        t.equal(device:stop "hook", true)
        t.equal(device:stop "echo", true)
        t.equal(device:stop "echo", true)
        t.same(device:list(), { "examples/shared", "examples/spyglass" })
        t.equal(device:run "a')error'injected", true)
      end)
    end)

    t.it("speaks as Lunatik's own command does, too", function()
      on(t, function(path)
        local device = opened(path)
        t.same({ n = select("#", device:dostring "return 1\n"), device:dostring "return 6 * 7\n" }, { n = 1, "42" })
        t.equal(device:dostring "error('in band', 0)\n", "in band")
        t.matches(device:dostring "x = = 1\n", "unexpected symbol")
      end)
    end)

    t.it("notices an answer that is not its own", function()
      on(t, function(path)
        local device = opened(path)
        refused("EBADMSG", "not this chunk's answer: other$",
          device:exec "local f = table.concat table.concat = function() table.concat = f error('other', 0) end")
        t.equal(device:exec "return 1", 1)
      end)
    end)
  end)
end

t.describe("devlunatik on the device's own terms", function()
  t.it("clears the shared result with one read, and says so when another took it", function()
    fake.fuse(t, function(path)
      local device, other = opened(path), assert(S.open(path, "rdwr"))
      t.equal(device:dostring "return 'once'", "once")
      t.equal(device.fd:read(device.buffer), 0)
      -- Another program reads between this one's write and its read.
      local thief = setmetatable({
        write = function(_, chunk)
          local count = device.fd:write(chunk)
          other:read()
          return count
        end,
      }, { __index = function(_, key) return function(_, ...) return device.fd[key](device.fd, ...) end end })
      local robbed = setmetatable({ fd = thief }, { __index = device })
      refused("ENODATA", "another program read it", robbed:exec "return 1")
      t.equal(device:exec "return 2", 2)
    end)
  end)

  t.it("takes chunks and answers of a hundred thousand bytes, and no longer answers than its buffer", function()
    fake.fuse(t, function(path)
      local device = opened(path)
      local long = ("x"):rep(100000)
      t.equal(device:exec(("return %q"):format(long)), long)
      refused("EMSGSIZE", "of the answer's", device:exec "return ('y'):rep(2 ^ 20)")
      t.equal(device:exec "return 1", 1)
    end)
  end)

  t.it("waits for another client's exchange", function()
    fake.fuse(t, function(path)
      local device, other = opened(path), opened(path)
      t.ok(other.fd:flock "ex")
      local pid = t.ok(S.fork())
      if pid == 0 then
        local own = devlunatik.open(path)
        S._exit(own:exec "return turn" == "second" and 7 or 1)
      end
      other:dostring "turn = 'second'"
      other.fd:flock "un"
      local _, status = t.ok(S.waitpid(pid))
      t.equal(status.exitstatus, 7)
      device:close()
    end)
  end)
end)

t.describe("devlunatik refused", function()
  t.it("fails as open(2) does where there is no device", function()
    t.fails("ENOENT", devlunatik.open(t.path "no-such-device"))
    t.equal(devlunatik.path, "/dev/lunatik")
  end)

  t.it("says what is wrong with an argument", function()
    t.raises("open: argument 1 (path): expected a string, got 5", devlunatik.open, 5)
    fake.pty(t, function(path)
      local device = opened(path)
      t.raises("exec: argument 1 (chunk): expected a string, got nil", device.exec, device)
      t.raises("exec: argument 2 (name): expected a string, got 1", device.exec, device, "", 1)
      t.raises("dostring: argument 1 (chunk): expected a string, got nil", device.dostring, device)
      t.raises("run: argument 1 (script): expected a string, got nil", device.run, device)
      t.raises("run: argument 2 (context): expected a boolean, got 1", device.run, device, "a", 1)
      t.raises('exec: expected a device, got "return 1" (string); call it with a colon', device.exec, "return 1")
      for _, name in ipairs { "exec", "dostring", "run", "spawn", "stop", "list", "close" } do
        t.raises(name .. ": expected a device, got nil; call it with a colon", device[name])
      end
      t.equal(device:close(), true)
      t.fails("EBADF", device:close())
      for _, name in ipairs { "exec", "dostring", "run", "spawn", "stop", "list" } do
        t.fails("EBADF", device[name](device, "a"))
      end
    end)
  end)
end)
