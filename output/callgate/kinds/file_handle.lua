-- A file's handle: h.type, h.bytes (a string to keep somewhere), S.t.file_handle(type, bytes) or of a table of these.

local ffi = require "ffi"
local room = require "callgate.kinds.room"

local function bytes_of(self)
  local count, most = self.handle_bytes, room(self, self.f_handle)
  return ffi.string(self.f_handle, count < most and count or most) -- to loongarch64's LuaJIT math.min(4e9, 3) is 4e9
end

return {
  new = function(ctype, kind, bytes)
    if type(kind) == "table" and kind.bytes then
      kind, bytes = kind.type or kind.handle_type, kind.bytes
    end
    if type(kind) ~= "number" or type(bytes) ~= "string" then
      return nil
    end
    local self = ctype(#bytes, { handle_type = kind, handle_bytes = #bytes })
    ffi.copy(self.f_handle, bytes, #bytes)
    return self
  end,
  index = {
    type = function(self) return self.handle_type end,
    bytes = bytes_of,
  },
  tostring = function(self)
    local hex = bytes_of(self):gsub(".", function(char)
      return ("%02x"):format(char:byte())
    end)
    return ("file_handle { type = %d, bytes = %s }"):format(self.handle_type, hex)
  end,
}
