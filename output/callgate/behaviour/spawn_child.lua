-- What S.spawn does in the child, up to the program. Everything is loaded and converted in the parent: in the child
-- the library's files may be out of reach (another root, a limit on descriptors), and an error would leave a second
-- copy of the caller.

local ffi = require "ffi"
local constants = require "callgate.constants"
local sys = require "callgate.sys"
local types = require "callgate.types"

local FIRST_FREE = 3 -- descriptor
local EXIT_FAILURE = 127 -- what shells return for a program that they cannot run
local PATH = "/usr/local/bin:/bin:/usr/bin" -- of execvp(3), where the environment has none
local report_t = ffi.typeof "int[1]"
local REPORT = ffi.sizeof(report_t)

local function call(name)
  return require("callgate.calls").get(name)
end

-- --- descriptors ---------------------------------------------------------------------------------------

-- A function that gives every wanted descriptor its number. Sources go above all wanted numbers first, so that
-- none is overwritten before it is duplicated. It returns whether it worked, and where `report` is now.
local function arranging(wanted)
  local fcntl, dup3 = sys.fcntl, sys.dup3
  local DUPFD, SETFD = constants.get "F_DUPFD_CLOEXEC", constants.get "F_SETFD"
  local top = FIRST_FREE
  for number in pairs(wanted) do
    top = math.max(top, number + 1)
  end
  return function(report)
    if report < top then
      report = fcntl(report, DUPFD, top)
      if report == -1 then
        return false
      end
    end
    local sources = {}
    for number, fd in pairs(wanted) do
      if fd ~= number and fd < top then
        fd = fcntl(fd, DUPFD, top)
        if fd == -1 then
          return false, report
        end
      end
      sources[number] = fd
    end
    for number, fd in pairs(sources) do
      local result = fd == number and fcntl(fd, SETFD, 0) or dup3(fd, number, 0)
      if result == -1 then
        return false, report
      end
    end
    return true, report
  end
end

-- --- steps ---------------------------------------------------------------------------------------------

-- A step is a function that returns nil, message, errno when it fails. This makes one of a call and its arguments.
local function step(name, ...)
  local fn, given, count = call(name), { ... }, select("#", ...)
  return function()
    return fn(unpack(given, 1, count))
  end
end

-- Sets the action of every signal of a set; "all" has some that cannot be set, and need not be.
local function actions(set, action)
  local sigaction, record, numbers = call "sigaction", types.t.sigaction { action }, set:list()
  for i, name in ipairs(numbers) do
    numbers[i] = require("callgate.flags").c.SIG(name)
  end
  return function()
    for _, number in ipairs(numbers) do
      sigaction(number, record)
    end
    return true
  end
end

local PRIO_PROCESS, PR_SET_PDEATHSIG = 0, 1 -- linux/resource.h, linux/prctl.h: the same everywhere

-- What may be done to the child before the program starts, in this order: an option, and what makes its step.
local STEPS = {
  { "setsid", function(yes) return yes and step "setsid" or nil end },
  { "pgid", function(pgid) return step("setpgid", 0, pgid) end },
  { "umask", function(mode) return step("umask", mode) end },
  { "nice", function(level) return step("setpriority", PRIO_PROCESS, 0, level) end },
  { "groups", function(list) return step("setgroups", list) end },
  { "gid", function(gid) return step("setresgid", gid, gid, gid) end },
  { "chroot", function(path) return step("chroot", path) end },
  { "uid", function(uid) return step("setresuid", uid, uid, uid) end },
  { "cwd", function(path) return step("chdir", path) end },
  { "pdeathsig", function(signal)
    local prctl = sys.prctl
    return function()
      return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) == 0 or nil, nil, ffi.errno()
    end
  end },
  { "default", function(set) return actions(set, "default") end },
  { "ignore", function(set) return actions(set, "ignore") end },
}

-- The signals of the program: what the caller has, without those that S.on_signal keeps back for Lua.
local function masking(mask)
  if mask then
    return step("sigprocmask", constants.get "SIG_SETMASK", mask)
  elseif package.loaded["callgate.behaviour.on_signal"] then
    return step("sigprocmask", constants.get "SIG_UNBLOCK", require("callgate.behaviour.on_signal").blocked)
  end
end

local function steps(options, limits)
  local list = {}
  for resource, limit in pairs(limits) do
    list[#list + 1] = step("setrlimit", resource, limit)
  end
  for _, row in ipairs(STEPS) do
    if options[row[1]] ~= nil then
      list[#list + 1] = row[2](options[row[1]])
    end
  end
  list[#list + 1] = masking(options.mask)
  return list
end

-- --- the program ---------------------------------------------------------------------------------------

-- The files to try: where the program's name has no slash, those in the folders of PATH, as execvp(3) does.
local function candidates(options)
  if options.path:find("/", 1, true) then
    return { options.path }
  end
  local list = {}
  local path = options.env and options.env.PATH or os.getenv "PATH" or PATH
  for folder in (path .. ":"):gmatch "([^:]*):" do
    list[#list + 1] = (folder == "" and "." or folder) .. "/" .. options.path
  end
  return list
end

-- A function that runs the program, and returns the errno of why it could not.
local function running(options)
  local execve, files, argv, env = call "execve", candidates(options), options.argv, options.env
  local ENOENT, ENOTDIR, EACCES = constants.get "ENOENT", constants.get "ENOTDIR", constants.get "EACCES"
  return function()
    local denied, last = false, ENOENT
    for _, file in ipairs(files) do
      last = select(3, execve(file, argv, env))
      denied = denied or last == EACCES
      if last ~= ENOENT and last ~= ENOTDIR and last ~= EACCES then
        return last
      end
    end
    return denied and EACCES or last
  end
end

-- child(options, wanted, limits) -> a function for the child, which is given the descriptor to report an errno to. It
-- never returns, whatever happens.
return function(options, wanted, limits)
  local write, exit, EINVAL = sys.write, sys.exit_group, constants.get "EINVAL"
  local arrange, list, run = arranging(wanted), steps(options, limits), running(options)
  local function prepare(report)
    local ok
    ok, report.fd = arrange(report.fd)
    if not ok then
      return ffi.errno()
    end
    for _, perform in ipairs(list) do
      local result, _, errno = perform()
      if result == nil then
        return errno
      end
    end
    return run()
  end
  return function(fd)
    local report = { fd = fd }
    local ok, errno = pcall(prepare, report)
    write(report.fd or fd, report_t(ok and errno or EINVAL), REPORT)
    exit(EXIT_FAILURE)
  end
end
