local t = ...

local ffi = require "ffi"
local S = require "callgate"

local function sh(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("\n$", ""))
end

t.describe("uname", function()
  t.it("agrees with uname(1)", function()
    local un = t.ok(S.uname())
    t.equal(("%s %s %s %s %s"):format(un.sysname, un.nodename, un.release, un.version, un.machine), sh "uname -snrvm")
    t.equal(type(un.domainname), "string")
  end)
end)

t.describe("getrandom", function()
  t.it("returns strings, or fills a buffer", function()
    local a, b = t.ok(S.getrandom(nil, 32)), S.getrandom(nil, 32, "nonblock")
    t.equal(#a, 32)
    t.ok(a ~= b)
    local buffer = ffi.new "uint8_t[16]"
    t.equal(S.getrandom(buffer), 16)
    t.ok(ffi.string(buffer, 16) ~= ("\0"):rep(16))
    t.equal(#S.getrandom(nil, 300000), 300000)
    t.raises('getrandom: argument 3 (flags): unknown name "rnadom" for GRND_*; did you mean "random"?',
      S.getrandom, nil, 1, "rnadom")
  end)
end)

t.describe("the machine", function()
  t.it("is described", function()
    local info = t.ok(S.sysinfo())
    t.ok(info.uptime > 0 and info.totalram > 0)
    local cpu, node = t.ok(S.getcpu())
    t.ok(cpu < tonumber(sh "grep -c '^cpu[0-9]' /proc/stat"))
    t.ok(node >= 0)
    t.raises("sethostname: argument 1 (name): expected a string, got nil", S.sethostname)
    t.equal(S.sync(), true)
  end)
end)
