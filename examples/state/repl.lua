-- A console for Lua states with names, in the words of NetBSD's luactl(8).
--
--   luajit examples/state/repl.lua
--
--   create NAME [DESCRIPTION] [maxalloc=BYTES] [maxcount=INSTRUCTIONS]   a word with = is one of these limits
--   destroy NAME      ends the state; its function onClose runs first
--   exec NAME CODE    runs code; an expression's values are shown
--   load NAME PATH    runs a file
--   use NAME          from now on, what is no command of these is code for this state
--   list              every state, with what it uses
--   help, quit

local S = require "callgate"
local errors = require "callgate.errors"
local state = require "callgate.state"
local suggest = require "callgate.suggest"

local HELP = "create destroy exec load use list help quit"
local LIMITS = { "maxalloc", "maxcount" }
local CREATE = "create NAME [DESCRIPTION] [maxalloc=BYTES] [maxcount=INSTRUCTIONS]"
local current -- the state of `use`
local commands = {}

local function shown(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  elseif type(value) == "table" then
    local parts = {}
    for key, item in pairs(value) do
      parts[#parts + 1] = (type(key) == "number" and "[%s] = %s" or "%s = %s"):format(tostring(key), shown(item))
    end
    table.sort(parts)
    return "{ " .. table.concat(parts, ", ") .. " }"
  end
  return tostring(value)
end

local function show(ok, ...)
  if ok == nil and type((...)) == "string" and type((select(2, ...))) == "number" then
    return print("error: " .. (...))
  end
  local values = { n = 1 + select("#", ...), ok, ... }
  for i = 1, values.n do
    values[i] = shown(values[i])
  end
  print(table.concat(values, "\t", 1, values.n))
end

-- `done`, or what went wrong.
local function report(ok, message)
  print(ok and "done" or "error: " .. message)
end

local function with(name, action, ...)
  local st, message = state.lookup(name or "")
  if not st then
    return print(("error: state %s: %s"):format(shown(name), message))
  end
  action(st, ...)
end

local function run(st, code)
  -- An expression first, as a console does: what does not compile as one is a statement.
  if loadstring("return " .. code) then
    code = "return " .. code
  end
  show(st:exec(code, "=" .. st.name))
end

local function is_limit(key)
  for _, limit in ipairs(LIMITS) do
    if limit == key then
      return true
    end
  end
  return false
end

function commands.create(name, rest)
  if not name or name:find("=", 1, true) then
    return print("error: a name is missing: " .. CREATE)
  end
  local options, words = {}, {}
  for word in (rest or ""):gmatch "%S+" do
    local key, value = word:match "^(.-)=(.*)$"
    if not key then
      words[#words + 1] = word
    elseif is_limit(key) then
      options[key] = tonumber(value) or value -- create says what is wrong with it
    else -- not a word of the description: the state would have no limit
      local near = suggest.nearest(key, LIMITS)
      return print(("error: unknown limit %q%s; there are: %s"):format(key,
        near and (" (did you mean %q?)"):format(near) or "", table.concat(LIMITS, " ")))
    end
  end
  options.desc = table.concat(words, " ")
  report(state.create(name, options))
end

function commands.destroy(name)
  with(name, function(st)
    report(st:close())
    current = current ~= st and current or nil
  end)
end

function commands.exec(name, code)
  with(name, run, code or "")
end

function commands.load(name, path)
  with(name, function(st)
    show(st:load(path or ""))
  end)
end

function commands.use(name)
  with(name, function(st)
    current = st
  end)
end

function commands.list()
  local infos = state.list()
  print(("%d state%s"):format(#infos, #infos == 1 and "" or "s"))
  for _, info in ipairs(infos) do
    print(("%-16s %6.0f KiB  %s"):format(info.name, info.used / 1024, info.desc))
  end
end

function commands.help()
  print(HELP)
end

-- What is no more than a mistake of who types, such as a limit that is too large, is an error of the library's.
local function attempt(action, ...)
  local ok, message = pcall(action, ...)
  if not ok then
    print("error: " .. errors.plain(message))
  end
end

local prompts = S.isatty(0)
local function prompt()
  if prompts then
    io.write(current and current.name or "", "> ")
    io.flush()
  end
end

prompt()
for line in io.lines() do
  local word, name, rest = line:match "^%s*(%S*)%s*(%S*)%s*(.-)%s*$"
  if word == "quit" then
    break
  elseif commands[word] then
    attempt(commands[word], name ~= "" and name or nil, rest ~= "" and rest or nil)
  elseif current then
    attempt(run, current, line)
  elseif word ~= "" then
    print(("error: no command %s; there are: %s"):format(word, HELP))
  end
  prompt()
end
print(("closed %d"):format(state.closeall()))
