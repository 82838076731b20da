"""Witnesses: what C compilers and LuaJIT say of the model and of the library written from it."""
