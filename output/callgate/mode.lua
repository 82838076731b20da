-- File modes written as text. Loaded when one is first given so.

local bit = require "bit"
local flags = require "callgate.flags"

local band, bor = bit.band, bit.bor

local WHO = { u = 448, g = 56, o = 7, a = 511 }
local WHAT = { r = 292, w = 146, x = 73 }

-- Lists in chmod's manner: "u=rwx,g=rx,o="; nil where the text is none.
local function symbolic(text)
  local mode
  for item in text:gmatch "[^,]+" do
    local who, what = item:match "^%s*([ugoa]+)=([rwxst]*)%s*$"
    if not who then
      return nil
    end
    local people, bits = 0, 0
    mode = mode or 0
    for letter in who:gmatch "." do
      people = bor(people, WHO[letter])
    end
    for letter in what:gmatch "." do
      if letter == "s" then -- set-user-ID and set-group-ID
        mode = bor(mode, band(people, WHO.u) ~= 0 and 2048 or 0, band(people, WHO.g) ~= 0 and 1024 or 0)
      elseif letter == "t" then -- sticky
        mode = bor(mode, 512)
      else
        bits = bor(bits, WHAT[letter])
      end
    end
    mode = bor(mode, band(people, bits))
  end
  return mode
end

-- Names of linux/stat.h, S_I or not: "rwxu, rgrp", "S_IRUSR|S_IWUSR", "chr, 0600"; nil where one is unknown.
local function named(text)
  local group = flags.group "S"
  local mode
  for item in text:gmatch "[^,|]+" do
    local name = item:match "^%s*(.-)%s*$"
    local octal = name:match "^[0-7]+$"
    local value = octal and tonumber(octal, 8) or flags.lookup(group, name) or flags.lookup(group, "I" .. name)
      or flags.lookup(group, "IF" .. name)
    if not value or not (octal or name:find "^%a") then
      return nil
    end
    mode = bor(mode or 0, value)
  end
  return mode
end

-- S_IFMT's kinds as ls shows them (linux/stat.h: the same everywhere).
local KINDS = { p = 4096, c = 8192, d = 16384, b = 24576, ["-"] = 32768, l = 40960, s = 49152 }
local LISTED = "^([-pcdbls]?)(" .. ("[r-][w-][xsStT-]"):rep(3) .. ")$"
local SPECIAL = { 2048, 1024, 512 } -- set-user-ID, set-group-ID, sticky

-- As ls shows it: "rwxr-x---", "drwxrwxrwt", "-rwsr-xr-x"; nil where the text is none.
local function listed(text)
  local kind, rest = text:match(LISTED)
  if not kind then
    return nil
  end
  local mode = KINDS[kind] or 0
  for i = 1, 3 do
    local shift = (3 - i) * 3
    local r, w, x = rest:sub(3 * i - 2, 3 * i):match "(.)(.)(.)"
    local letter = i == 3 and "t" or "s" -- small where x is set as well
    if x:find "%a" and x ~= "x" and x:lower() ~= letter then
      return nil
    end
    mode = bor(mode, bit.lshift((r == "r" and 4 or 0) + (w == "w" and 2 or 0) + (x:find "[xst]" and 1 or 0), shift))
    mode = bor(mode, x:lower() == letter and SPECIAL[i] or 0)
  end
  return mode
end

local mode = {}

-- The number that `text` means, nil where it is no mode: "0644" and "644" are octal.
function mode.number(text)
  local octal = text:match "^%s*([0-7]+)%s*$"
  local number = octal and tonumber(octal, 8) or listed(text) or symbolic(text) or named(text)
  return number and number <= 65535 and number or nil
end

local LETTERS = "rwxrwxrwx"

-- A mode as ls shows it: "-rw-r--r--", "drwxrwxrwt"; "?" for a kind that has no letter.
function mode.text(number)
  local kind = "?"
  for letter, value in pairs(KINDS) do
    if band(number, 61440) == value then
      kind = letter
    end
  end
  local text = LETTERS:gsub("()(.)", function(i, letter)
    return band(number, bit.lshift(1, 9 - i)) ~= 0 and letter or "-"
  end)
  for i, special in ipairs(SPECIAL) do
    if band(number, special) ~= 0 then
      local x = text:sub(3 * i, 3 * i) == "x"
      local letter = i == 3 and "t" or "s"
      text = text:sub(1, 3 * i - 1) .. (x and letter or letter:upper()) .. text:sub(3 * i + 1)
    end
  end
  return kind .. text
end

return mode
