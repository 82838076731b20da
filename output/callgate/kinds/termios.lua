-- How a terminal works, by names: tio.iflag, tio.oflag, tio.cflag, tio.lflag are texts ("brkint, icrnl"),
-- tio.cc.min and tio.cc.VMIN are numbers, tio.ispeed and tio.ospeed bits per second; tio:add "echo",
-- tio:remove "icanon, echo", tio:has "opost", tio:makeraw(). Values are those of this architecture's asm/termbits.h.

local bit = require "bit"
local ffi = require "ffi"
local constants = require "callgate.constants"
local whole = require "callgate.whole"

local band, bnot = bit.band, bit.bnot

-- As the uint32_t that the fields are.
local function bor(a, b)
  return bit.bor(a, b) % 4294967296
end

-- The bits of each field in the order of termios(3). A row in braces is a mask and the values that it covers.
local FIELDS = {
  iflag = {
    "IGNBRK", "BRKINT", "IGNPAR", "PARMRK", "INPCK", "ISTRIP", "INLCR", "IGNCR", "ICRNL", "IUCLC", "IXON", "IXANY",
    "IXOFF", "IMAXBEL", "IUTF8",
  },
  oflag = {
    "OPOST", "OLCUC", "ONLCR", "OCRNL", "ONOCR", "ONLRET", "OFILL", "OFDEL",
    { "NLDLY", "NL0", "NL1", "NL2", "NL3" }, { "CRDLY", "CR0", "CR1", "CR2", "CR3" },
    { "TABDLY", "TAB0", "TAB1", "TAB2", "TAB3", "XTABS" }, { "BSDLY", "BS0", "BS1" }, { "VTDLY", "VT0", "VT1" },
    { "FFDLY", "FF0", "FF1" },
  },
  cflag = {
    { "CSIZE", "CS5", "CS6", "CS7", "CS8" },
    "CSTOPB", "CREAD", "PARENB", "PARODD", "HUPCL", "CLOCAL", "CMSPAR", "CRTSCTS", "ADDRB",
  },
  lflag = {
    "ISIG", "ICANON", "XCASE", "ECHO", "ECHOE", "ECHOK", "ECHONL", "ECHOCTL", "ECHOPRT", "ECHOKE", "NOFLSH",
    "TOSTOP", "FLUSHO", "PENDIN", "IEXTEN", "EXTPROC",
  },
}
local ORDER = { "iflag", "oflag", "cflag", "lflag" }

local names -- "ECHO" -> { field = "c_lflag", value = 8, mask = 8 }
local shown -- "iflag" -> rows of names, in order
local speeds -- bits per second -> code, and code -> bits per second
local codes
local SPEED, SHIFT -- CBAUD; of the input's speed, IBSHIFT

local function add_name(list, field, name, mask)
  local value = constants.get(name)
  if value then
    names[name] = { field = "c_" .. field, name = name:lower(), value = value, mask = mask or value }
    list[#list + 1] = names[name]
  end
end

local function load_names()
  names, shown, speeds, codes = {}, {}, {}, {}
  for _, field in ipairs(ORDER) do
    local list = {}
    shown[field] = list
    for _, item in ipairs(FIELDS[field]) do
      if type(item) == "table" then
        local mask = constants.get(item[1])
        for i = 2, mask and #item or 1 do
          add_name(list, field, item[i], mask)
        end
      else
        add_name(list, field, item)
      end
    end
  end
  SPEED, SHIFT = constants.get "CBAUD", constants.get "IBSHIFT" or 16
  for name, code in pairs(constants.group "BAUD") do
    local number = tonumber(name:match "^B(%d+)$")
    if number then
      speeds[number], codes[code] = code, number
    end
  end
end

local function load()
  if not names then
    load_names()
  end
end

local function lookup(name)
  load()
  local row = names[name:upper()]
  if not row then
    local known = {}
    for each in pairs(names) do
      known[#known + 1] = each:lower()
    end
    table.sort(known)
    local hint = require("callgate.suggest").hint(name:lower(), known)
    error(("unknown name %q of a terminal's flags%s"):format(name, hint), 0)
  end
  return row
end

-- visit(row, on) for every name of "echo, ~icanon".
local function each(text, visit)
  if type(text) ~= "string" then
    error("expected names of flags, got " .. require("callgate.errors").got(text), 0)
  end
  for item in text:gmatch "[^,|%s]+" do
    local tilde, name = item:match "^(~?)(.*)$"
    visit(lookup(name), tilde == "")
  end
end

local function put(self, row, on)
  self[row.field] = bor(band(self[row.field], bnot(row.mask)), on and row.value or 0)
end

local function is_on(self, row)
  return bit.tobit(band(self[row.field], row.mask)) == bit.tobit(row.value)
end

-- --- speeds --------------------------------------------------------------------------------------------

local function has_speeds(self)
  return ffi.offsetof(self, "c_ospeed") ~= nil -- termios2, and termios on powerpc
end

-- Of asm-generic/termbits-common.h: the code of the output's speed in CBAUD, the input's IBSHIFT further up, where 0
-- means the same; BOTHER says that the number stands in c_ispeed or c_ospeed, where there are such.
local function get_speed(field, shifted)
  return function(self)
    load()
    local code, name = band(bit.rshift(self.c_cflag, shifted and SHIFT or 0), SPEED), field
    if shifted and code == 0 then
      code, name = band(self.c_cflag, SPEED), "c_ospeed"
    end
    return codes[code] or has_speeds(self) and self[name] or nil
  end
end

local function set_speed(field, shifted)
  return function(self, speed)
    load()
    local exact = has_speeds(self)
    local code = speeds[speed] or exact and constants.get "BOTHER"
    if type(speed) ~= "number" or speed < 0 or not code then
      error(("no such speed: %s; S.t.termios2 takes any number, where there is one"):format(tostring(speed)), 0)
    end
    local shift = shifted and SHIFT or 0
    self.c_cflag = bor(band(self.c_cflag, bnot(bit.lshift(SPEED, shift))), bit.lshift(code, shift))
    if exact then
      self[field] = whole(speed, 32)
    end
  end
end

local ospeed, ispeed = set_speed "c_ospeed", set_speed("c_ispeed", true)

-- --- control characters ---------------------------------------------------------------------------------

local function place(self, key)
  local number = type(key) == "string" and (constants.get("V" .. key:upper()) or constants.get(key:upper())) or key
  if type(number) ~= "number" or number % 1 ~= 0 or number < 0 or number >= ffi.sizeof(self.c_cc) then
    local known = "there are intr, quit, erase, kill, eof, eol, min, time..."
    error(("no such control character: %s; %s"):format(tostring(key), known), 3)
  end
  return number
end

-- A number, a character, or "^C" as stty(1) writes it; "" and "undef" are none.
local function character(value)
  if type(value) == "number" then
    return whole(value, 8)
  elseif type(value) ~= "string" then
    error(('expected a control character such as 3 or "^C", got %s'):format(tostring(value)), 3)
  elseif value == "" or value == "undef" then
    return 0
  elseif value == "^?" then
    return 127
  elseif value:find "^%^.$" then
    return band(value:upper():byte(2), 31)
  end
  return value:byte()
end

local function cc(self)
  return setmetatable({}, {
    __index = function(_, key) return self.c_cc[place(self, key)] end,
    __newindex = function(_, key, value) self.c_cc[place(self, key)] = character(value) end,
  })
end

-- --- the kind --------------------------------------------------------------------------------------------

local function text_of(self, field)
  load()
  local parts = {}
  for _, row in ipairs(shown[field]) do
    if row.value ~= 0 and is_on(self, row) and row.name ~= "xtabs" then
      parts[#parts + 1] = row.name
    end
  end
  if field == "cflag" and band(self.c_cflag, names.CS5 and names.CS5.mask or 0) == 0 then
    table.insert(parts, 1, "cs5")
  end
  return table.concat(parts, ", ")
end

local index, newindex = {}, {}
for _, name in ipairs(ORDER) do
  local field = "c_" .. name
  index[name] = function(self) return text_of(self, name) end
  newindex[name] = function(self, value)
    if type(value) == "number" then
      self[field] = whole(value, 32)
      return
    end
    load()
    -- A text says all but the speeds, which have names of their own.
    self[field] = name == "cflag" and bor(band(self.c_cflag, bor(SPEED, bit.lshift(SPEED, SHIFT))), 0) or 0
    each(value, function(row, on)
      if row.field ~= field then
        error(("%s belongs to %s, not to %s"):format(row.name, row.field:sub(3), name), 0)
      end
      put(self, row, on)
    end)
  end
end
index.cc = cc
newindex.cc = function(self, given)
  if type(given) ~= "table" then
    error("expected a table such as { min = 1, time = 0 }, got " .. tostring(given), 0)
  end
  local proxy = cc(self)
  for key, value in pairs(given) do
    proxy[key] = value
  end
end
index.ospeed, newindex.ospeed = get_speed "c_ospeed", ospeed
index.ispeed, newindex.ispeed = get_speed("c_ispeed", true), ispeed
index.speed = index.ospeed
newindex.speed = function(self, speed)
  ospeed(self, speed)
  ispeed(self, speed)
end

local methods = {}

-- tio:add "echo, cs7" sets those flags, in whatever field they are; a "~name" is cleared.
function methods.add(self, text)
  each(text, function(row, on) put(self, row, on) end)
  return self
end

function methods.remove(self, text)
  each(text, function(row, on) put(self, row, not on) end)
  return self
end

-- Whether all those flags are set.
function methods.has(self, text)
  local all = true
  each(text, function(row, on) all = all and is_on(self, row) == on end)
  return all
end

-- Bytes as they come and go, as cfmakeraw(3) says.
function methods.makeraw(self)
  methods.remove(self, "ignbrk, brkint, parmrk, istrip, inlcr, igncr, icrnl, ixon, opost")
  methods.remove(self, "echo, echonl, icanon, isig, iexten")
  methods.add(self, "~parenb, cs8")
  local chars = cc(self)
  chars.min, chars.time = 1, 0
  return self
end

return {
  index = index,
  newindex = newindex,
  aliases = { line = "c_line" },
  methods = methods,
  tostring = function(self)
    local parts = {}
    for _, name in ipairs(ORDER) do
      parts[#parts + 1] = ("%s = %q"):format(name, text_of(self, name))
    end
    return ("termios { %s, ispeed = %s, ospeed = %s }"):format(
      table.concat(parts, ", "), tostring(index.ispeed(self)), tostring(index.ospeed(self)))
  end,
}
