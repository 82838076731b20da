-- Mapped memory as an object that unmaps itself when it is collected.

local ffi = require "ffi"
local args = require "callgate.args"
local errors = require "callgate.errors"
local flags = require "callgate.flags"
local sys = require "callgate.sys"

local region = {}

local fail, failed = errors.fail, errors.failed
local cast = ffi.cast
local EINVAL = 22 -- asm-generic/errno-base.h: the same everywhere

local methods = {}

local changeable = ffi.typeof "struct { void *at; size_t length; } *"

-- What the object stands for from now on; nil and 0 for nothing.
function region.set(self, addr, length)
  local fields = cast(changeable, self)
  fields.at, fields.length = addr, length
end

local function live(self, call)
  if not ffi.istype(region.type, self) then
    return args.expected("a region: call it with a colon", self, call, 1, "region")
  elseif self.addr == nil then
    return args.misuse(call, 1, "region", "it is unmapped")
  end
  return cast("uintptr_t", self.addr), self.length
end

-- Unmaps now. A second time is nil, message, EINVAL and never unmaps what lies there by then.
function methods.unmap(self)
  if not ffi.istype(region.type, self) then
    return live(self, "unmap")
  elseif self.addr == nil then
    return failed(EINVAL)
  end
  if sys.munmap(cast("uintptr_t", self.addr), self.length) == -1 then
    return fail() -- sealed memory stays
  end
  region.set(self, nil, 0)
  return true
end

local function plain(value)
  return (tostring(value):gsub("U?LL$", ""))
end

-- The number of bytes from `offset` that `count` asks for, by default the rest, within the region.
-- Those two arguments begin at the `first` of `call`, its 1st where nothing is said.
local function range(self, call, offset, count, first)
  first = first or 1
  local _, length = live(self, call)
  offset = offset == nil and 0 or args.size(offset, call, first, "offset")
  if offset > length then
    local what = ("%s, but the region has %s bytes"):format(plain(offset), plain(length))
    return args.misuse(call, first, "offset", what)
  end
  count = count == nil and length - offset or args.size(count, call, first + 1, "count")
  if count > length - offset then
    return args.misuse(call, first + 1, "count", ("%s bytes from %s, but the region has %s"):format(plain(count),
      plain(offset), plain(length)))
  end
  return cast("char *", self.addr) + offset, count
end

-- A method that is a call on the region, or on `count` bytes of it from `offset`; `convert` is of what it takes first.
local function on_part(name, call, convert)
  if not convert then
    methods[name] = function(self, offset, count)
      local from, length = range(self, name, offset, count)
      if sys[call](cast("uintptr_t", from), length) == -1 then
        return fail()
      end
      return true
    end
    return
  end
  methods[name] = function(self, value, offset, count)
    local from, length = range(self, name, offset, count, 2)
    if sys[call](cast("uintptr_t", from), length, convert(value, name)) == -1 then
      return fail()
    end
    return true
  end
end

on_part("protect", "mprotect", function(value, name)
  return args.flags(value, name, 1, "prot", flags.group "PROT")
end)
on_part("advise", "madvise", function(value, name)
  return args.choice(value, name, 1, "advice", flags.group "MADV")
end)
on_part("sync", "msync", function(value, name)
  return args.flags(value == nil and "sync" or value, name, 1, "flags", flags.group "MSYNC")
end)
on_part("lock", "mlock")
on_part("unlock", "munlock")

-- Changes the length; the address may change unless flags say otherwise. Pointers into the region from
-- before are stale then.
function methods.remap(self, length, how)
  local addr, old = live(self, "remap")
  length = args.size(length, "remap", 1, "length")
  how = args.flags(how == nil and "maymove" or how, "remap", 2, "flags", flags.group "MREMAP")
  local result = sys.mremap(addr, old, length, how, 0)
  if result == -1 then
    return fail()
  end
  region.set(self, cast("void *", cast("intptr_t", result)), length)
  return true
end

-- Hands the memory out: the collector will not unmap it any more.
function methods.nogc(self)
  live(self, "nogc")
  return ffi.gc(self, nil)
end

-- The memory as a pointer to a type, by name or ctype, from its beginning or an offset: region:as("uint32_t", 64)[0].
function methods.as(self, ctype, offset)
  local from, left = range(self, "as", offset, nil, 2)
  local found = type(ctype) == "string" and require("callgate.types").t[ctype] or ctype
  local ok, pointer = pcall(function()
    return ffi.typeof("$ *", type(found) == "string" and ffi.typeof(found) or found)
  end)
  if not ok then
    return args.expected("a type or its name", ctype, "as", 1, "type")
  end
  local size = ffi.sizeof(type(found) == "string" and ffi.typeof(found) or found)
  if size and size > left and left > 0 then -- its end is what C takes for one, too
    args.misuse("as", 2, "offset", ("%s bytes are left, and one element has %d"):format(plain(left), size))
  end
  return cast(pointer, from)
end

-- Bytes as a string: all, or `count` from `offset`.
function methods.string(self, offset, count)
  local from, bytes = range(self, "string", offset, count)
  return ffi.string(from, tonumber(bytes))
end

-- Copies a string or buffer into the region at `offset`, by default its beginning; how many bytes.
function methods.write(self, data, offset)
  local length = args.length(nil, "write", 1, "data", args.data(data, "write", 1, "data"))
  ffi.copy(range(self, "write", offset, length, 2), data, length)
  return length
end

-- Programs may read the fields, but not change them. A const pointer as a value is of a type of its own, so that
-- `addr` is a plain one made of `at`.
region.type = ffi.metatype("struct { void *const at; const size_t length; }", {
  __index = function(self, name)
    local method = methods[name]
    if method then
      return method
    elseif name == "addr" then
      return cast("void *", self.at)
    elseif type(name) == "number" then
      if name >= 0 and name < self.length and name % 1 == 0 then
        return cast("uint8_t *", self.addr)[name]
      end
      error(("a region of %s bytes has no byte %s"):format(plain(self.length), name), 2)
    end
    error(("a region has no method %q"):format(tostring(name)), 2)
  end,
  __newindex = function(self, name, value)
    if type(name) ~= "number" or name < 0 or name >= self.length or name % 1 ~= 0 then
      error(("a region of %s bytes has no byte %s"):format(plain(self.length), tostring(name)), 2)
    end
    if type(value) ~= "number" and not (type(value) == "cdata" and tonumber(value)) then
      error("a region's bytes are numbers, got " .. errors.got(value), 2)
    end
    cast("uint8_t *", self.addr)[name] = value
  end,
  __len = function(self)
    return tonumber(self.length)
  end,
  __tostring = function(self)
    if self.addr == nil then
      return "unmapped region"
    end
    return ("region of %d bytes at %s"):format(tonumber(self.length), tostring(self.addr):match "0x%x+")
  end,
  -- A finalizer may run between a failing call and the reading of its errno: it must leave it alone.
  __gc = function(self)
    if self.addr ~= nil then
      local saved = ffi.errno()
      sys.munmap(cast("uintptr_t", self.addr), self.length)
      ffi.errno(saved)
    end
  end,
})

require("callgate.memory").regions[tonumber(region.type)] = true

return region
