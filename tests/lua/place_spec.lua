-- The library's files, when the program no longer sees them where they were.

local t = ...

local S = require "callgate"

-- What `fn(S)` returns in a process of its own, with a library of which nothing is loaded yet; that
-- of `folder`, found from there, where one is given.
local function afresh(fn, folder)
  local r, w = t.ok(S.pipe())
  local exit, write, chdir = S.exit, S.write, S.chdir -- loaded here: the child may not be able to
  local pid = t.ok(S.fork())
  if pid == 0 then
    while #package.loaders > 4 do
      table.remove(package.loaders) -- Lua's own stay
    end
    for name in pairs(package.loaded) do
      if name:find "^callgate" then
        package.loaded[name] = nil
      end
    end
    debug.getregistry().callgate_places = nil
    if folder then
      chdir(folder)
      package.path = "./?.lua;./?/init.lua"
    end
    local _, result = pcall(function() return fn(require "callgate") end)
    write(w, tostring(result))
    exit(0)
  end
  w:close()
  local parts = {}
  repeat
    parts[#parts + 1] = t.ok(r:read())
  until parts[#parts] == ""
  t.ok(S.waitpid(pid))
  return table.concat(parts)
end

-- No file can be opened any more.
local function no_files(library)
  assert(library.setrlimit("nofile", 0))
end

local function use(library)
  local _, _, errno = library.statx(nil, "none", nil, "ino")
  return tostring(library.t.timespec(1.5)) .. library.c.O["creat, excl"]
    .. library.h["linux/input-event-codes.h"].KEY_A .. library.t.perf_event_attr({ disabled = 1 }).disabled .. errno
end

local USED = "timespec { tv_sec = 1, tv_nsec = 500000000 }" .. (S.O_CREAT + S.O_EXCL) .. "301" .. S.ENOENT

t.describe("the library's files", function()
  t.it("are found after a chdir, however they were found at first", function()
    local file = t.ok(package.searchpath("callgate", package.path))
    local folder = t.ok(file:match "^(.*)/callgate/init%.lua$")
    local used = afresh(function(library)
      assert(library.chdir "/")
      local ok, message = pcall(library.open, "x", "cerat")
      assert(not ok and message:find "^[^:]*place_spec.lua:", message)
      return use(library)
    end, folder)
    t.equal(used, USED)
  end)

  t.it("need not be found once they are preloaded", function()
    t.equal(afresh(function(library)
      assert(library.preload())
      no_files(library)
      return use(library)
    end), USED)
  end)

  t.it("are missed with a reason, and with what to do", function()
    t.matches(afresh(function(library)
      no_files(library)
      return library.stat "/"
    end), "the library's files are out of reach %(.*/place.lua: .*%): call S.preload%(%) before chroot, ")
  end)

  t.it("that never were are missed as ever", function()
    t.matches(select(2, pcall(require, "callgate.none")), "^module 'callgate.none' not found")
  end)
end)
