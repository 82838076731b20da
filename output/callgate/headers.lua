-- What is written of the headers. Those of a folder that begin with one letter share a file, a bundle
-- (emit/bundles.py): the list of its contents, and the text of it all. Of a header like "uapi/linux/fs.h" the list
-- has the line
--   linux/fs.h 4096 constants 2000 records 512 constants@!arm+mips 64
-- with where its parts begin and the length of each, in bytes: what all targets share, and what only those that the
-- words behind "@" mean. Of the file only the parts wanted are read.

local rows = require "callgate.rows"
local target = require "callgate.target"

local headers = {}

jit.off(true, true) -- see rows.lua

-- A generated module is needed once: what stays is what is made of it.
function headers.read_once(path)
  local value = require(path)
  package.loaded[path] = nil
  return value
end

-- "callgate.uapi.linux._f" of "uapi/linux/fs.h"
local function bundle_path(header)
  local folder, letter = header:match "^(.*)/([^/])[^/]*$"
  return "callgate." .. folder:gsub("/", ".") .. "._" .. letter:lower()
end

local BEFORE, BETWEEN = "return { [==[", "\n]==], [==[\n" -- the list of a bundle stands between these
local BLOCK = 4096 -- bytes: most lists are shorter

-- The list of a bundle's file and where the text begins; nil where the file is not as it was written: compiled,
-- with other ends of lines...
local function list_of(file)
  local head, first, last = ""
  repeat
    local more = file:read(BLOCK)
    head = head .. (more or "")
    first, last = head:find(BETWEEN, 1, true)
  until first or not more
  local _, before = head:find(BEFORE, 1, true)
  if first and before then
    return head:sub(before + 1, first), last
  end
end

-- A bundle's list, a function(at, length) that reads from its text, and the file to close, if there is one: what is
-- preloaded has none, and Lua reads it, as what list_of does not know.
local function open(path)
  local name = package.searchpath(path, package.path)
  local file = name and io.open(name, "rb")
  local list, start
  if file then
    list, start = list_of(file)
    if list then
      return list, function(at, length)
        file:seek("set", start + at)
        return file:read(length)
      end, file
    end
    file:close()
  end
  local bundle = headers.read_once(path)
  return "\n" .. bundle[1], function(at, length)
    return bundle[2]:sub(at + 1, at + length)
  end
end

-- The line of a header in a bundle's list, behind its name.
local function line_of(list, header)
  local _, last = list:find("\n" .. header:match "^%l+/(.*)$" .. " ", 1, true)
  return last and list:match("[^\n]+", last)
end

local lines = {} -- header -> its line; false where there is none

local function is_missing(message, path)
  return message:find("module '" .. path .. "' not found", 1, true) ~= nil
end

local function line_and_bundle(header)
  local path = bundle_path(header)
  local ok, list, read, file = pcall(open, path)
  if ok then
    lines[header] = line_of(list, header) or false
    return lines[header], read, file
  elseif not is_missing(list, path) then
    error(list, 0)
  end
  lines[header] = false
end

-- The line of a header, nil where no target has that header. Raises the error of a file that does not load.
function headers.line(header)
  if lines[header] == nil then
    local _, _, file = line_and_bundle(header)
    if file then
      file:close()
    end
  end
  return lines[header] or nil
end

-- Whether the words behind a section's name in a line, if there are any, mean this target.
local function applies(on)
  return on == "" or target.is((on:sub(2):gsub("%+", " ")))
end

headers.applies = applies

local texts = {} -- "uapi/linux/fs.h constants" -> the texts of that section on this target
local NONE = {}

-- The texts of one section ("constants", "records", "typedefs", "accessors", "macros") of a header on this target,
-- each for rows.lua; none where the header has no such section here.
function headers.texts(header, section)
  local key = header .. " " .. section
  local found = texts[key]
  if found then
    return found
  end
  found = NONE
  local words, read, file = lines[header]
  if words == nil then
    words, read, file = line_and_bundle(header)
  end
  if words and words:find(" " .. section, 1, true) then
    local at = tonumber(words:match "%d+")
    for name, on, length in words:gmatch "(%l+)(%S*) (%d+)" do
      if name == section and applies(on) then
        found = found == NONE and {} or found
        if not read then
          read, file = select(2, line_and_bundle(header))
        end
        local text = read(at, tonumber(length))
        if not text or text:sub(1, 1) ~= "\n" or text:sub(-1) ~= "\n" then
          error(("callgate: %s is not what its list says; install the library again"):format(bundle_path(header)), 0)
        end
        found[#found + 1] = text
      end
      at = at + length
    end
  end
  if file then
    file:close()
  end
  texts[key] = found
  return found
end

-- The value of one name in a section of a header, nil where it has none on this target; `given` is what macros
-- know as M.
function headers.get(header, section, name, given)
  for _, text in ipairs(headers.texts(header, section)) do
    local value = rows.get(text, name, given)
    if value ~= nil then
      return value
    end
  end
end

return headers
