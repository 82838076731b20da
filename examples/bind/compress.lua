-- Compresses and decompresses files with zlib, a piece at a time, in gzip's format.
--
--   callgate bind zlib.h -o zlib.lua --library z
--   luajit compress.lua compress INPUT OUTPUT.gz
--   luajit compress.lua decompress INPUT.gz OUTPUT

local ffi = require "ffi"
local z = require "zlib"

local PIECE = 65536
local GZIP = 16 -- added to the size of the window: with gzip's header and checksum

local function check(status, stream)
  if status ~= z.Z_OK and status ~= z.Z_STREAM_END and status ~= z.Z_BUF_ERROR then
    error(stream.msg ~= nil and ffi.string(stream.msg) or ffi.string(z.zError(status)), 0)
  end
  return status
end

-- Sends all of `input` through `step` (deflate or inflate) to `output`.
local function pump(stream, step, input, output)
  local buffer = ffi.new("uint8_t[?]", PIECE)
  local status, piece
  repeat
    piece = input:read(PIECE)
    stream.next_in = ffi.cast("unsigned char *", piece or "")
    stream.avail_in = piece and #piece or 0
    repeat
      stream.next_out, stream.avail_out = buffer, PIECE
      status = check(step(stream, piece and z.Z_NO_FLUSH or z.Z_FINISH), stream)
      assert(output:write(ffi.string(buffer, PIECE - stream.avail_out)))
    until stream.avail_out > 0 or status == z.Z_STREAM_END
  until status == z.Z_STREAM_END or not piece
  return status == z.Z_STREAM_END
end

local work = {}

function work.compress(input, output)
  local stream = z.t.z_stream()
  -- deflateInit2 is a macro of zlib.h: it passes zlib's version and the size of the struct along
  check(z.deflateInit2(stream, z.Z_BEST_COMPRESSION, z.Z_DEFLATED, z.MAX_WBITS + GZIP, 8, z.Z_DEFAULT_STRATEGY), stream)
  local whole = pump(stream, z.deflate, input, output)
  z.deflateEnd(stream)
  return whole
end

function work.decompress(input, output)
  local stream = z.t.z_stream()
  check(z.inflateInit2(stream, z.MAX_WBITS + GZIP), stream)
  local ended, whole = pcall(pump, stream, z.inflate, input, output)
  z.inflateEnd(stream)
  if not ended or not whole then
    error(ended and "the file ends too early" or whole, 0)
  end
end

local what, from, to = ...
if not (work[what] and from and to) then
  io.stderr:write "usage: compress.lua compress|decompress INPUT OUTPUT\n"
  os.exit(2)
end
local input, output = assert(io.open(from, "rb")), assert(io.open(to, "wb"))
local done, why = pcall(work[what], input, output)
local read, written = input:seek(), output:seek()
output:close()
if not done then
  os.remove(to)
  io.stderr:write(("%s: %s\n"):format(from, why))
  os.exit(1)
end
print(("%s: %d bytes in, %d bytes out, zlib %s"):format(what, read, written, ffi.string(z.zlibVersion())))
