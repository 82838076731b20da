-- The machine that this LuaJIT was made for, as the library knows it: a row of targets.lua, and
--   name      LuaJIT's name of the architecture: "x64", "arm", "mipsel"
--   numbers   the kernel's name of each system call -> its number
--   version, kernel   of the library and of the headers that it was made from
-- A row has registers (bits of one), pair_alignment (64-bit arguments begin at an even register), big_endian
-- and libcs (the C libraries whose headers' facts there are).

local ffi = require "ffi"
local known = require "callgate.targets"

local function unknown()
  local names = {}
  for name, row in pairs(known.targets) do
    names[#names + 1] = ("%s on %s"):format(row.os, name)
  end
  table.sort(names)
  error(("callgate: this LuaJIT is for %s on %s; the library knows %s"):format(
    jit.os, jit.arch, table.concat(names, ", ")), 0)
end

local row = known.targets[jit.arch]
if not row or row.os ~= jit.os then
  unknown()
end

local target = {
  name = jit.arch,
  numbers = require("callgate.numbers." .. jit.arch),
  version = known.version,
  kernel = known.kernel,
}
for key, value in pairs(row) do
  target[key] = value
end

local function has(symbol)
  local name = "callgate_libc_" .. symbol
  return pcall(function()
    ffi.cdef(('void %s(void) __asm__("%s");'):format(name, symbol))
    return ffi.C[name]
  end)
end

local libc

-- The C library that runs this process: "glibc", "musl" or "uclibc", told by a symbol that it alone has.
-- Its own headers' constants depend on it, the kernel's do not.
function target.libc()
  if not libc then
    libc = has "__uClibc_main" and "uclibc" or has "gnu_get_libc_version" and "glibc" or "musl"
  end
  return libc
end

-- The C library whose facts are given here: where the library has none of the process's own, glibc's, which
-- others descend from.
local function given()
  local own = target.libc()
  return target.libcs[own] and own or "glibc"
end

-- Whether `on`, the words of a delta ("arm mips", "!musl", "musl-arm"; emit/merge.py), mean this process.
function target.is(on)
  local inverse = on:sub(1, 1) == "!"
  local words = " " .. (inverse and on:sub(2) or on) .. " "
  local function named(word)
    return words:find(" " .. word .. " ", 1, true) ~= nil
  end
  local found = named(target.name)
  if not found and (words:find("libc", 1, true) or words:find("musl", 1, true)) then
    local own = given()
    found = named(own) or named(own .. "-" .. target.name)
  end
  return found ~= inverse
end

return target
