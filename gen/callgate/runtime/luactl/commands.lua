-- What luactl does: a row for each command. `least` and `most` count its words; run(session, options, words...)
-- returns true, or nil and what luactl says of it.

local faces = require "callgate.faces"

local commands = {}

local device = {} -- luactl(8)'s own

local function ioctl_failed(name, message)
  return nil, ("%s: %s"):format(name, message)
end

local function say(session, options, format, ...)
  if not options.q then
    session.out:write(format:format(...), "\n")
  end
  return true
end

device.create = {
  synopsis = "create name [desc]", least = 1, most = 2,
  run = function(session, options, name, desc)
    local ok, message = session.client:create(name, desc)
    if not ok then
      return ioctl_failed("LUACREATE", message)
    end
    return say(session, options, "%s created", name)
  end,
}

device.destroy = {
  synopsis = "destroy name", least = 1, most = 1,
  run = function(session, options, name)
    local ok, message = session.client:destroy(name)
    if not ok then
      return ioctl_failed("LUADESTROY", message)
    end
    return say(session, options, "%s destroyed", name)
  end,
}

-- What -c does before load and require.
local function created(session, options, name)
  if options.c then
    return device.create.run(session, options, name)
  end
  return true
end

device.require = {
  synopsis = "require name module", least = 2, most = 2,
  run = function(session, options, name, module)
    local ok, message = created(session, options, name)
    if not ok then
      return nil, message
    end
    ok, message = session.client:require(name, module)
    if not ok then
      return ioctl_failed("LUAREQUIRE", message)
    end
    return say(session, options, "%s required by %s", module, name)
  end,
}

device.load = {
  synopsis = "load name path", least = 2, most = 2,
  run = function(session, options, name, path)
    local ok, message = created(session, options, name)
    if not ok then
      return nil, message
    end
    ok, message = session.client:load(name, path)
    if not ok then
      return ioctl_failed("LUALOAD", message)
    end
    return say(session, options, "%s loaded into %s", path, name)
  end,
}

local ROW = "%-16s %-8s %s\n"

-- -q has no say in this: luactl(8) prints the list all the same.
function commands.list(session)
  local states, message = session.client:info()
  if not states then
    return ioctl_failed("LUAINFO", message)
  end
  local out = session.out
  out:write(("%d active state%s:\n"):format(#states, #states == 1 and "" or "s"))
  if states[1] then
    out:write(ROW:format("Name", "Creator", "Description"))
  end
  for _, state in ipairs(states) do
    out:write(ROW:format(state.name, state.user and "user" or "kernel", state.desc))
  end
  return true
end

-- --- with -e alone -------------------------------------------------------------------------------------

local emulated = {} -- and luactl(8)'s
for name, row in pairs(device) do
  emulated[name] = row
end

emulated.list = { synopsis = "list", least = 0, most = 0, run = commands.list }

emulated.module = {
  synopsis = "module name path", least = 2, most = 2,
  run = function(session, options, name, path)
    local file, message = io.open(path, "rb")
    local source = file and file:read "*a"
    if file then
      file:close()
    end
    if not source then
      return nil, message or path .. ": not a file that can be read"
    end
    local ok
    ok, message = session.lua4.register(name, source)
    if not ok then
      return nil, ("module %s: %s"):format(name, message)
    end
    return say(session, options, "module %s registered", name)
  end,
}

emulated.sysctl = {
  synopsis = "sysctl [-w] name[=value]", least = 1, most = 2,
  run = function(session, options, first, second)
    local name, value = (second or first):match "^([^=]*)=?(.*)$"
    local writes = (second or first):find("=", 1, true) ~= nil
    if second and (first ~= "-w" or not writes) then
      return nil, "usage: " .. emulated.sysctl.synopsis
    end
    local old, message
    if writes then
      old, message = session.lua4.sysctl(name, tonumber(value) or value)
    else
      old, message = session.lua4.sysctl(name)
    end
    if old == nil then
      local variables = require "callgate.lua4.variables"
      local hint = variables[name] and "" or faces.hint(name, variables, "kern.lua.")
      return nil, ("sysctl: %s: %s%s"):format(name, message, hint)
    elseif not writes then
      session.out:write(("%s = %d\n"):format(name, old))
      return true
    end
    return say(session, options, "%s: %d -> %d", name, old, session.lua4.sysctl(name))
  end,
}

commands.device, commands.emulated = device, emulated

return commands
