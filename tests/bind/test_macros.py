"""Function-like macros of a bound header, called from a program."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Bind = Callable[..., Path]
Run = Callable[..., str]

BLOCKS = """
struct node { int n; };
int count(int by);
int change(struct node *node);
#define TWICE(x) ({ int y = count(x); y + y; })
#define UNUSED(x) __extension__ ({ int y = count(x); 7; })
#define ORDER(a, b) ({ int one = count(a); int two = count(b); two * 100 + one; })
#define BEFORE(p) ({ struct node *of = (p); int was = of->n; change(of) * 100 + was; })
#define WITHIN(x) (1 + ({ int y = count(x); y + y; }))
"""
BLOCKS_C = """
#include "blocks.h"
int count(int by) { static int all; return all += by; }
int change(struct node *node) { return ++node->n; }
"""


@pytest.fixture
def compiled(tmp_path: Path, bind: Bind) -> Callable[[str, str, str], None]:
    """Return a function that compiles a library and binds its header."""

    def run(name: str, header: str, source: str) -> None:
        (tmp_path / f"{name}.h").write_text(header)
        (tmp_path / f"{name}.c").write_text(source)
        library = str(tmp_path / f"lib{name}.so")
        command = ["gcc", "-shared", "-fPIC", "-o", library, str(tmp_path / f"{name}.c")]
        subprocess.run(command, check=True)
        bind(str(tmp_path / f"{name}.h"), "--library", library, name=name)

    return run


def test_blocks_call_once(compiled: Callable[[str, str, str], None], lua: Run) -> None:
    """A block's variable is evaluated once and before what follows, used or not."""
    compiled("blocks", BLOCKS, BLOCKS_C)
    code = """
      local M = require "blocks"
      assert(M.TWICE(3) == 6 and M.count(0) == 3)
      assert(M.UNUSED(1) == 7 and M.count(0) == 4)
      assert(M.ORDER(1, 10) == 1505)
      local node = M.t.node { n = 4 }
      assert(M.BEFORE(node) == 504 and node.n == 5)
      local _, why = pcall(function() return M.WITHIN end)
      assert(why:find("WITHIN is left out: statement expression", 1, true), why)
      print "done"
    """
    assert lua(code) == "done\n"


POINTERS = """
#include <stdint.h>
#include <stddef.h>
struct node { int n; struct node *next; };
int add(int a, int b);
#define NOT(p) (!(p))
#define AND(p, n) ((p) && (n))
#define OR(p) ((p) || 0)
#define FULL(p) ((p) && (p)->n > 1)
#define ADDRESS(p) ((uintptr_t)(p))
#define ALIGNED(p) (((unsigned long)(p) & 3) == 0)
#define DISTANCE(p, q) ((p) - (q))
#define BACK(p) ((p)->next - (p))
#define BEFORE(p, q) ((p) < (q))
#define SAME(p, q) ((p) == (q))
#define THERE(p) ((p) != 0)
#define PICK(p) ((p) ? 1 : 2)
#define ADDED(x) ((x) ? add(x, 1) : 7)
#define INCREASED(x) ((x) ? (x) + 1 : 0)
"""


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_pointers(compiled: Callable[[str, str, str], None], lua: Run, *, jit: bool) -> None:
    """What C takes a pointer for as well as an integer takes both, and what C makes of each."""
    source = '#include "pointers.h"\nint add(int a, int b) { return a + b; }\n'
    compiled("pointers", POINTERS, source)
    code = """
      local ffi = require "ffi"
      local M = require "pointers"
      local null = ffi.cast(ffi.typeof("$ *", M.t.node), nil)
      local list = ffi.new(ffi.typeof("$[4]", M.t.node))
      local address = ffi.cast("uintptr_t", list)
      list[1].n, list[1].next = 5, list + 3
      for _ = 1, 100 do
        assert(M.NOT(null) and M.NOT(nil) and not M.NOT(list) and M.NOT(0) and M.NOT(false))
        assert(not M.NOT(7LL) and M.NOT(0LL) and not M.NOT(list[0]))
        assert(M.AND(list, 1) and not M.AND(null, 1) and not M.AND(list, 0))
        assert(M.OR(list + 1) and not M.OR(null) and M.OR(2))
        assert(M.FULL(list + 1) and not M.FULL(list) and not M.FULL(null) and not M.FULL(nil))
        assert(M.ADDRESS(list + 1) == address + 16 and M.ADDRESS(null) == 0 and M.ADDRESS(5) == 5)
        assert(M.ALIGNED(list) and not M.ALIGNED(6))
        assert(M.DISTANCE(list + 3, list + 1) == 2 and M.DISTANCE(list, list + 1) == -1)
        assert(M.DISTANCE(9, 2) == 7 and M.DISTANCE(list + 3, 2) == list + 1)
        assert(M.BACK(list + 1) == 2)
        assert(M.BEFORE(list, list + 1) and not M.BEFORE(list + 1, list) and M.BEFORE(-1, 0))
        assert(M.SAME(list + 1, list + 1) and not M.SAME(list, null) and M.SAME(3, 3LL))
        assert(M.THERE(list) and not M.THERE(null) and not M.THERE(0))
        assert(M.PICK(list) == 1 and M.PICK(null) == 2 and M.PICK(0) == 2)
        assert(M.ADDED(0) == 7 and M.ADDED(3) == 4)
        assert(M.INCREASED(3) == 4 and M.INCREASED(0) == 0)
      end
      for _, wrong in ipairs { "x", ffi.typeof "int", {} } do
        assert(not pcall(M.ADDRESS, wrong))
      end
      assert(not pcall(M.INCREASED, nil) and not pcall(M.DISTANCE, 1, list))
      print "done"
    """
    assert lua(code, jit=jit) == "done\n"


def test_arrays(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """An array is a pointer to its first element, as gmp.h has it, an argument or a member."""
    (tmp_path / "arrays.h").write_text("""
      typedef struct { int size; unsigned *limbs; } number_struct;
      typedef number_struct number[1];
      struct pair { number first; number_struct *second; };
      #define SIGN(z) ((z)->size < 0 ? -1 : (z)->size > 0)
      #define ODD(z) ((z)->size != 0 && ((z)->limbs[0] & 1))
      #define FIRST(p) (((struct pair *)(p))->first->size)
      #define SECOND(p) ((p)->second->size)
    """)
    bind(str(tmp_path / "arrays.h"), name="arrays")
    code = """
      local ffi = require "ffi"
      local M = require "arrays"
      local z = ffi.new(M.t.number)
      assert(M.SIGN(z) == 0 and not M.ODD(z))
      z[0].size, z[0].limbs = -2, ffi.new("unsigned[2]", 7)
      assert(M.SIGN(z) == -1 and M.SIGN(z[0]) == -1 and M.SIGN(z + 0) == -1 and M.ODD(z))
      local pair = M.t.pair { first = { { size = 5 } }, second = z }
      assert(M.FIRST(pair) == 5 and M.SECOND(pair) == -2)
      assert(not pcall(M.SIGN, nil))
      print "done"
    """
    assert lua(code) == "done\n"


def test_other_names(tmp_path: Path, bind: Bind, lua: Run) -> None:
    """A macro that names another is that, also where the other is not called: jansson.h has one."""
    (tmp_path / "names.h").write_text("""
      #define SQUARE(x) ((x) * (x))
      #define ALSO SQUARE
      #define ANY(...) f(__VA_ARGS__)
      #define SOME ANY
    """)
    bind(str(tmp_path / "names.h"), name="names")
    code = """
      local M = require "names"
      assert(M.ALSO(5) == 25 and M.ALSO == M.SQUARE)
      local _, why = pcall(function() return M.SOME end)
      assert(why:find("ANY is not bound: takes any number of arguments", 1, true), why)
      print "done"
    """
    assert lua(code) == "done\n"


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_misuse(tmp_path: Path, bind: Bind, lua: Run, *, jit: bool) -> None:
    """A wrong argument is told with the macro's name and its place, at the line of the caller."""
    (tmp_path / "wrong.h").write_text("""
      struct node { double d; int *p; };
      #define SCALE(a, b) ((a) * 3 + (b) / 2)
      #define MASK(x) ((x) & 7)
      #define SIZE(t) sizeof(t)
      #define CAST(p) (((struct node *)(p))->p)
    """)
    bind(str(tmp_path / "wrong.h"), name="wrong")
    code = """
      local M = require "wrong"
      local function said(expected, f, ...)
        local _, why = pcall(f, ...)
        assert(why:sub(-#expected - 1) == ":" .. expected, why)
      end
      for _ = 1, 100 do
        said('9: SCALE: argument 2: expected an integer, got "x"', function()
          return (M.SCALE(1, "x"))
        end)
        said("12: MASK: argument 1: expected an integer, got nil", function()
          local _ = M.MASK()
        end)
        said("15: SIZE: argument 1: expected a type, got nil", function()
          return (M.SIZE(nil))
        end)
        said('18: SIZE: argument 1: expected a record of the headers, got "union u"', function()
          return (M.SIZE "union u")
        end)
        said("21: CAST: argument 1: expected a pointer or a record, got 5", function()
          return (M.CAST(5))
        end)
      end
      print "done"
    """
    assert lua(code, jit=jit) == "done\n"
