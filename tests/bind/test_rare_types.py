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
