-- A file's handle: h.type, h.bytes (a string to keep somewhere), S.t.file_handle(type, bytes) or of a table of these.

local ffi = require "ffi"

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
    bytes = function(self) return ffi.string(self.f_handle, self.handle_bytes) end,
  },
  tostring = function(self)
    local hex = ffi.string(self.f_handle, self.handle_bytes):gsub(".", function(char)
      return ("%02x"):format(char:byte())
    end)
    return ("file_handle { type = %d, bytes = %s }"):format(self.handle_type, hex)
  end,
}
