-- Runs one SQL statement on an SQLite database and prints its rows, fields separated by tabs.
--
--   callgate bind sqlite3.h -o sqlite3.lua --library sqlite3 --prefix sqlite3_ --prefix SQLITE_
--   luajit query.lua books.db "create table books (title, year)"
--   luajit query.lua books.db "insert into books values (?, ?)" "Lua" 1996
--   luajit query.lua books.db "select * from books where year < ?" 2000

local ffi = require "ffi"
local sqlite = require "sqlite3"

local path, sql = ...
if not sql then
  io.stderr:write "usage: query.lua FILE SQL [VALUE...]\n"
  os.exit(2)
end

local handle = ffi.new(ffi.typeof("$ *[1]", sqlite.t.sqlite3))
local opened = sqlite.open(path, handle)
local db = ffi.gc(handle[0], sqlite.close_v2)

local function check(status)
  if status ~= sqlite.OK and status ~= sqlite.ROW and status ~= sqlite.DONE then
    io.stderr:write(("%s: %s\n"):format(path, ffi.string(sqlite.errmsg(db))))
    os.exit(1)
  end
  return status
end

check(opened)
local prepared = ffi.new(ffi.typeof("$ *[1]", sqlite.t.stmt))
check(sqlite.prepare_v2(db, sql, #sql, prepared, nil))
local statement = prepared[0]

for index, value in ipairs { select(3, ...) } do
  local number = tonumber(value)
  if number then
    check(sqlite.bind_double(statement, index, number))
  else
    -- SQLITE_TRANSIENT is a pointer, -1 cast to the type of a function: SQLite makes a copy
    check(sqlite.bind_text(statement, index, value, #value, sqlite.TRANSIENT))
  end
end

local readers = {
  [sqlite.NULL] = function()
    return "NULL"
  end,
  [sqlite.INTEGER] = function(column)
    return (tostring(sqlite.column_int64(statement, column)):gsub("LL$", ""))
  end,
  [sqlite.FLOAT] = function(column)
    return ("%.14g"):format(sqlite.column_double(statement, column))
  end,
}

local function text(column)
  return ffi.string(sqlite.column_text(statement, column), sqlite.column_bytes(statement, column))
end

local count = sqlite.column_count(statement)
local rows = 0
while check(sqlite.step(statement)) == sqlite.ROW do
  local fields = {}
  for column = 0, count - 1 do
    local read = readers[sqlite.column_type(statement, column)] or text
    fields[column + 1] = read(column)
  end
  print(table.concat(fields, "\t"))
  rows = rows + 1
end
check(sqlite.finalize(statement))
io.stderr:write(("%d rows, %d changed\n"):format(rows, sqlite.changes(db)))
