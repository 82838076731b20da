"""Changes as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callgate.explore.diff import diff
from callgate.explore.difftext import WIDTH, diff_text, number_text
from callgate.explore.surface import Alias, Call, Layout, Member, Surface, Value
from callgate.headers.volatile import Volatile

VOLATILE = Volatile((("*_MAX", "the last one"),))
H = "linux/test.h"
X = Member("x", "int", 0, 4)
OLD = Surface(
    "old",
    "x86_64-linux-gnu",
    "6.12.0",
    {"A": Value(1, H), "C_MAX": Value(3, H), "GONE": Value("it\n", "linux/gone.h")},
    {"struct p": Layout(4, 4, (X,), H)},
    {"word": Alias("typedef int word", 4, H)},
    {"read": Call(0, "long read(int fd)")},
)
NEW = replace(
    OLD,
    name="new",
    kernel="7.2.0",
    constants={"A": Value(0x10000, H), "C_MAX": Value(4, H)},
    records={
        "struct p": Layout(
            16,
            8,
            (replace(X, name="ex"), Member("flag", "int", 4, 4, (3, 1)), Member("y", "long", 8, 8)),
            H,
        )
    },
    typedefs={"word": Alias("typedef int word", 8, H)},
    syscalls={"read": Call(63, "long read(unsigned int fd, char *buf, size_t count, long more)")},
)


def test_text() -> None:
    """Changes stand below their headers, a record's fields below it, the counts at the end."""
    assert "\n".join(diff_text(OLD, NEW, diff(OLD, NEW, VOLATILE))) == (
        """\
--- old (Linux 6.12.0, x86_64-linux-gnu)
+++ new (Linux 7.2.0, x86_64-linux-gnu)

linux/gone.h (gone)
  - GONE = "it\\n"

linux/test.h
  ~ A 1 -> 0x10000
  ~ C_MAX 3 -> 4  (volatile)
  ~ struct p: 4 -> 16 bytes, aligned to 4 -> 8
      ~ x -> ex: renamed, at 0
      + flag: int, at 4:3, 1 bit
      + y: long, at 8, 8 bytes
  ~ word: typedef int word, 4 -> 8 bytes

system calls
  ~ read: system call 0 -> 63: long read(int fd) -> long read(unsigned int fd,
        char *buf, size_t count, long more)

constants: 1 removed, 2 changed; 1 of them volatile
records: 1 grown
typedefs: 1 changed
system calls: 1 changed"""
    )


def test_width() -> None:
    """No line is wider than 80 columns where a word could be wrapped."""
    lines = diff_text(OLD, NEW, diff(OLD, NEW, VOLATILE))
    assert max(map(len, lines)) <= WIDTH


def test_nothing() -> None:
    """Equal sides say so."""
    assert diff_text(OLD, OLD, [])[-1] == "nothing differs"


@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (-1, "-1"), (1 << 16, "0x10000"), (0.5, "0.5"), ('"', '"\\""')]
)
def test_number(value: float | str, text: str) -> None:
    """Large numbers are hexadecimal, strings quoted."""
    assert number_text(value) == text
