"""Records that the header gives no name, checked against a library that gcc compiles."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate.abi.record import RecordLayout

if TYPE_CHECKING:
    from callgate.model import Record

Bind = Callable[..., Path]
Run = Callable[..., str]

HEADER = """
extern struct { int id; const char *name; } table[3];
extern const struct { char c; int bits : 5; struct { short s; } in[2]; } fixed;
extern struct { double d; } one, *several[2];
typedef struct { int x; struct { int w; struct { long l; } *inner; } *list; } *R;
typedef const struct { short s; } both, *pointer;
typedef union { int i; float f; } *pairs[2];
struct tagged { struct { char c; long l; } *p; struct { struct { int deep; } *q; } in; };
typedef struct opaque opaque;
struct { int a; double b; } make(int n, const char *words[2], int (*call)(int));
struct { short a, b; } *found(void);
int take(struct { int lost; } value);
int look(struct { int lost; } *value);
int R__type__list(void);
extern struct { struct first *member; } *mentions;
int uses(struct first *of);
#define SECOND(o) (((R)(o))->list[1].w)
#define LONG(o) (((R)(o))->list->inner->l)
"""

SOURCE = """
#include "untagged.h"
__typeof__(table[0]) table[3] = { { 1, "one" }, { 2, "two" }, { 3, "three" } };
const __typeof__(fixed) fixed = { 'c', -7, { { 8 }, { 9 } } };
__typeof__(one) one = { 0.5 };
__typeof__(*several[0]) *several[2] = { &one, &one };
"""


def test_untagged(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """Variables, pointers, results and macros have the real types of records without a name."""
    (tmp_path / "untagged.h").write_text(HEADER)
    (tmp_path / "untagged.c").write_text(SOURCE)
    library = tmp_path / "libuntagged.so"
    source = str(tmp_path / "untagged.c")
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", str(library), source], check=True)
    text = bind(
        str(tmp_path / "untagged.h"), "--library", str(library), name="untagged"
    ).read_text()
    assert 'make = "struct make__result $(int, const char **, int (*)(int))"' in text
    assert 'found = "struct found__result *$(void)"' in text
    assert 'take = "passes a record that has no name"' in text
    assert 'look = "int $(void *)"' in text
    assert 'uses = "int $(struct first *)"' in text
    code = """
      local ffi = require "ffi"
      local M = require "untagged"
      assert(ffi.sizeof(M.table) == 48 and M.table[1].id == 2)
      assert(ffi.string(M.table[2].name) == "three")
      M.table[1].id = 7
      assert(M.table[1].id == 7 and M.table[0].id == 1 and M.table[2].id == 3)
      assert(M.fixed.bits == -7 and M.fixed["in"][1].s == 9)
      assert(not pcall(function() M.fixed.c = 1 end))
      assert(M.one.d == 0.5 and M.several[1].d == 0.5)
      M.one = M.several[0][0] -- of one type
      local list = ffi.new(ffi.typeof("$[2]", M.t.R__type__list_))
      list[1].w = 5
      local r = M.t.R__type { x = 3, list = list }
      local p = ffi.new(M.t.R, r)
      assert(p.x == 3 and M.SECOND(ffi.cast("void *", p)) == 5)
      assert(ffi.sizeof(M.t.both) == 2 and ffi.new(M.t.pairs)[1] == nil)
      assert(ffi.typeof(ffi.new(M.t.tagged).p) == ffi.typeof("$ *", M.t.tagged__p))
      print "done"
    """
    assert lua(code) == "done\n"


def test_layouts_are_verified(tmp_path: Path, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compilers are asked about them: a wrong one is found."""
    (tmp_path / "untagged.h").write_text(HEADER)
    run = RecordLayout.run
    bind(str(tmp_path / "untagged.h"), name="right")
    for name in ("table__type", "make__result", "found__result", "tagged__p", "tagged__in__q"):

        def wrong(self: RecordLayout, name: str = name) -> Record:
            found = run(self)
            return found if found.name != name else replace(found, size=found.size + 8)

        monkeypatch.setattr(RecordLayout, "run", wrong)
        with pytest.raises(AssertionError):
            bind(str(tmp_path / "untagged.h"), name="wrong")


DISPLAY = """
typedef struct { int width, height; } screen;
typedef struct hidden display;
typedef struct { screen *screens; int fd; int default_screen; } *opened;
#define SCREEN_OF(d) (((opened)(d))->default_screen)
#define FILE_OF(d) (((opened)(d))->fd)
#define WIDTH_OF(d, n) ((&((opened)(d))->screens[n])->width)
"""


def test_display(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """Macros that cast to a pointer to such a record read its members, as those of Xlib do."""
    (tmp_path / "display.h").write_text(DISPLAY)
    bind(str(tmp_path / "display.h"), name="display")
    code = """
      local ffi = require "ffi"
      local M = require "display"
      local screens = ffi.new(ffi.typeof("$[2]", M.t.screen))
      screens[1].width = 640
      local open = M.t.opened__type { default_screen = 1, screens = screens, fd = 9 }
      local d = ffi.cast(ffi.typeof("$ *", M.t.display), open)
      print(M.SCREEN_OF(d), M.FILE_OF(d), M.WIDTH_OF(d, 1))
    """
    assert lua(code) == "1\t9\t640\n"
