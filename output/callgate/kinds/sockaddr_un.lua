-- A Unix socket address: S.t.sockaddr_un("/run/x"); a name that begins with a zero byte is abstract.

local ffi = require "ffi"

local AF_UNIX = 1 -- the same everywhere

local function set_path(self, path)
  local room = ffi.sizeof(self.sun_path)
  if type(path) ~= "string" then
    error("expected a path (a string), got " .. require("callgate.errors").got(path), 0)
  elseif #path > room then
    error(("a Unix socket's path has at most %d bytes, this has %d"):format(room, #path), 0)
  elseif path:find("%z", 2) and path:byte(1) ~= 0 then
    error("a path cannot contain a zero byte: " .. require("callgate.errors").shown(path), 0)
  end
  ffi.fill(self.sun_path, room)
  ffi.copy(self.sun_path, path, #path)
end

return {
  takes = { path = true },
  family = AF_UNIX,
  new = function(ctype, path)
    if type(path) == "table" and path.path ~= nil then
      path = path.path
    elseif path ~= nil and type(path) ~= "string" then
      return nil
    end
    path = path ~= nil and path -- a null pointer equals nil, and has no length
    local self = ffi.new(ctype)
    self.sun_family = AF_UNIX
    if path then
      set_path(self, path)
    end
    return self
  end,
  -- How much of the record counts: an abstract name ends with its bytes, a path with its zero.
  length = function(self)
    local room = ffi.sizeof(self.sun_path)
    local offset = ffi.offsetof(self, "sun_path")
    local used = room
    if self.sun_path[0] == 0 then
      while used > 0 and self.sun_path[used - 1] == 0 do
        used = used - 1
      end
      return offset + used
    end
    local length = #ffi.string(self.sun_path, room):match "^[^%z]*"
    return offset + math.min(length + 1, room)
  end,
  index = {
    family = function(self) return self.sun_family end,
    path = function(self)
      local room = ffi.sizeof(self.sun_path)
      local text = ffi.string(self.sun_path, room)
      if text:byte(1) == 0 then
        return (text:gsub("%z+$", ""))
      end
      return text:match "^[^%z]*"
    end,
  },
  newindex = { path = set_path },
  tostring = function(self)
    local text = ffi.string(self.sun_path, ffi.sizeof(self.sun_path))
    if text:byte(1) == 0 then
      return "@" .. text:gsub("%z+$", ""):sub(2)
    end
    return text:match "^[^%z]*"
  end,
}
