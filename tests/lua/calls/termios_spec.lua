local t = ...

local S = require "callgate"

-- A pseudo-terminal, or a skip where the file system of them is not mounted.
local function pair(...)
  local master, tty, errno = S.openpty(...)
  if not master then
    t.ok(errno == S.ENOENT or errno == S.ENOSYS or errno == S.ENODEV or errno == S.EIO or errno == S.ENOTTY
      or errno == S.EINVAL or errno == S.EPERM, tty)
    t.skip(tty)
  end
  return master, tty
end

local function text_of(fn, ...)
  local ok, message = pcall(fn, ...)
  t.equal(ok, false)
  return message
end

t.describe("termios", function()
  t.it("has its flags as names, in and out", function()
    local tio = S.t.termios { iflag = "icrnl, ixon", oflag = "opost, onlcr, tab3", cflag = "cs8, cread, hupcl",
      lflag = "isig, icanon, echo", ospeed = 38400 }
    t.equal(tio.iflag, "icrnl, ixon")
    t.equal(tio.oflag, "opost, onlcr, tab3")
    t.equal(tio.cflag, "cs8, cread, hupcl")
    t.equal(tio.lflag, "isig, icanon, echo")
    t.equal(tio.c_lflag, S.ISIG + S.ICANON + S.ECHO)
    t.equal(tio.c_iflag, S.ICRNL + S.IXON)
    t.equal(tio.ospeed, 38400)
    t.equal(tio.ispeed, 38400)
    tio:add "cs7, parenb, echoe":remove "echo, hupcl"
    t.equal(tio.cflag, "cs7, cread, parenb")
    t.equal(tio:has "icanon, echoe, ~echo", true)
    t.equal(tio:has "echo", false)
    tio.lflag = S.ECHO
    t.equal(tio.lflag, "echo")
    tio.cflag = "cs5"
    t.equal(tio.cflag, "cs5")
    t.equal(tio.ospeed, 38400)
    t.matches(tostring(tio), '^termios { iflag = "icrnl, ixon", .*, cflag = "cs5", lflag = "echo", ispeed = 38400')
  end)

  t.it("has control characters by name and speeds by number", function()
    local tio = S.t.termios { cc = { intr = "^C", min = 1, VTIME = 5, erase = "^?" }, speed = 9600 }
    t.equal(tio.cc.intr, 3)
    t.equal(tio.c_cc[S.VMIN], 1)
    t.equal(tio.cc.VTIME, 5)
    t.equal(tio.cc.erase, 127)
    tio.cc.eof = "x"
    t.equal(tio.cc.eof, 120)
    tio.cc.eof = "undef"
    t.equal(tio.cc.eof, 0)
    t.equal(tio.ispeed, 9600)
    tio.ispeed = 1200
    t.equal(tio.ospeed, 9600)
    t.equal(tio.ispeed, 1200)
    tio.speed = 115200
    t.equal(tio.c_cflag % 0x10000, S.c.BAUD.B115200)
    t.equal(tio.speed, 115200)
    if S.t.termios2 then
      local exact = S.t.termios2 { speed = 12345 }
      t.equal(exact.ospeed, 12345)
      t.equal(exact.c_ospeed, 12345)
      t.equal(exact.ispeed, 12345)
    end
  end)

  t.it("says what is wrong with a name", function()
    local tio = S.t.termios()
    t.matches(text_of(tio.add, tio, "ehco"), 'unknown name "ehco" of a terminal\'s flags; did you mean "echo"%?')
    t.raises('termios: field "iflag": echo belongs to lflag, not to iflag', S.t.termios, { iflag = "echo" })
    t.matches(text_of(function() tio.cc.itnr = 3 end), "no such control character: itnr")
    t.matches(text_of(function() return tio.cc[1000] end), "no such control character: 1000")
    t.matches(text_of(function() tio.cc.intr = {} end), 'expected a control character such as 3 or "%^C", got table')
    t.raises('termios: field "cc": expected a table such as { min = 1, time = 0 }, got 5', S.t.termios, { cc = 5 })
    t.matches(text_of(tio.add, tio, 5), "expected names of flags, got 5")
  end)
end)

t.describe("a pseudo-terminal", function()
  t.it("is opened, named and sized", function()
    local master, tty = pair(nil, { 33, 99 })
    t.equal(master:ptsname(), "/dev/pts/" .. master:ioctl "TIOCGPTN")
    t.equal(tty:ioctl("TIOCGWINSZ").col, 99)
    t.equal(master:ioctl("TIOCGWINSZ").row, 33)
    t.equal(tty:isatty(), true)
    t.equal(t.ok(S.open "/dev/null"):isatty(), false)
    t.equal(tty:fcntl "getfd", S.FD_CLOEXEC)
    t.fails("ENOTTY", t.ok(S.open "/dev/null"):tcgetattr())
    t.fails("EBADF", S.isatty(1000))
  end)

  t.it("is opened by its path once it is unlocked", function()
    local master, message = S.posix_openpt()
    if not master then
      t.skip(message)
    end
    local path = t.ok(master:ptsname())
    if not S.stat(path) then
      t.skip("another instance of devpts than the one at /dev/pts")
    end
    t.fails("EIO", S.open(path, "rdwr, noctty"))
    t.equal(master:unlockpt(), true)
    t.ok(S.open(path, "rdwr, noctty")):isatty()
  end)

  t.it("works as its termios says", function()
    local master, tty = pair()
    local old = t.ok(tty:tcgetattr())
    t.equal(old:has "icanon, echo, isig", true)
    t.equal(old.cc.intr, 3)
    t.ok(old.ospeed > 0)
    t.equal(master:write "a\n", 2)
    t.equal(tty:read(nil, 10), "a\n")
    local echo = "" -- which comes in pieces where the kernel is busy
    repeat
      echo = echo .. t.ok(master:read(nil, 10))
    until #echo >= 3
    t.equal(echo, "a\r\n")
    local raw = t.ok(tty:tcgetattr()):makeraw()
    t.equal(tty:tcsetattr("flush", raw), true)
    local now = t.ok(tty:tcgetattr())
    t.equal(now:has "~icanon, ~echo, ~isig, ~opost, cs8", true)
    t.equal(now.cc.min, 1)
    t.equal(master:write "\3x", 2)
    t.equal(tty:read(nil, 10), "\3x")
    t.equal(tty:write "y\n", 2)
    t.equal(master:read(nil, 10), "y\n")
    t.equal(tty:tcsetattr("now", old), true)
    t.equal(tty:tcgetattr().lflag, old.lflag)
  end)

  t.it("takes speeds, also those that have no name", function()
    local _, tty = pair()
    local tio = t.ok(tty:tcgetattr())
    tio.speed = 19200
    t.equal(tty:tcsetattr("drain", tio), true)
    t.equal(tty:tcgetattr().ospeed, 19200)
    if not S.t.termios2 then
      t.skip "no termios2 on this architecture"
    end
    local exact, message, errno = tty:ioctl "TCGETS2"
    if not exact then
      t.ok(errno == S.ENOTTY or errno == S.ENOSYS or errno == S.EINVAL)
      t.skip(message)
    end
    t.equal(exact.ospeed, 19200)
    exact.speed = 31250
    t.equal(tty:tcsetattr("now", exact), true)
    t.equal(tty:ioctl("TCGETS2").ospeed, 31250)
  end)

  t.it("is flushed, drained and stopped", function()
    local master, tty = pair()
    t.equal(tty:tcsetattr("now", t.ok(tty:tcgetattr()):makeraw()), true)
    master:write "lost"
    t.equal(tty:tcflush "iflush", true)
    t.equal(tty:nonblock(), true)
    t.fails("EAGAIN", tty:read(nil, 10))
    t.equal(tty:tcdrain(), true)
    t.equal(tty:tcsendbreak(), true)
    t.equal(tty:tcflow "ooff", true)
    t.fails("EAGAIN", tty:write "x")
    t.equal(tty:tcflow "oon", true)
    t.equal(tty:write "x", 1)
    t.raises('tcflush: argument 2 (queue): unknown name "flush" for TC*; did you mean "iflush"?', tty.tcflush, tty,
      "flush")
    t.raises('tcsetattr: argument 2 (when): unknown name "later" for TCSA*; there are drain, flush, now',
      tty.tcsetattr, tty, "later",
      S.t.termios())
  end)

  t.it("is the terminal of a session", function()
    local master, tty = pair()
    t.fails("ENOTTY", tty:tcgetsid())
    local r, w = t.ok(S.pipe())
    local pid = t.ok(S.fork())
    if pid == 0 then
      local ok, message = pcall(function()
        t.ok(S.setsid())
        t.equal(tty:ioctl("TIOCSCTTY", 0), true)
        t.equal(tty:tcgetsid(), S.getpid())
        t.equal(tty:tcgetpgrp(), S.getpid())
        t.equal(tty:tcsetpgrp(S.getpid()), true)
      end)
      w:write(ok and "passed" or tostring(message))
      S.exit(0)
    end
    w:close()
    local said = r:read()
    S.waitpid(pid)
    t.equal(said, "passed")
    t.ok(master)
  end)
end)
