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

-- Names of linux/stat.h, S_I or not: "rwxu, rgrp", "S_IRUSR|S_IWUSR"; nil where one is unknown.
local function named(text)
  local group = flags.group "S"
  local mode
  for item in text:gmatch "[^,|]+" do
    local name = item:match "^%s*(.-)%s*$"
    local value = flags.lookup(group, name) or flags.lookup(group, "I" .. name)
    if not value or not name:find "^%a" then
      return nil
    end
    mode = bor(mode or 0, value)
  end
  return mode
end

-- The number that `text` means, nil where it is no mode: "0644" and "644" are octal.
return function(text)
  local octal = text:match "^%s*([0-7]+)%s*$"
  local mode = octal and tonumber(octal, 8) or symbolic(text) or named(text)
  return mode and mode <= 65535 and mode or nil
end
