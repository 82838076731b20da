-- S.spawn: a program in a child process, with its descriptors, and failures of the child told to the parent
-- through a pipe that closes when the program starts (as Python's subprocess and BSD's posix_spawn do).

local ffi = require "ffi"
local args = require "callgate.args"
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

local PATH = "/usr/local/bin:/bin:/usr/bin" -- of execvp(3), where the environment has none
local EXIT_FAILURE = 127 -- what shells return for a program that they cannot run
local FIRST_FREE = 3 -- descriptor
local report_t = ffi.typeof "int[1]"
local REPORT = ffi.sizeof(report_t)

-- --- the options, checked before anything is made -------------------------------------------------------

local STDIO = { stdin = 0, stdout = 1, stderr = 2 }

local KNOWN = {
  path = "string", env = "table", cwd = "path", fds = "table", stdin = "stream", stdout = "stream",
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
  local names = {}
  for known in pairs(KNOWN) do
    names[#names + 1] = known
  end
  table.sort(names)
  local near = require("callgate.suggest").nearest(tostring(name), names)
  local hint = near and ("; did you mean %q?"):format(near) or ""
  return args.misuse("spawn", 1, "options", ("unknown option %q%s"):format(tostring(name), hint))
end

local function read_options(given)
  if type(given) ~= "table" then
    return args.expected("a table { program, arguments..., option = value }", given, "spawn", 1, "options")
  end
  local options = { argv = {} }
  for i = 1, #given do
    options.argv[i] = args.string(given[i], "spawn", 1, ("[%d]"):format(i))
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

-- In the child: gives every wanted descriptor its number. Sources go above all wanted numbers first, so that
-- none is overwritten before it is duplicated. Returns where `report` is now.
local function arrange(wanted, report)
  local top = FIRST_FREE
  for number in pairs(wanted) do
    top = math.max(top, number + 1)
  end
  if report < top then
    report = sys.fcntl(report, S.F_DUPFD_CLOEXEC, top)
    if report == -1 then
      return nil
    end
  end
  local sources = {}
  for number, fd in pairs(wanted) do
    if fd ~= number and fd < top then
      fd = sys.fcntl(fd, S.F_DUPFD_CLOEXEC, top)
      if fd == -1 then
        return nil, report
      end
    end
    sources[number] = fd
  end
  for number, fd in pairs(sources) do
    local result = fd == number and sys.fcntl(fd, S.F_SETFD, 0) or sys.dup3(fd, number, 0)
    if result == -1 then
      return nil, report
    end
  end
  return true, report
end

-- --- the child -----------------------------------------------------------------------------------------

-- What may be done to the child before the program starts, in this order; each returns nothing on failure.
local STEPS = {
  { "setsid", function() return S.setsid() end },
  { "pgid", function(pgid) return S.setpgid(0, pgid) end },
  { "umask", function(mode) return S.umask(mode) end },
  { "nice", function(level) return S.setpriority("process", 0, level) end },
  { "groups", function(list) return S.setgroups(list) end },
  { "gid", function(gid) return S.setresgid(gid, gid, gid) end },
  { "chroot", function(path) return S.chroot(path) end },
  { "uid", function(uid) return S.setresuid(uid, uid, uid) end },
  { "cwd", function(path) return S.chdir(path) end },
  { "pdeathsig", function(signal) return S.prctl("set_pdeathsig", signal) end },
  { "default", function(set)
    for _, number in ipairs(set:list()) do
      S.sigaction(number, "default") -- "all" has some that cannot be set, and need not be
    end
    return true
  end },
  { "ignore", function(set)
    for _, number in ipairs(set:list()) do
      S.sigaction(number, "ignore")
    end
    return true
  end },
}

-- The signals of the program: what the caller has, without those that S.on_signal keeps back for Lua.
local function set_mask(mask)
  if mask then
    return S.sigprocmask("setmask", mask)
  elseif package.loaded["callgate.behaviour.on_signal"] then
    return S.sigprocmask("unblock", require("callgate.behaviour.on_signal").blocked)
  end
  return true
end

-- Runs the program; where its name has no slash, from the folders of PATH, as execvp(3) does.
local function run(options)
  if options.path:find("/", 1, true) then
    return select(3, S.execve(options.path, options.argv, options.env))
  end
  local denied, last = false, S.ENOENT
  local path = options.env and options.env.PATH or os.getenv "PATH" or PATH
  for folder in (path .. ":"):gmatch "([^:]*):" do
    local file = (folder == "" and "." or folder) .. "/" .. options.path
    last = select(3, S.execve(file, options.argv, options.env))
    denied = denied or last == S.EACCES
    if last ~= S.ENOENT and last ~= S.ENOTDIR and last ~= S.EACCES then
      return last
    end
  end
  return denied and S.EACCES or last
end

-- Everything up to the program; the errno of what failed.
local function prepare(options, wanted, limits)
  local ok, where = arrange(wanted, options.report)
  options.report = where or options.report
  if not ok then
    return ffi.errno()
  end
  for resource, limit in pairs(limits) do
    local _, _, errno = S.setrlimit(resource, limit)
    if errno then
      return errno
    end
  end
  for _, step in ipairs(STEPS) do
    local value = options[step[1]]
    if value ~= nil and value ~= false then
      local _, _, errno = step[2](value)
      if errno then
        return errno
      end
    end
  end
  local _, _, errno = set_mask(options.mask)
  return errno or run(options)
end

-- Never returns, whatever happens: this is a copy of the caller, which must not go on here.
local function child(options, wanted, limits)
  local ok, errno = pcall(prepare, options, wanted, limits)
  sys.write(options.report, report_t(ok and errno or S.EINVAL), REPORT)
  S._exit(EXIT_FAILURE)
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
  if self.status then
    return errors.failed(S.ESRCH)
  end
  return S.kill(self.pid, signal == nil and "term" or signal)
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
    options.report = w.fd
    local pid, message, number = S.fork()
    if pid == 0 then
      child(options, wanted, limits)
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
