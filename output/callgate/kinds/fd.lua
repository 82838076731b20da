-- S.t.fd(number) makes an owning descriptor object of a number that nobody else owns.

local descriptors = require "callgate.fd"

return {
  type = function(number)
    return descriptors.type(require("callgate.args").int(number, "fd", 1, "number"))
  end,
}
