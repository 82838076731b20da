-- The command luactl, with the arguments, output and exit status of NetBSD's luactl(8); and, with -e, the same on
-- emulated states, which live as long as the command: so it takes a sequence there.

local commands = require "callgate.luactl.commands"
local words = require "callgate.luactl.words"

local command = {}

local USAGE = [[
usage: luactl [-cq]
       luactl [-cq] create name [desc]
       luactl [-cq] destroy name
       luactl [-cq] load name path
       luactl [-cq] require name module
       luactl -e [-cqv] [command [, command]...]
       luactl -h
]]

local HELP = USAGE .. [[

Controls the Lua states of lua(4), NetBSD's device /dev/lua. Without a command
it lists them: name, creator (user or kernel) and description.

  create name [desc]    make a state, with a description
  destroy name          end a state; its function onClose runs first
  load name path        run a Lua file in a state; path must contain a "/"
  require name module   give a state the functions of a module

  -c   with load and require: create the state first
  -q   print nothing when it succeeds
  -e   work on emulated states of this process instead of /dev/lua
  -v   with -e: say what the device does, and why it refuses
  -h   this help

With -e the commands stand in the arguments, with a "," between them, or line
by line in the standard input. The first that fails ends it. Further ones:

  list                        what luactl without a command prints
  module name path            make the Lua file a kernel module of that name
  sysctl [-w] name[=value]    show or set kern.lua.require, .autoload,
                              .bytecode, .maxcount or .verbose

The exit status is 0, or 1 when a command failed.
]]

-- --- options -------------------------------------------------------------------------------------------

-- Reads leading options into `options`, as getopt(3) does; the index of the first other word, or nil, the letter.
local function read_options(list, allowed, options)
  local at = 1
  while list[at] and list[at]:find "^%-." do
    if list[at] == "--" then
      return at + 1
    end
    for letter in list[at]:sub(2):gmatch "." do
      if not allowed:find(letter, 1, true) then
        return nil, letter
      end
      options[letter] = true
    end
    at = at + 1
  end
  return at
end

-- --- running -------------------------------------------------------------------------------------------

local function unknown(name, known)
  return ("unknown command %q%s"):format(name, require("callgate.suggest").hint(name, known))
end

-- One command; true, or nil and what to say.
local function perform(session, known, options, list_of_words)
  local row = known[list_of_words[1]]
  local count = #list_of_words - 1
  if not row then
    return nil, unknown(list_of_words[1], known)
  elseif count < row.least or count > row.most then
    return nil, "usage: " .. row.synopsis
  end
  return row.run(session, options, unpack(list_of_words, 2))
end

local function complain(session, message)
  session.err:write("luactl: ", message, "\n")
  return 1
end

-- A command of a sequence, which may begin with the command's own name and options.
local function step(session, options, list_of_words)
  local own = setmetatable({}, { __index = options })
  if list_of_words[1] == "luactl" then
    list_of_words = { unpack(list_of_words, 2) }
  end
  local first, letter = read_options(list_of_words, "cq", own)
  if not first then
    return nil, ("unknown option -- %s"):format(letter)
  end
  list_of_words = { unpack(list_of_words, first) }
  if not list_of_words[1] then
    return commands.list(session)
  end
  return perform(session, commands.emulated, own, list_of_words)
end

-- The commands of an input, line by line; at a terminal with a prompt, and a failure does not end it.
local function interpret(session, options)
  local number = 0
  while true do
    if session.tty then
      session.out:write "luactl> "
    end
    session.out:flush()
    local line = session.input:read "*l"
    if not line then
      break
    end
    number = number + 1
    local place = session.tty and "" or number .. ": "
    local list_of_words, message = words.split(line)
    local ok = list_of_words ~= nil
    for _, each in ipairs(ok and words.commands(list_of_words) or {}) do
      ok, message = step(session, options, each)
      if not ok then
        break
      end
    end
    if not ok then
      local status = complain(session, place .. message)
      if not session.tty then
        return status
      end
    end
  end
  if session.tty then
    session.out:write "\n"
  end
  return 0
end

local function emulate(session, options, arguments)
  session.lua4 = require "callgate.lua4"
  session.client = require("callgate.luactl").open(session.lua4.open())
  if options.v then
    assert(session.lua4.sysctl("kern.lua.verbose", 1))
  end
  if not arguments[1] then
    return interpret(session, options)
  end
  for _, each in ipairs(words.commands(arguments)) do
    local ok, message = step(session, options, each)
    if not ok then
      return complain(session, message)
    end
  end
  return 0
end

local function on_device(session, options, arguments)
  local known = commands.device[arguments[1]]
  local count = #arguments - 1
  if arguments[1] and (not known or count < known.least or count > known.most) then
    if not known then
      complain(session, unknown(arguments[1], commands.device))
    end
    session.err:write(USAGE)
    return 1
  end
  local message
  session.client, message = require("callgate.luactl").open(session.device)
  if not session.client then
    complain(session, (message:gsub("%. lua%(4%).*$", "")))
    session.err:write "  lua(4) is a device of NetBSD; luactl -e works on emulated states of its own\n"
    return 1
  end
  local ok
  if arguments[1] then
    ok, message = perform(session, commands.device, options, arguments)
  else
    ok, message = commands.list(session)
  end
  return ok and 0 or complain(session, message)
end

local function run(arguments, session)
  local options = {}
  local first, letter = read_options(arguments, "cqevh", options)
  if not first or options.v and not options.e then
    complain(session, ("unknown option -- %s"):format(letter or "v"))
    session.err:write(USAGE)
    return 1
  elseif options.h then
    session.out:write(HELP)
    return 0
  end
  local rest = { unpack(arguments, first) }
  if not options.e then
    return on_device(session, options, rest)
  end
  if session.tty == nil then
    session.tty = not rest[1] and require("callgate").isatty(0) == true
  end
  return emulate(session, options, rest)
end

-- Runs the command line; its exit status. `session` may replace the files out, err and input, whether the input is a
-- terminal (tty), and the device.
function command.main(arguments, session)
  session = setmetatable(session or {}, { __index = { out = io.stdout, err = io.stderr, input = io.stdin } })
  local status = run(arguments, session)
  local ok, message = session.out:flush()
  return ok and status or complain(session, message)
end

return command
