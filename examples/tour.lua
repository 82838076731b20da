-- A first look around: who this machine is, what lies in a directory, how a failing call reads,
-- and a message sent through a socketpair and picked up by epoll.
--
--   ./callgate lua examples/tour.lua [DIRECTORY]

local S = require "callgate"

local function section(title)
  print(("\n-- %s"):format(title))
end

section "this system"
local un = assert(S.uname())
print(("%s %s on %s"):format(un.sysname, un.release, un.machine))
print(("process %d of user %d, in %s"):format(S.getpid(), S.getuid(), assert(S.getcwd())))
local up = assert(S.clock_gettime("boottime"))
print(("up %.0f seconds"):format(up.time))

section "a directory"
local path = arg and arg[1] or "/etc"
local names = {}
for name in assert(S.dir(path)) do
  if name ~= "." and name ~= ".." then
    names[#names + 1] = name
  end
end
table.sort(names)
for i = 1, math.min(#names, 10) do
  local st = S.lstat(path .. "/" .. names[i])
  if st then
    local kind = st.isdir and "directory" or st.islnk and "link" or "file"
    print(("%10s  %-9s  %s"):format(tostring(st.size), kind, names[i]))
  end
end
print(("%d entries in %s"):format(#names, path))

section "a call that fails"
local fd, message, errno = S.open("/no/such/file", "rdonly")
print(tostring(fd), message, errno, errno == S.ENOENT and "ENOENT")

section "a message through a socketpair and epoll"
local a, b = assert(S.socketpair("unix", "stream"))
local ep = assert(S.epoll_create())
assert(ep:add(b, "in"))
assert(a:write("hello, kernel"))
for ready, event in assert(ep:wait(1, 1000)) do
  print(("descriptor %d is %s"):format(ready, event.readable and "readable" or "not readable"))
end
print(("received %q"):format(assert(b:read(nil, 64))))
assert(a:close())
assert(b:close())
assert(ep:close())
