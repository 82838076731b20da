"""Types that have no objects in C, or none in LuaJIT: known, or left out for a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Bind = Callable[..., Path]
Run = Callable[..., str]


def test_void(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """A typedef of void, as curl's CURL, is known: pointers to it are made of it."""
    (tmp_path / "handles.h").write_text("""
      typedef void HANDLE;
      typedef const HANDLE fixed;
      typedef HANDLE other;
      #define ANOTHER HANDLE
      HANDLE *malloc(__SIZE_TYPE__ size);
      void free(HANDLE *handle);
    """)
    bind(str(tmp_path / "handles.h"), name="handles")
    code = """
      local ffi = require "ffi"
      local M = require "handles"
      local kinds = ffi.new(ffi.typeof("$ *[1]", M.t.HANDLE))
      kinds[0] = M.malloc(8)
      M.free(kinds[0])
      for _, name in ipairs { "HANDLE", "fixed", "other", "ANOTHER" } do
        assert(M.t[name] == ffi.typeof "void", name)
      end
      print "done"
    """
    assert lua(code) == "done\n"


def test_objects_that_luajit_lacks(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """Variables of types without objects in LuaJIT, or of unknown size, say why they are absent."""
    (tmp_path / "lacking.h").write_text("""
      extern long double real, several[2], *address;
      typedef int four __attribute__((vector_size(16)));
      extern four lanes;
      extern __int128 wide;
      typedef long double pair[2];
      static const long double half = 0.5L;
      extern struct opaque hidden, *known;
    """)
    text = bind(str(tmp_path / "lacking.h"), name="lacking").read_text()
    for line in ('address = "void *$"', 'known = "struct opaque *$"', "half = 0.5"):
        assert line in text
    code = """
      local M = require "lacking"
      local function why(from, name)
        return (select(2, pcall(function() return from[name] end)):match "lacking: (.*)")
      end
      for _, name in ipairs { "real", "several", "lanes", "wide", "hidden" } do
        print(why(M, name))
      end
      print(why(M.t, "pair"))
    """
    assert lua(code).splitlines() == [
        "real is left out: of type long double, which LuaJIT does not have",
        "several is left out: of type long double, which LuaJIT does not have",
        "lanes is left out: of type vector, which LuaJIT does not have",
        "wide is left out: of type __int128, which LuaJIT does not have",
        "hidden is left out: its type has no layout: incomplete struct opaque",
        "pair is left out: of type long double, which LuaJIT does not have",
    ]
