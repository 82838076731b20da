-- S.spawn: a program in a child process, with its descriptors, and failures of the child told to the parent
-- through a pipe that closes when the program starts (as Python's subprocess and BSD's posix_spawn do).

local ffi = require "ffi"
local args = require "callgate.args"
local child = require "callgate.behaviour.spawn_child"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local spawn = {}

local S = setmetatable({}, { -- calls and constants by name, when they are first needed
  __index = function(self, name)
    local value = require("callgate.calls").get(name) or require("callgate.constants").get(name)
    rawset(self, name, value)
    return value
  end,
})

local report_t = ffi.typeof "int[1]"
local REPORT = ffi.sizeof(report_t)

-- --- the options, checked before anything is made -------------------------------------------------------

local STDIO = { stdin = 0, stdout = 1, stderr = 2 }

local KNOWN = {
  path = "string", env = "environment", cwd = "path", fds = "table", stdin = "stream", stdout = "stream",
  stderr = "stream", mask = "sigset", default = "sigset", ignore = "sigset", setsid = "boolean", pgid = "int",
  uid = "int", gid = "int", groups = "table", umask = "mode", nice = "int", rlimits = "table", pdeathsig = "signal",
  arg0 = "string", chroot = "path",
}

local check = {
  string = args.string,
  path = args.path,
  int = args.int,
  mode = args.mode,
}

function check.boolean(value, call, position, label)
  if type(value) ~= "boolean" then
    return args.expected("a boolean", value, call, position, label)
  end
  return value
end

function check.table(value, call, position, label)
  return type(value) == "table" and value or args.expected("a table", value, call, position, label)
end

function check.environment(value, call, position, label)
  check.table(value, call, position, label)
  require("callgate.behaviour.processes").environment(value, call, position, label) -- in the child nothing can be said
  return value
end

function check.sigset(value, call, position, label)
  return args.record(value, call, position, label, types.t.sigset)
end

function check.signal(value, call, position, label)
  return args.choice(value, call, position, label, flags.group "SIG")
end

function check.stream(value, call, position, label)
  if value == "pipe" or value == "null" or value == "stdout" and label == "stderr" then
    return value
  end
  return args.fd(value, call, position, label)
end

local function unknown(name)
  local hint = require("callgate.suggest").hint(name, KNOWN)
  return args.misuse("spawn", 1, "options", ("unknown option %q%s"):format(tostring(name), hint))
end

local function read_options(given)
  if type(given) ~= "table" then
    return args.expected("a table { program, arguments..., option = value }", given, "spawn", 1, "options")
  end
  local options = { argv = {} }
  local text = require("callgate.behaviour.processes").text
  for i = 1, args.count(given, "spawn", 1, "", "a string") do
    options.argv[i] = args.string(text(given[i]), "spawn", 1, ("[%d]"):format(i))
  end
  for name, value in pairs(given) do
    if type(name) ~= "number" then
      options[name] = check[KNOWN[name] or unknown(name)](value, "spawn", 1, name)
    end
  end
  if not options.argv[1] then
    return args.misuse("spawn", 1, "options", "expected a program to run at [1]")
  end
  options.path = options.path or options.argv[1]
  options.argv[1] = options.arg0 or options.argv[1]
  return options
end

-- Resource limits by name, as records.
local function read_limits(options)
  local limits = {}
  for name, value in pairs(options.rlimits or {}) do
    local resource = args.choice(name, "spawn", 1, "rlimits", flags.group "RLIMIT")
    limits[resource] = args.record(value, "spawn", 1, ("rlimits.%s"):format(name), types.t.rlimit)
  end
  return limits
end

-- --- descriptors ---------------------------------------------------------------------------------------

-- What the child shall have: number -> descriptor; and this side's ends of new pipes by stream.
-- `made` collects what is the child's alone, to be closed here.
local function read_descriptors(options, made)
  local wanted, streams = {}, {}
  for number, fd in pairs(options.fds or {}) do
    number = args.int(number, "spawn", 1, "fds")
    if number < 0 then
      return args.expected("a number of a descriptor >= 0", number, "spawn", 1, "fds")
    end
    wanted[number] = args.fd(fd, "spawn", 1, ("fds[%d]"):format(number))
  end
  for stream, number in pairs(STDIO) do
    local value = options[stream]
    if value == "pipe" then
      local r, w, errno = S.pipe()
      if not r then
        return nil, w, errno
      end
      local theirs, ours = r, w
      if number ~= 0 then
        theirs, ours = w, r
      end
      made[#made + 1] = theirs
      wanted[number], streams[stream] = theirs.fd, ours
    elseif value == "null" then
      local fd, message, errno = S.open("/dev/null", "rdwr")
      if not fd then
        return nil, message, errno
      end
      made[#made + 1] = fd
      wanted[number] = fd.fd
    elseif value ~= nil and value ~= "stdout" then
      wanted[number] = value
    end
  end
  if options.stderr == "stdout" then
    wanted[2] = wanted[1] or 1
  end
  return wanted, streams
end

-- --- the process as the parent sees it -------------------------------------------------------------------

local process = {}
local process_mt = { __index = process }

function process_mt.__tostring(self)
  return ("process %d (%s)"):format(self.pid, self.status and tostring(self.status) or "running")
end

-- p:wait() -> status, the same again once it has ended; p:wait "nohang" -> false while it runs.
function process:wait(options)
  if self.status then
    args.flags(options, "waitpid", 2, "options", flags.group "W")
    return self.status
  end
  local pid, status, errno = S.waitpid(self.pid, options)
  if not pid then
    return nil, status, errno
  elseif pid == 0 then
    return false
  elseif status.exited or status.signaled then
    self.status = status
  end
  return status
end

-- p:kill "term": never goes to another process, since the number of a child is not free before it is waited for.
function process:kill(signal)
  signal = args.choice(signal == nil and "term" or signal, "kill", 2, "signal", flags.group "SIG")
  if self.status then
    return errors.failed(S.ESRCH)
  end
  return S.kill(self.pid, signal)
end

-- Writes to a pipe whose reader may be gone: as an error, without the signal that would end this process.
local function write(fd, data)
  local old = S.sigprocmask("block", "pipe")
  local before = S.sigpending():has "pipe"
  local count, message, errno = fd:write(data)
  if errno == S.EPIPE and not before then
    S.sigtimedwait("pipe", 0)
  end
  S.sigprocmask("setmask", old)
  return count, message, errno
end

local CHUNK = 65536 -- what a pipe holds: pipe(7)

-- What communicate does when a stream of `self` is ready; true when the stream has come to its end.
local function step(self, name, parts)
  if name == "stdin" then
    local count, _, errno = write(self.stdin, parts.stdin:sub(1, CHUNK))
    parts.stdin = parts.stdin:sub((count or 0) + 1)
    return parts.stdin == "" or not count and errno ~= S.EAGAIN
  end
  local data = self[name]:read(nil, CHUNK)
  if data and data ~= "" then
    table.insert(parts[name], data)
  end
  return not data or data == ""
end

-- p:communicate(input) writes input to stdin, reads stdout and stderr to their ends and waits, in whatever
-- order the program needs. -> what came from stdout and from stderr (nil where they are no pipes), status
function process:communicate(input)
  local parts = { stdin = args.optional_data(input, "communicate", 2, "input") or "", stdout = {}, stderr = {} }
  local open = { stdout = self.stdout, stderr = self.stderr, stdin = self.stdin }
  if open.stdin then
    S.nonblock(open.stdin)
    if parts.stdin == "" then
      open.stdin:close()
      open.stdin = nil
    end
  end
  while next(open) do
    local rows, names = {}, {}
    for name, fd in pairs(open) do
      rows[#rows + 1] = { fd, name == "stdin" and "out" or "in" }
      names[fd.fd] = name
    end
    local ready, message, errno = S.poll(rows)
    if not ready and errno ~= S.EINTR then
      return nil, message, errno
    end
    for fd in ready or function() end do
      local name = names[fd.fd]
      if step(self, name, parts) then
        fd:close()
        open[name] = nil
      end
    end
  end
  local status, message, errno = self:wait()
  if not status then
    return nil, message, errno
  end
  return self.stdout and table.concat(parts.stdout), self.stderr and table.concat(parts.stderr), status
end

-- --- the call ------------------------------------------------------------------------------------------

local function close_all(list)
  for _, fd in pairs(list) do
    fd:close()
  end
end

-- The errno that the child reports, nil once the program runs.
local function reported(r)
  local number = report_t()
  local count
  repeat
    count = sys.read(r.fd, number, REPORT)
  until count ~= -1 or ffi.errno() ~= S.EINTR
  return count == REPORT and number[0] or nil
end

-- S.spawn { "ls", "-l", cwd = "/", stdout = "pipe" } -> a process
function spawn.spawn()
  return function(given)
    local options = read_options(given)
    local limits = read_limits(options)
    local made = {}
    local wanted, streams, errno = read_descriptors(options, made)
    if not wanted then
      close_all(made)
      return nil, streams, errno
    end
    local r, w, failure = S.pipe()
    if not r then
      close_all(made)
      close_all(streams)
      return nil, w, failure
    end
    local become = child(options, wanted, limits)
    local pid, message, number = S.fork()
    if pid == 0 then
      become(w.fd)
    end
    w:close()
    close_all(made)
    number = pid and reported(r) or number
    r:close()
    if number then
      close_all(streams)
      if not pid then
        return nil, message, number
      end
      S.waitpid(pid)
      return errors.failed(number)
    end
    local self = { pid = pid, stdin = streams.stdin, stdout = streams.stdout, stderr = streams.stderr }
    self.pidfd = S.pidfd_open and S.pidfd_open(pid) or nil
    return setmetatable(self, process_mt)
  end
end

spawn.process = process

return spawn
