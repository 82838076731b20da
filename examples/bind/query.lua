-- Runs one SQL statement on an SQLite database and prints its rows, fields separated by tabs.
--
--   callgate bind sqlite3.h -o sqlite3.lua --library sqlite3 --prefix sqlite3_ --prefix SQLITE_
--   luajit query.lua books.db "create table books (title, year)"
--   luajit query.lua books.db "insert into books values (?, ?)" "Lua" 1996
--   luajit query.lua books.db "select * from books where year < ?" 2000
--
-- A VALUE that is written just as this program prints a number (1996, -7, 1.5) is bound as that number, an integer of
-- up to 64 bits exactly. Everything else is text, which keeps what a number would lose: 007, 1.50, 1e3, inf.

local ffi = require "ffi"
local sqlite = require "sqlite3"

local path, sql = ...
if not sql then
  io.stderr:write("usage: query.lua FILE SQL [VALUE...]\n",
    "VALUE: a number where it is written as one is printed (1996, -7, 1.5); otherwise text (007, 1.50, inf)\n")
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

local function integer_text(number)
  return (tostring(number):gsub("LL$", ""))
end

-- The 64-bit integer that a text is; nil where it would not be printed as the same text.
local function integer_of(text)
  local sign, digits = text:match "^(%-?)(%d+)$"
  if not digits then
    return nil
  end
  local number = 0LL
  for digit in digits:gmatch "%d" do -- tonumber knows doubles alone; what is too large comes out as another number
    number = number * 10 + tonumber(sign .. digit)
  end
  return integer_text(number) == text and number or nil
end

-- In as few digits as it takes to read the same number again.
local function double_text(number)
  local text
  for digits = 14, 17 do
    text = ("%%.%dg"):format(digits):format(number)
    if tonumber(text) == number then
      break
    end
  end
  return text
end

-- The same as integer_of for other numbers; not for inf and nan, which are words, nor for -0, whose sign SQLite drops.
local function double_of(text)
  local number = text:find "^%-?%d" and text ~= "-0" and tonumber(text)
  return number and double_text(number) == text and number or nil
end

for index, value in ipairs { select(3, ...) } do
  local integer, double = integer_of(value), double_of(value)
  if integer then
    check(sqlite.bind_int64(statement, index, integer))
  elseif double then
    check(sqlite.bind_double(statement, index, double))
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
    return integer_text(sqlite.column_int64(statement, column))
  end,
  [sqlite.FLOAT] = function(column)
    return double_text(sqlite.column_double(statement, column))
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
