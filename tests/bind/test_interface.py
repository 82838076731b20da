"""What a bound file gives a program, on a header and a library of our own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Bind = Callable[..., Path]
Run = Callable[..., str]

HEADER = """
#include <stdint.h>
#include <stdarg.h>
typedef struct point { int x, y; } point;
typedef struct { uint64_t a : 5; uint64_t b : 40; int64_t c : 19; } wide;
typedef enum { RED, GREEN = 5 } color;
enum shade { DARK = -1, LIGHT };
union word { int i; unsigned char bytes[4]; };
#define TITLE "a \\"name\\""
#define BIG 0xffffffffffffffffULL
#define HALF 0.5
#define END ((point *)-1)
#define NOTHING ((point *)0)
#define ORIGIN ((point){0, 0})
#define SQUARE(x) ((x)*(x))
#define TWICE(x) add((x), (x))
#define BOTH(x) (add((x), 1), count())
#define sum add
extern int counter;
extern const char version[];
int add(int a, int b);
int count(void);
static inline int mul(int a, int b) { return a * b; }
point mirror(point p);
long double lengthy(long double x);
void each(void (*f)(point *, void *), void *ud);
long total(int n, ...);
int vtotal(int n, va_list ap);
struct opaque;
typedef struct opaque opaque;
opaque *make(int n);
int look(const opaque *o);
int longest(const char *const words[], int n);
int (*operation(int n))(int, int);
typedef int plain(int, int);
int renamed(int, int) __asm__("add");
int nowhere(void);
struct chain { struct chain *next; struct link *first; };
struct link { struct chain *owner; struct point at; };
struct chain *chain(void);
"""

SOURCE = """
#include <stdlib.h>
#include <string.h>
#include "shapes.h"
int counter = 3;
const char version[] = "1.2";
struct opaque { int n; };
static int calls;
int add(int a, int b) { calls++; return a + b; }
int count(void) { return calls; }
point mirror(point p) { return (point){ -p.x, -p.y }; }
void each(void (*f)(point *, void *), void *ud) { point p = { 1, 2 }; f(&p, ud); }
long total(int n, ...) {
  va_list ap; va_start(ap, n);
  long sum = 0;
  while (n--) sum += va_arg(ap, long);
  va_end(ap);
  return sum;
}
opaque *make(int n) { static opaque o; o.n = n; return &o; }
int look(const opaque *o) { return o->n; }
int longest(const char *const words[], int n) {
  int best = 0;
  for (int i = 0; i < n; i++) if ((int)strlen(words[i]) > best) best = strlen(words[i]);
  return best;
}
static int sub(int a, int b) { return a - b; }
int (*operation(int n))(int, int) { return n ? sub : add; }
struct chain *chain(void) {
  static struct chain c; static struct link l;
  c.first = &l; l.owner = &c; l.at.y = 9;
  return &c;
}
"""


@pytest.fixture
def shapes(tmp_path: Path, bind: Bind) -> Path:
    """Return the binding of a small library, which is compiled for this machine."""
    (tmp_path / "shapes.h").write_text(HEADER)
    (tmp_path / "shapes.c").write_text(SOURCE)
    library = tmp_path / "libshapes.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "shapes.c")], check=True
    )
    return bind(str(tmp_path / "shapes.h"), "--library", str(library), name="shapes")


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_everything(shapes: Path, lua: Run, jit: bool) -> None:
    """Constants, functions, macros, types and variables are what C has under their names."""
    assert shapes.is_file()
    code = """
      local ffi = require "ffi"
      local M = require "shapes"
      for round = 1, 100 do
        assert(M.RED == 0 and M.GREEN == 5 and M.DARK == -1 and M.TITLE == 'a "name"')
        assert(M.BIG == 0xffffffffffffffffULL and M.HALF == 0.5)
        assert(ffi.cast("intptr_t", M.END) == -1 and M.NOTHING == nil)
        assert(M.add(2, 3) == 5 and M.sum(2, 3) == 5 and M.renamed(2, 3) == 5)
        assert(M.SQUARE(12) == 144 and M.TWICE(21) == 42)
        local before = M.count()
        assert(M.BOTH(1) == before + 1)
        local p = M.mirror(M.t.point(1, -2))
        assert(p.x == -1 and p.y == 2)
        assert(ffi.istype(M.t.point, p) and ffi.istype(M.t["struct point"], p))
        assert(M.total(3, M.long(1), M.long(20), M.long(300)) == 321)
        assert(M.look(M.make(round)) == round)
        assert(M.longest(ffi.new("const char *[2]", { "one", "three" }), 2) == 5)
        assert(M.operation(1)(9, 4) == 5 and M.operation(0)(9, 4) == 13)
        assert(M.chain().first.owner.first.at.y == 9)
        M.counter = round
        assert(M.counter == round)
      end
      assert(ffi.string(M.version) == "1.2")
      local word = M.t.word { i = 0x01020304 }
      assert(word.bytes[ffi.abi "le" and 0 or 3] == 4)
      assert(tonumber(ffi.new(M.t.color, M.GREEN)) == 5 and tonumber(ffi.new(M.t.shade, -1)) == -1)
      print "done"
    """
    assert lua(code, jit=jit) == "done\n"


def test_callbacks(shapes: Path, lua: Run) -> None:
    """A Lua function is taken where C wants a pointer to one; a typedef of a function is such."""
    assert shapes.is_file()
    code = """
      local ffi = require "ffi"
      local M = require "shapes"
      local seen
      M.each(function(p, ud) seen = p.x + p.y end, nil)
      assert(seen == 3)
      local f = ffi.cast(M.t.plain, function(a, b) return a * b end)
      assert(f(6, 7) == 42)
      f:free()
      print "done"
    """
    assert lua(code, jit=False) == "done\n"


def test_bit_fields(shapes: Path, lua: Run) -> None:
    """Bit-fields of 64-bit types, which LuaJIT lacks, read and write like members."""
    assert shapes.is_file()
    code = """
      local w = require("shapes").t.wide()
      w.a, w.b, w.c = 31, 0xfedcba9876, -7
      print(w.a, w.b, w.c)
      w.b = 1
      print(w.a, w.b, w.c, pcall(function() return w.d end))
    """
    first, second = lua(code).splitlines()
    assert first == f"31\t{0xFEDCBA9876}\t-7"
    assert second.startswith("31\t1\t-7\tfalse\t")


def test_unknown_names(shapes: Path, lua: Run) -> None:
    """A name that is not there is an error that names the nearest, or why it was left out."""
    assert shapes.is_file()
    code = """
      local M = require "shapes"
      for _, ask in ipairs {
        function() return M.mirorr end,
        function() return M.GREN end,
        function() return M.t.pont end,
        function() return M.vtotal end,
        function() return M.mul end,
        function() return M.lengthy end,
        function() return M.ORIGIN end,
        function() return M.nowhere end,
        function() return M.xylophones end,
      } do
        print((select(2, pcall(ask))))
      end
    """
    said = [line.partition("shapes: ")[2] for line in lua(code).splitlines()]
    assert said[:7] == [
        'no name "mirorr"; did you mean "mirror"?',
        'no name "GREN"; did you mean "GREEN"?',
        'no type "pont"; did you mean "point"?',
        "vtotal is left out: takes a va_list, which Lua cannot make",
        "mul is left out: an inline function: its code is in the header",
        "lengthy is left out: passes a long double, which LuaJIT cannot",
        "ORIGIN is left out: compound literal",
    ]
    assert said[7].startswith("nowhere is in the headers, but not in ")
    assert said[8] == 'no name "xylophones"'


def test_nothing_clashes(shapes: Path, tmp_path: Path, lua: Run) -> None:
    """Others may declare the same names, before and after; the file may be loaded again."""
    (tmp_path / "again.lua").write_text(shapes.read_text())
    code = """
      local ffi = require "ffi"
      ffi.cdef "struct point { double only; }; int add(double);"
      local M = require "shapes"
      local p = M.t.point(1, 2)
      assert(M.add(1, 2) == 3 and M.chain().first.at.y == 9)
      ffi.cdef "struct chain { int other; }; struct opaque { int n; }; long total(int);"
      local again = require "again"
      assert(again ~= M and ffi.istype(again.t.point, p) and again.mirror(p).x == -1)
      for _ = 1, 3 do
        package.loaded.shapes = nil
        local reloaded = require "shapes"
        assert(reloaded.add(1, 2) == 3 and reloaded.look(M.make(4)) == 4)
        local w = reloaded.t.wide()
        w.b = 5
        assert(w.b == 5)
      end
      assert(ffi.sizeof "struct point" == 8 and ffi.sizeof(M.t.point) == 8)
      print "done"
    """
    assert lua(code) == "done\n"


def test_prefix(shapes: Path, tmp_path: Path, bind: Bind, lua: Run) -> None:
    """A prefix is stripped from all kinds of names; whole names go on to work."""
    library = str(shapes.with_name("libshapes.so"))
    (tmp_path / "pre.h").write_text(
        "#define SH_ONE 1\n#define SH_end 2\n#define SH_2D 3\n"
        "typedef struct sh_thing { int n; } sh_thing;\n"
        'int sh_add(int, int) __asm__("add");\nint sh_int(void) __asm__("count");\n'
        "long double sh_wide(void);\n"
    )
    bind(str(tmp_path / "pre.h"), "--library", library, "--prefix", "sh_", "--prefix", "SH_",
         name="pre")  # fmt: skip
    code = """
      local M = require "pre"
      print(M.ONE, M.SH_ONE, M.SH_end, M.SH_2D, M.add(1, 2), M.sh_add(1, 2))
      print(M.t.thing == M.t.sh_thing, M.t.thing(5).n, tonumber(M.int(7)))
      print(select(2, pcall(function() return M.wide end)))
    """
    first, second, third = lua(code).splitlines()
    assert (first, second) == ("1\t1\t2\t3\t3\t3", "true\t5\t7")
    assert third.endswith("pre: wide is left out: passes a long double, which LuaJIT cannot")


def test_libraries_are_tried(tmp_path: Path, shapes: Path, bind: Bind, lua: Run) -> None:
    """Of several libraries the first that loads is taken, at the first call; none is an error."""
    real = str(shapes.with_name("libshapes.so"))
    header = str(tmp_path / "shapes.h")
    bind(header, "--library", "no-such-1", "--library", real, name="one")
    bind(header, "--library", "no-such-1", "--library", "no-such-2", name="none")
    assert lua('print(require("one").add(1, 1))') == "2\n"
    said = lua("""
      local M = require "none"
      print(M.GREEN, M.t.point(1, 2).y)
      print(pcall(function() return M.add end))
    """)
    assert said.startswith("5\t2\nfalse\tnone: no library: ")
    assert "no-such-1" in said
    assert "no-such-2" in said


def test_libraries_are_searched(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """What the first library lacks is looked for in the others; nowhere says where it was."""
    (tmp_path / "more.h").write_text("int first(void);\nextern int second;\nint absent(void);\n")
    for name, code in (("a", "int first(void) { return 1; }"), ("b", "int second = 2;")):
        (tmp_path / f"{name}.c").write_text(code)
        command = ["gcc", "-shared", "-fPIC", "-o", f"lib{name}.so", f"{name}.c"]
        subprocess.run(command, cwd=tmp_path, check=True)
    libraries = [str(tmp_path / f"lib{name}.so") for name in "ab"]
    options = [word for path in (*libraries, "no-such-1") for word in ("--library", path)]
    bind(str(tmp_path / "more.h"), *options, name="more")
    said = lua("""
      local M = require "more"
      print(M.second, M.first(), M.second)
      print(pcall(function() return M.absent end))
    """)
    first, second = said.splitlines()
    assert first == "2\t1\t2"
    where = ", ".join((*libraries, "no-such-1"))
    assert second.startswith(f"false\tmore: absent is in the headers, but not in {where}: ")
    assert "no-such-1" in second.removeprefix(where)


VARIABLES = """
extern int counter;
#define alias counter
enum { SH_counter = 5, SH_alias = 6, SH_free = 7 };
"""


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_variables(tmp_path: Path, shapes: Path, bind: Bind, lua: Run, jit: bool) -> None:
    """A macro that is a variable's other name reads and writes it; no constant takes its name."""
    (tmp_path / "vars.h").write_text(VARIABLES)
    library = str(shapes.with_name("libshapes.so"))
    bind(str(tmp_path / "vars.h"), "--library", library, "--prefix", "SH_", name="vars")
    code = """
      local M = require "vars"
      print(M.alias, M.counter, M.SH_counter, M.SH_alias, M.free)
      M.counter = 8
      print(M.alias)
      M.alias = 9
      for i = 1, 200 do M.alias = M.counter + 1 end
      print(M.counter, M.alias, rawget(M, "alias"))
    """
    assert lua(code, jit=jit) == "3\t3\t5\t6\t7\n8\n209\t209\tnil\n"


def test_library_with_a_version(
    tmp_path: Path, shapes: Path, bind: Bind, lua: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library whose name has a dot in it, as that of GLib, needs no more than its name."""
    shutil.copy(shapes.with_name("libshapes.so"), tmp_path / "libshapes-2.0.so")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    bind(str(tmp_path / "shapes.h"), "--library", "shapes-2.0", name="dotted")
    assert lua('print(require("dotted").add(1, 1))') == "2\n"


def test_any_place(shapes: Path, tmp_path: Path, bind: Bind) -> None:
    """The file is the same wherever the header lies, and names no folder."""
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "shapes.h").write_text(HEADER)
    library = str(shapes.with_name("libshapes.so"))
    again = bind(str(other / "shapes.h"), "--library", library, name="shapes")
    text = again.read_text()
    assert text == bind(str(tmp_path / "shapes.h"), "--library", library, name="shapes").read_text()
    assert str(tmp_path) not in text.replace(library, "")
