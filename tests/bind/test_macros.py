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
