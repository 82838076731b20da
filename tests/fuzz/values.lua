-- Lua values of every sort, and what they look like in a report. Each maker gets the source of random
-- numbers and what the case may use; it returns the value and its text.

local ffi = require "ffi"

ffi.cdef "enum fuzz { FUZZ_A, FUZZ_B };"

local values = {}

local NUMBERS = {
  0, 1, 2, 3, 5, 7, 8, 16, 24, 64, 100, 255, 256, 1000, 4096, 65535, 65536, -1, -2, -100, 0.5, -1.5,
  2 ^ 31 - 1, 2 ^ 31, -2 ^ 31, -2 ^ 31 - 1, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 47, 2 ^ 53, 2 ^ 53 + 2, -2 ^ 53, 2 ^ 63,
  2 ^ 64, -2 ^ 63, 1e300, 1 / 0, -1 / 0, 0 / 0, -0.0,
}

local STRINGS = {
  "", " ", "a", "\0", "a\0b", "fuzz", "fuzz/none", "none", ".", "..", "/", "link", "/dev/null", "/dev/zero",
  "/proc/self/status", "stdin", "stdout", "stderr", "fdcwd", ",", "|", ",,|", "~", "~cloexec", "cloexec",
  "rdwr, creat", "RDONLY|nonblock", "creat,,", "0", "0x", "0644", "u=rw,g=r", "u+", "-1", "12345678901234567890",
  "127.0.0.1", "1.2.3.4.5", "::1", "::1::", "fe80::1%lo", "unix", "inet", "socket", "int", "int, term", "all",
  "read, write", "private, anonymous", "set", "end", "nohang", "timespec", "struct timespec", "int *", "int[",
  "linux/fs.h", "no/such.h", "../x.h", "%s%n%d", "%", "[", "\255\254", "__gc", "__index", "fd", "value", "\n",
}

local KEYS = {
  1, 2, 3, 0, -1, 1.5, true, "flags", "mode", "fd", "fds", "events", "data", "value", "interval", "tv_sec",
  "tv_nsec", "tv_usec", "type", "whence", "start", "len", "l_type", "path", "addr", "port", "family", "name",
  "iov_base", "iov_len", "sin_addr", "sin_port", "sun_path", "pid", "resolve", "control", "no_such_field",
  "credentials", "s_addr", "sec", "nsec", "sigev_notify", "l_onoff", "cur", "max", "u64", "__gc", "",
}

local CTYPES = {
  "char[1]", "char[16]", "uint8_t[4096]", "int[1]", "int[2]", "int[64]", "unsigned long[16]", "uint64_t[4]",
  "long[2]", "double[1]", "struct { int a, b; }", "struct { long a[8]; }", "union { int i; char c[4]; }",
  "char *[4]", "void *[1]",
}

local SCALARS = {
  "int64_t", "uint64_t", "int8_t", "uint8_t", "int", "unsigned int", "short", "float", "double", "bool", "long",
  "size_t", "complex", "enum fuzz",
}

local POINTERS = { "void *", "char *", "const char *", "int *", "uint8_t *", "unsigned long *", "void (*)(void)" }

local function number_text(n)
  if n ~= n then
    return "0/0"
  elseif n == 1 / 0 or n == -1 / 0 then
    return n > 0 and "1/0" or "-1/0"
  end
  return ("%.17g"):format(n)
end

local function string_text(s)
  return #s > 80 and ("('%s'):rep(%d)"):format(s:sub(1, 1), #s) or ("%q"):format(s)
end

function values.number(rng)
  local n = rng:chance(70) and rng:pick(NUMBERS) or rng:int(1000) - 10
  return n, number_text(n)
end

function values.small(rng)
  local n = rng:int(20) - 1
  return n, number_text(n)
end

function values.string(rng, place)
  local s
  if rng:chance(15) then
    s = ("x"):rep(rng:pick { 107, 108, 255, 256, 4095, 4096, 5000, 70000 })
  elseif rng:chance(25) then
    s = rng:pick(place.words)
  else
    s = rng:pick(STRINGS)
  end
  place.keep(s)
  return s, string_text(s)
end

-- --- memory ------------------------------------------------------------------------------------------

-- An object of a C type with bytes around it that nobody may change: place.overrun() tells.
function values.memory(rng, place, text)
  text = text or rng:pick(CTYPES)
  return place.guarded(ffi.typeof(text)), ("memory(%q)"):format(text)
end

function values.scalar(rng)
  local text = rng:pick(SCALARS)
  local n = rng:pick { 0, 1, -1, 3, 2 ^ 31, 2 ^ 40, -2 ^ 40 }
  return ffi.new(text, n), ("ffi.new(%q, %s)"):format(text, number_text(n))
end

-- Pointers: to nothing, and to the arena. Others are C's matter: whoever makes them answers for them.
function values.pointer(rng, place)
  local text = rng:pick(POINTERS)
  if rng:chance(40) and not place.no_null then
    return ffi.cast(text, nil), ("ffi.cast(%q, nil)"):format(text)
  end
  return ffi.cast(text, place.arena), ("ffi.cast(%q, arena)"):format(text)
end

-- A record of the library: empty memory, a pointer to it or to nothing.
function values.record(rng, place)
  local name = rng:pick(place.record_names)
  local ctype = place.S.t[name]
  if type(ctype) ~= "cdata" then
    return ctype, "S.t." .. name
  end
  local size = ffi.sizeof(ctype)
  if rng:chance(20) or not size or size > 4096 then
    return ctype, "S.t." .. name
  elseif rng:chance(15) and not place.no_null then
    return ffi.cast(ffi.typeof("$ *", ctype), nil), ("S.pt.%s(nil)"):format(name)
  elseif rng:chance(15) then
    return ffi.cast(ffi.typeof("$ *", ctype), place.arena), ("S.pt.%s(arena)"):format(name)
  end
  return place.guarded(ctype), ("memory(S.t.%s)"):format(name)
end

-- --- descriptors and other objects -----------------------------------------------------------------------

local OBJECTS = {
  file = function(S) return S.open("fuzz-file", "rdwr, creat", "0600") end,
  full = function(S)
    local fd = S.open("fuzz-full", "rdwr, creat", "0600")
    if fd then
      fd:write "some text to read"
    end
    return fd
  end,
  zero = function(S) return S.open "/dev/zero" end,
  folder = function(S) return S.open(".", "directory") end,
  path = function(S) return S.open(".", "path") end,
  reader = function(S) return (S.pipe()) end,
  writer = function(S) return (select(2, S.pipe())) end,
  unix = function(S) return (S.socketpair("unix", "stream")) end,
  datagram = function(S) return (S.socketpair("unix", "dgram")) end,
  udp = function(S) return S.socket("inet", "dgram") end,
  tcp6 = function(S) return S.socket("inet6", "stream") end,
  netlink = function(S) return S.socket("netlink", "raw") end,
  epoll = function(S) return S.epoll_create() end,
  event = function(S) return S.eventfd(1) end,
  timer = function(S) return S.timerfd_create "monotonic" end,
  signal = function(S) return S.signalfd "usr1" end,
  inotify = function(S) return S.inotify_init() end,
  memory = function(S) return S.memfd_create("fuzz", "allow_sealing") end,
  pidfd = function(S) return S.pidfd_open and S.pidfd_open(S.getpid()) end,
  closed = function(S)
    local fd = S.open "."
    if fd then
      fd:close()
    end
    return fd
  end,
  standard = function(S) return S.stdin end,
  region = function(S) return S.mmap(nil, 8192, "read, write", "private, anonymous") end,
  unmapped = function(S)
    local region = S.mmap(nil, 4096, "read", "private, anonymous")
    if region then
      region:unmap()
    end
    return region
  end,
}

local object_names = {}
for name in pairs(OBJECTS) do
  object_names[#object_names + 1] = name
end
table.sort(object_names)
values.object_names = object_names

function values.object(rng, place, name)
  name = name or rng:pick(object_names)
  return OBJECTS[name](place.S), ("object %q"):format(name)
end

-- --- tables and the rest -------------------------------------------------------------------------------

local function cycle()
  local t = {}
  t[1], t.next, t.value, t.flags = t, t, t, t
  return t
end

local function deep()
  local t = {}
  for _ = 1, 300 do
    t = { t, value = t }
  end
  return t
end

local function hostile()
  local function refuse()
    error("the caller's own error", 0)
  end
  local mt = { __index = refuse, __newindex = refuse, __len = refuse, __call = refuse, __tostring = refuse }
  return setmetatable({}, mt)
end

local ODDITIES = {
  { "{}", function() return {} end },
  { "cycle", cycle },
  { "deep", deep },
  { "hostile", hostile },
  { "{[2^31]=1}", function() return { [2 ^ 31] = 1 } end },
  { "{[0]=1}", function() return { [0] = 1 } end },
  { "{1, nil, 3}", function() return { 1, nil, 3 } end },
  { "2000 items", function()
    local t = {}
    for i = 1, 2000 do
      t[i] = i
    end
    return t
  end },
  { "function() end", function() return function() end end },
  { "error", function() return error end },
  { "coroutine", function() return coroutine.create(function() end) end },
  { "newproxy()", function() return newproxy(true) end },
  { "io.stdout", function() return io.stdout end },
  { "_G", function() return _G end },
  { "S", function(place) return place.S end },
  { "S.c.O", function(place) return place.S.c.O end },
  { "ffi.C", function() return ffi.C end },
  { "ffi.C.abs", function() return ffi.C.fuzz_abs end },
  { "ffi.typeof 'int'", function() return ffi.typeof "int" end },
  { "ffi.typeof 'int[4]'", function() return ffi.typeof "int[4]" end },
  { "true", function() return true end },
  { "false", function() return false end },
}

function values.oddity(rng, place)
  local row = rng:pick(ODDITIES)
  return row[2](place), row[1]
end

-- A table of random items under keys that the library knows, and lists.
function values.table(rng, place, depth)
  local t, parts = {}, {}
  for i = 1, rng:int(4) do
    local key = rng:chance(50) and i or rng:pick(KEYS)
    local value, text = values.any(rng, place, (depth or 0) + 1)
    t[key] = value
    parts[i] = ("[%s] = %s"):format(type(key) == "string" and ("%q"):format(key) or tostring(key), text)
  end
  return t, "{ " .. table.concat(parts, ", ") .. " }"
end

-- A list of what mostly is of one sort, with something else in it or a hole.
function values.list(rng, place)
  local list, parts = {}, {}
  local make = rng:pick { values.string, values.small, values.small, values.table }
  for i = 1, rng:int(4) do
    local other = rng:chance(20)
    local value, text = (other and values.any or make)(rng, place, 2)
    list[i], parts[i] = value, text or "nil"
  end
  return list, "{ " .. table.concat(parts, ", ") .. " }"
end

local MAKERS = {
  values.number, values.number, values.string, values.string, values.memory, values.scalar, values.pointer,
  values.record, values.object, values.oddity, values.oddity, values.table,
}

-- Anything at all.
function values.any(rng, place, depth)
  if rng:chance(12) then
    return nil, "nil"
  end
  local maker = rng:pick(MAKERS)
  if maker ~= values.table then
    return maker(rng, place)
  elseif (depth or 0) > 2 then
    return values.number(rng)
  end
  return values.table(rng, place, depth)
end

-- --- what fits a parameter of that name, more or less ---------------------------------------------------

local FITTING = {
  { { "fd$", "^fd", "^sock", "^self$", "^in$", "^out$" },
    { values.object, values.object, values.small, values.string } },
  { { "path", "name", "from", "^to$", "^target$" }, { values.string } },
  { { "flags", "options", "mode", "^how$", "^what$", "op$", "cmd", "request", "type", "which", "whence",
      "advice", "prot", "level", "domain", "clock", "resource" },
    { values.string, values.string, values.number, function() return nil, "nil" end } },
  { { "buf", "data", "ptr", "addr", "value", "vec", "stat" },
    { values.memory, values.string, values.record, values.pointer } },
  { { "count", "len", "size", "^n", "offset", "pos", "max" }, { values.small, values.number, values.scalar } },
  { { "time", "^ts", "iov", "events", "set", "mask", "items", "list", "argv", "env", "msg", "groups", "operations",
      "rules", "waiters", "messages" },
    { values.table, values.list, values.list, values.number, values.string, values.record } },
}

local fitting = {} -- parameter's name -> makers, or false

local function makers_for(name)
  if fitting[name] == nil then
    fitting[name] = false
    for _, row in ipairs(FITTING) do
      for _, pattern in ipairs(row[1]) do
        if not fitting[name] and name:find(pattern) then
          fitting[name] = row[2]
        end
      end
    end
  end
  return fitting[name]
end

-- A value for the parameter `name` (nil where it has none): often one that it takes, so that the call
-- gets to look at the others, too.
function values.argument(rng, place, name)
  local makers = name and makers_for(name)
  if makers and rng:chance(65) then
    return rng:pick(makers)(rng, place)
  end
  return values.any(rng, place)
end

values.KEYS = KEYS

return values
