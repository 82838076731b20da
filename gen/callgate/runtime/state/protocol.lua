-- What the program and the dispatcher inside a state say to each other: see child.lua.

return {
  RESUME = 1, EXEC = 2, SCRIPT = 3, COLLECT = 4, REQUIRE = 5, DESCRIBE = 6, CLOSING = 7, LIMIT = 8, RUN = 9,
  STATUS = 10,
  DONE = 0, YIELDED = 1,
  SPENT = "maximum instruction count exceeded",
  FULL = "not enough memory", -- LuaJIT's own words: lj_errmsg.h, ERRMEM
}
