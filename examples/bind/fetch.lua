-- Fetches a page with libcurl and prints it; what became of it goes to standard error.
--
--   callgate bind curl/curl.h -o curl.lua --library curl --prefix curl_
--   luajit fetch.lua http://localhost:8080/

local ffi = require "ffi"
local curl = require "curl"

local url = ...
if not url then
  io.stderr:write "usage: fetch.lua URL\n"
  os.exit(2)
end

curl.global_init(curl.CURL_GLOBAL_DEFAULT)
local handle = ffi.gc(curl.easy_init(), curl.easy_cleanup)

local function check(code)
  if code ~= curl.CURLE_OK then
    io.stderr:write(("%s: %s\n"):format(url, ffi.string(curl.easy_strerror(code))))
    os.exit(1)
  end
end

-- curl_easy_setopt is variadic: C has to be told what is an int or a long, strings and pointers tell it.
local pieces = {}
local on_data = ffi.cast(curl.t.curl_write_callback, function(data, size, count)
  pieces[#pieces + 1] = ffi.string(data, size * count)
  return size * count
end)
check(curl.easy_setopt(handle, curl.CURLOPT_URL, url))
check(curl.easy_setopt(handle, curl.CURLOPT_TIMEOUT, curl.long(10)))
check(curl.easy_setopt(handle, curl.CURLOPT_FOLLOWLOCATION, curl.long(1)))
check(curl.easy_setopt(handle, curl.CURLOPT_USERAGENT, "callgate-bind"))
check(curl.easy_setopt(handle, curl.CURLOPT_WRITEFUNCTION, on_data))

-- libcurl calls back into Lua meanwhile: a compiled function must not make such a call.
local function perform()
  return curl.easy_perform(handle)
end
jit.off(perform)
check(perform())

local status, kind = ffi.new "long[1]", ffi.new "char *[1]"
check(curl.easy_getinfo(handle, curl.CURLINFO_RESPONSE_CODE, status))
check(curl.easy_getinfo(handle, curl.CURLINFO_CONTENT_TYPE, kind))
on_data:free()

io.write(table.concat(pieces))
local type_of = kind[0] ~= nil and ffi.string(kind[0]) or "no content type"
io.stderr:write(("status %d, %s, %d bytes\n"):format(tonumber(status[0]), type_of, #table.concat(pieces)))
os.exit(status[0] < 400 and 0 or 1)
