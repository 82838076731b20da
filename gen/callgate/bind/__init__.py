"""``callgate bind``: a user's own C headers as one Lua file, by the library's own machinery."""
