-- fork, execve and the wait family.

local ffi = require "ffi"
local args = require "callgate.args"
local descriptors = require "callgate.fd"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"
local types = require "callgate.types"

local processes = {}

local fail = errors.fail
local tobit = require("bit").tobit -- WCLONE is the highest bit of an int, which C's conversion would not keep

-- Through libc: its own state (locks of stdio and malloc, the thread's number) must be right in the child.
function processes.fork()
  local name = sys.symbol("fork", "i:")
  return function()
    local result = ffi.C[name]()
    if result == -1 then
      return fail()
    end
    return result
  end
end

-- A number as a program gets it; all else as it is. Of large integers tostring would cut digits.
local function text(value)
  if type(value) ~= "number" then
    return value
  end
  return value % 1 == 0 and ("%.0f"):format(value) or tostring(value)
end
processes.text = text

-- A NULL-terminated array of C strings; the table keeps its strings alive.
local function strings(items, call, position, label)
  local count = args.count(items, call, position, label, "a string")
  local array = ffi.new("const char *[?]", count + 1)
  for i = 1, count do
    array[i - 1] = args.string(items[i], call, position, ("%s[%d]"):format(label, i))
  end
  return array
end

-- A variable of an environment as the kernel has it, checked.
local function variable(name, value, call, position, label)
  local place = ("%s[%s]"):format(label, errors.shown(name))
  if type(name) == "number" then
    return args.string(value, call, position, place)
  elseif type(name) ~= "string" or name == "" or name:find "=" then
    args.expected('names of variables, without "="', name, call, position, label)
  elseif type(value) ~= "string" and type(value) ~= "number" and type(value) ~= "boolean" then
    args.expected("a string or a number", value, call, position, place)
  end
  return args.string(("%s=%s"):format(name, tostring(text(value))), call, position, place)
end

-- { "A=1" } as it is, { A = 1 } as "A=1"; sorted, so that a program always sees the same.
local function environment(env, call, position, label)
  local list = {}
  args.count(env, call, position, label, "a string")
  for name, value in pairs(env) do
    list[#list + 1] = variable(name, value, call, position, label)
  end
  table.sort(list)
  return list
end
processes.environment = environment

-- The environment that this process has now, for a program that inherits it.
local function inherited()
  ffi.cdef [[extern const char **callgate_environ __asm__("environ");]]
  return ffi.C.callgate_environ
end

-- The two arrays of execve, and a table that keeps their strings alive.
local function program(call, position, argv, env)
  if type(argv) ~= "table" then
    args.expected("a table of arguments, the program's name first", argv, call, position, "argv")
  elseif env ~= nil and type(env) ~= "table" then
    args.expected("a table { NAME = value }, or nothing to inherit it", env, call, position + 1, "envp")
  end
  local list = env and environment(env, call, position + 1, "envp")
  local variables = list and strings(list, call, position + 1, "envp") or inherited()
  local arguments = {}
  for i = 1, args.count(argv, call, position, "argv", "a string") do
    arguments[i] = text(argv[i])
  end
  return strings(arguments, call, position, "argv"), variables, { list, arguments }
end

-- S.execve("/bin/echo", { "echo", "hello" }, { PATH = "/bin" }); without the last the environment is inherited.
function processes.execve()
  local raw = sys.execve
  return function(path, argv, env)
    path = args.path(path, "execve", 1, "path")
    local arguments, variables, list = program("execve", 2, argv, env)
    raw(path, arguments, variables)
    return fail(list)
  end
end

function processes.execveat()
  local raw = sys.execveat
  local AT = flags.group "AT"
  return function(dirfd, path, argv, env, options)
    local dirfd_number = args.dirfd(dirfd, "execveat", 1, "dirfd")
    path = args.path(path, "execveat", 2, "path")
    options = args.flags(options, "execveat", 5, "flags", AT)
    local arguments, variables, list = program("execveat", 3, argv, env)
    raw(dirfd_number, path, arguments, variables, options)
    return fail(list)
  end
end

-- --- waiting -----------------------------------------------------------------------------------------

local int_t = ffi.typeof "int[1]"

-- What wait4 and its kin return; `usage` may be nil.
local function waiting(call)
  local raw = sys.wait4
  local W = flags.group "W"
  local status_of = require("callgate.kinds.status").type
  return function(pid, options, usage)
    pid = pid == nil and -1 or args.int(pid, call, 1, "pid")
    options = args.flags(options, call, 2, "options", W)
    local status = int_t()
    local result = raw(pid, status, tobit(options), usage)
    if result == -1 then
      return fail()
    elseif result == 0 then
      return 0 -- "nohang", and no child has changed
    end
    return result, status_of(status[0]), usage
  end
end

-- S.wait4(pid, "nohang") -> number, status, rusage
function processes.wait4()
  local wait = waiting "wait4"
  local rusage = types.t.rusage
  return function(pid, options, usage)
    return wait(pid, options, args.out(usage, "wait4", 3, "usage", rusage))
  end
end

-- S.waitpid(pid) -> number, status
function processes.waitpid()
  local wait = waiting "waitpid"
  return function(pid, options)
    return wait(pid, options)
  end
end

function processes.wait()
  local wait = waiting "wait"
  return function()
    return wait(-1)
  end
end

-- S.waitid("pid", pid, "exited") -> siginfo;  S.waitid("pidfd", fd, "exited, nohang")
-- With "nohang" and no child that changed, info.pid is 0.
function processes.waitid()
  local raw = sys.waitid
  local P, W = flags.group "P", flags.group "W"
  local siginfo = types.t.siginfo
  return function(idtype, id, options, info)
    idtype = args.choice(idtype, "waitid", 1, "idtype", P)
    local number = descriptors.number(id) and args.fd(id, "waitid", 2, "id")
      or id == nil and 0 or args.int(id, "waitid", 2, "id")
    options = args.flags(options == nil and "exited" or options, "waitid", 3, "options", W)
    info = args.out(info, "waitid", 4, "info", siginfo)
    if raw(idtype, number, info, tobit(options), nil) == -1 then
      return fail()
    end
    return info
  end
end

-- pidfd:wait() -> siginfo, as S.waitid("pidfd", pidfd, "exited")
function processes.pidfd_wait()
  local raw = sys.waitid
  local W, P_PIDFD = flags.group "W", flags.group("P").pidfd
  local siginfo = types.t.siginfo
  return function(fd, options, info)
    local fd_number = args.fd(fd, "pidfd_wait", 1, "fd")
    options = args.flags(options == nil and "exited" or options, "pidfd_wait", 2, "options", W)
    info = args.out(info, "pidfd_wait", 3, "info", siginfo)
    if raw(P_PIDFD, fd_number, info, tobit(options), nil) == -1 then
      return fail()
    end
    return info
  end
end

return processes
