-- What a filter of system calls answers: "allow", "kill_process", "trap", "log", "user_notif", "errno EPERM" or "EPERM"
-- alone, "trace 5", or a number.

local bit = require "bit"
local errors = require "callgate.errors"
local flags = require "callgate.flags"

local DATA = 65535 -- linux/seccomp.h, SECCOMP_RET_DATA: the bits of the data
local MASKS = { action = true, action_full = true, data = true } -- SECCOMP_RET_* that are no actions

local WANTED = 'an action such as "allow", "EPERM", "kill_process", "trace 1"'

-- The number of one name in a group, nil where it has none. Groups take lists and numbers, too.
local function named(group, word)
  return word:find "^[%a_][%w_]*$" and flags.group(group)[word] or nil
end

local function action_named(word)
  return not MASKS[word:lower():gsub("^seccomp_ret_", "")] and named("SECCOMP_RET", word) or nil
end

local function unknown(value, word)
  local names = {}
  for _, name in ipairs(flags.names(flags.group "SECCOMP_RET")) do
    names[#names + 1] = not MASKS[name] and name or nil
  end
  local hint = action_named(word) and "" or require("callgate.suggest").hint(word:lower(), names)
  return ("expected %s, got %s%s"):format(WANTED, errors.got(value), hint)
end

local function of_text(text)
  local word, extra = text:match "^%s*(%S+)%s*(%S*)%s*$"
  if not word then
    return nil, unknown(text, "")
  end
  local action, errno = action_named(word), flags.group("SECCOMP_RET").errno
  if not action and extra == "" and named("E", word) then
    return errno + named("E", word)
  elseif not action or extra == "" and action == errno then
    return nil, unknown(text, word)
  end
  local data = extra == "" and 0 or tonumber(extra) or named("E", extra)
  if type(data) ~= "number" or data % 1 ~= 0 or data < 0 or data > DATA then
    return nil, ("expected data of an action from 0 to %d, got %s"):format(DATA, errors.got(text))
  end
  return action + data
end

-- Its number from 0 to 4294967295; nil and what is wrong with it where it is none.
return function(value)
  if type(value) == "string" then
    return of_text(value)
  elseif type(value) ~= "number" then
    return nil, unknown(value, "")
  elseif value % 1 ~= 0 or value < -2 ^ 31 or value >= 2 ^ 32 then
    return nil, ("expected an action of 32 bits, got %s"):format(errors.got(value))
  end
  return bit.tobit(value) % 2 ^ 32
end
