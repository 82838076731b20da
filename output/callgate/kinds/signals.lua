-- Names of signals: signals.name(15) -> "term"; nil where a number has none.

local names

local SECOND = { CLD = true, IOT = true, POLL = true, UNUSED = true } -- names of CHLD, ABRT, IO and SYS

local function load_names()
  names = {}
  for name, number in pairs(require("callgate.constants").group "SIG") do
    local short = name:match "^SIG(%u[%u%d]+)$"
    if short and not (SECOND[short] or short:find "^RT") then
      names[number] = short:lower()
    end
  end
end

local signals = {}

function signals.name(number)
  if not names then
    load_names()
  end
  return names[number]
end

function signals.number(name)
  return require("callgate.flags").group("SIG")[name]
end

-- What codes are called: those of a child ("exited"), and those that any signal may have ("user", "queue").
function signals.reason(number, code)
  local group = number == signals.number "chld" and code > 0 and "CLD" or "SI"
  for name, value in pairs(require("callgate.constants").group(group)) do
    if value == code then
      return name:sub(#group + 2):lower()
    end
  end
end

-- A siginfo or what a signalfd reads as text: what its kind of signal has.
function signals.text(kind, self, reason, code)
  local name = signals.name(self.signo)
  local more = ""
  if name == "chld" and code > 0 then
    more = (", status = %d"):format(self.status)
  elseif reason == "queue" or reason == "mesgq" or reason == "timer" then
    more = (", int = %d"):format(self.int)
  end
  return ("%s { signal = %s, code = %s, pid = %d, uid = %d%s }"):format(
    kind, name or self.signo, reason or code, self.pid, self.uid, more)
end

return signals
