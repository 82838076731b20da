-- A socket address of whatever family its text is of: S.t.sockaddr "127.0.0.1:80", "[::1]:80", "[fe80::1%2]:80",
-- "/run/socket", "@abstract", "vsock:2:1234", "netlink:0:1", "packet:1:2048", "alg:hash:sha256"... It is a record
-- of that family, S.t.sockaddr_in and so on; other values make the bare struct sockaddr.

local types

local prefixes -- "vsock" -> "sockaddr_vm"

local function load_prefixes()
  prefixes = {}
  for name, row in pairs(require("callgate.rows").whole(require "callgate.types.index")) do
    local prefix = row.family and row.module and require(row.module).prefix
    if prefix then
      prefixes[prefix] = name
    end
  end
end

local function parse(text)
  local addr, port = text:match "^%[(.-)%]:(%d+)$"
  if addr then
    return types.t.sockaddr_in6(tonumber(port), addr)
  end
  addr, port = text:match "^([%d.]+):(%d+)$"
  if addr then
    return types.t.sockaddr_in(tonumber(port), addr)
  elseif text:find "^@" then
    return types.t.sockaddr_un("\0" .. text:sub(2))
  elseif text:find "^%.?%.?/" then
    return types.t.sockaddr_un(text)
  end
  if not prefixes then
    load_prefixes()
  end
  local name = prefixes[text:match "^(%w+):"]
  local ctype = name and types.t[name]
  if ctype then
    return ctype(text)
  end
  error(('not a socket address: %q; write it as "127.0.0.1:80", "[::1]:80", "/path", "@name" or "vsock:2:1234"')
    :format(text), 0)
end

return {
  new = function(_, text)
    types = types or require "callgate.types"
    return type(text) == "string" and parse(text) or nil
  end,
  index = { family = function(self) return self.sa_family end },
}
