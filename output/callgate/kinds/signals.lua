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

return {
  name = function(number)
    if not names then
      load_names()
    end
    return names[number]
  end,
  number = function(name)
    return require("callgate.flags").group("SIG")[name]
  end,
}
