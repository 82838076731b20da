-- examples/httpd.lua on ljsyscall, by the same strategy.
--
--   luajit httpd.lua PORT

local ffi = require "ffi"
local S = require "syscall"
local t, c = S.t, S.c

local port = assert(tonumber(arg[1]), "usage: httpd.lua PORT")
local BODY = "Hello from LuaJIT and the Linux kernel.\n"
local HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 40\r\nConnection: "
local KEEP_ALIVE, CLOSE = HEAD .. "keep-alive\r\n\r\n" .. BODY, HEAD .. "close\r\n\r\n" .. BODY
local LIMIT = 16384

local listener = assert(S.socket("inet", "stream, nonblock"))
assert(listener:setsockopt("socket", "reuseaddr", true))
assert(listener:setsockopt(c.IPPROTO.TCP, c.TCP.DEFER_ACCEPT, 1))
assert(listener:bind(t.sockaddr_in(port, "127.0.0.1")))
assert(listener:listen(1024))
local ep = assert(S.epoll_create "cloexec")
assert(ep:epoll_ctl("add", listener, "in"))

local connections = {}
local BUFFER_SIZE = 65536
local buffer = t.buffer(BUFFER_SIZE)

local function drop(number)
  local connection = connections[number]
  connections[number] = nil
  connection.fd:close()
end

local function watch(connection, waiting)
  ep:epoll_ctl(connection.watched and "mod" or "add", connection.fd, waiting and "in, out" or "in")
  connection.watched, connection.waiting = true, waiting
end

local function flush(number, connection)
  while #connection.unsent > 0 do
    local sent, err = connection.fd:send(connection.unsent, #connection.unsent, c.MSG.NOSIGNAL)
    if not sent then
      if err.AGAIN then
        watch(connection, true)
        return true
      end
      drop(number)
      return false
    end
    connection.unsent = connection.unsent:sub(sent + 1)
  end
  if connection.waiting then
    watch(connection, false)
  end
  if connection.closing then
    drop(number)
    return false
  end
  return true
end

local function answer(connection, text)
  local from = 1
  while true do
    local _, stop = text:find("\r\n\r\n", from, true)
    if not stop then
      return text:sub(from)
    end
    local head = text:sub(from, stop):lower()
    local last = head:find("connection: close", 1, true)
      or (head:find("http/1.0", 1, true) and not head:find("connection: keep-alive", 1, true))
    connection.unsent = connection.unsent .. (last and CLOSE or KEEP_ALIVE)
    from = stop + 1
    if last then
      connection.closing = true
      return ""
    end
  end
end

local function receive(number, connection)
  while true do
    local count, err = connection.fd:read(buffer, BUFFER_SIZE)
    if not count then
      if err.AGAIN then
        return flush(number, connection)
      end
      count = 0
    end
    if count == 0 then
      drop(number)
      return false
    end
    connection.unread = answer(connection, connection.unread .. ffi.string(buffer, count))
    if #connection.unread > LIMIT then
      drop(number)
      return false
    end
    if count < BUFFER_SIZE then
      return flush(number, connection)
    end
  end
end

local function accept_all()
  while true do
    local fd, err = listener:accept4(nil, nil, "nonblock")
    if not fd then
      if not (err.AGAIN or err.CONNABORTED or err.MFILE) then
        error(tostring(err))
      end
      return
    end
    local number, connection = fd:getfd(), { fd = fd, unread = "", unsent = "" }
    connections[number] = connection
    if receive(number, connection) and not connection.watched then
      watch(connection, false)
    end
  end
end

io.stderr:write(("listening on http://127.0.0.1:%d/\n"):format(port))
local events = t.epoll_events(256)
local listening = listener:getfd()
while true do
  local next_event, state, first = S.epoll_wait(ep, events, 200)
  if next_event then
    for _, event in next_event, state, first do
      local number = event.fd
      local connection = connections[number]
      if number == listening then
        accept_all()
      elseif connection then
        if event.OUT and connection.waiting then
          flush(number, connection)
        end
        if (event.IN or event.HUP or event.ERR) and connections[number] then
          receive(number, connection)
        end
      end
    end
  elseif not state.INTR then
    error(tostring(state))
  end
end
