-- A small HTTP/1.1 server on one epoll set: keep-alive, pipelined requests, slow readers.
--
--   ./callgate lua examples/httpd.lua [PORT [SECONDS]]
--
-- It answers every request with the same short page, and stops after SECONDS if given. Try it with
-- `wrk -c 400 -t 2 http://127.0.0.1:8080/` or `ab -k -c 300 -n 100000 http://127.0.0.1:8080/`.

local ffi = require "ffi"
local S = require "callgate"

local port = math.floor(tonumber(arg and arg[1]) or 8080)
local seconds = tonumber(arg and arg[2])

local BODY = "Hello from LuaJIT and the Linux kernel.\n"
local function response(connection)
  return ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s"):format(
    #BODY,
    connection,
    BODY
  )
end
local KEEP_ALIVE, CLOSE = response "keep-alive", response "close"
local LIMIT = 16384 -- bytes of one request's head; more is answered by closing the connection

local listener = assert(S.socket("inet", "stream, nonblock"))
assert(listener:setsockopt("socket", "reuseaddr", 1))
assert(listener:setsockopt("tcp", "defer_accept", 1)) -- accept gives connections that have a request to read
assert(listener:bind(S.t.sockaddr_in(port, "127.0.0.1")))
assert(listener:listen(1024))
local ep = assert(S.epoll_create())
assert(ep:add(listener, "in"))

---@class connection
---@field fd callgate.fd
---@field unread string # of its requests
---@field unsent string # of our answers
---@field closing boolean?
---@field waiting boolean? # for room to write
---@field watched boolean? # by the epoll set: one that is answered and closed at once never is

---@type table<integer, connection?> # by descriptor number
local connections = {}
local open_count, served = 0, 0
local BUFFER_SIZE = 65536
local buffer = ffi.new("char[?]", BUFFER_SIZE)

local function drop(number)
  local connection = assert(connections[number])
  connections[number] = nil
  open_count = open_count - 1
  connection.fd:close() -- which also takes it out of the epoll set
end

---@param connection connection
---@param waiting boolean # for room to write, too
local function watch(connection, waiting)
  local events = waiting and "in, out" or "in"
  if connection.watched then
    assert(ep:mod(connection.fd, events))
  else
    assert(ep:add(connection.fd, events))
  end
  connection.watched, connection.waiting = true, waiting
end

---Writes what is left to say; false when the connection is gone.
---@param number integer
---@param connection connection
---@return boolean open
local function flush(number, connection)
  while #connection.unsent > 0 do
    local sent, _, errno = connection.fd:send(connection.unsent, nil, "nosignal")
    if not sent then
      if errno == S.EAGAIN then
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

-- Answers every complete request in `text`; returns what remains of it.
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
    served = served + 1
    from = stop + 1
    if last then
      connection.closing = true
      return ""
    end
  end
end

-- Answers what has come; false when the connection is gone.
local function receive(number, connection)
  while true do
    local count, _, errno = connection.fd:read(buffer, BUFFER_SIZE)
    if not count then
      if errno == S.EAGAIN then
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
    local fd, _, errno = listener:accept("nonblock")
    if not fd then
      if errno ~= S.EAGAIN and errno ~= S.ECONNABORTED and errno ~= S.EMFILE then
        error(S.strerror(errno))
      end
      return
    end
    local number, connection = fd.fd, { fd = fd, unread = "", unsent = "" }
    connections[number] = connection
    open_count = open_count + 1
    if receive(number, connection) and not connection.watched then
      watch(connection, false)
    end
  end
end

io.stderr:write(("listening on http://127.0.0.1:%d/\n"):format(port))
local function now()
  return assert(S.clock_gettime "monotonic").time
end

local started = now()
local listening = listener.fd
while not seconds or now() - started < seconds do
  local events, message, errno = ep:wait(256, 200)
  if not events and errno ~= S.EINTR then
    error(message)
  end
  if events then
    for number, event in events do
      local connection = connections[number]
      if number == listening then
        accept_all()
      elseif connection then
        local open = true
        if event.writable and connection.waiting then
          open = flush(number, connection)
        end
        if open and (event.readable or event.hup or event.err) then
          receive(number, connection)
        end
      end
    end
  end
end
io.stderr:write(("%d requests served, %d connections still open\n"):format(served, open_count))
