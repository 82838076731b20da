"""A small target for the witnesses: a few headers of our own, and the model of what they mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.emit.facts import facts
from callgate.emit.headers import emit_headers, emit_targets
from callgate.headers.trees import HeaderTree, open_tree
from callgate.model import (
    Abi,
    Array,
    Constant,
    Enumeration,
    Field,
    Function,
    Location,
    Parameter,
    Pointer,
    Prototype,
    Record,
    RecordName,
    Scalar,
    Syscall,
    Typedef,
)
from callgate.targets import Target, load_targets

if TYPE_CHECKING:
    from pathlib import Path

UNITS = """
[uapi]
of = "kernel"
supplement = "own"
include = ["t/small.h", "asm/unistd.h"]
"""

SMALL = """
#define T_BIT (1U << 31)
#define T_NEGATIVE (-3)
#define T_BIG 0x8000000000000000ULL
#define T_TEXT "a\\001\\"b"
#define T_HALF 0.5f
#define T_THIRD (1.0 / 3)
enum t_color { T_RED, T_BLUE = 7 };
typedef int t_int;
typedef unsigned char t_byte;
#define count not_this_one
struct t_plain { signed char tag; unsigned int number; short list[3][2]; void *next; };
#undef count
struct t_bits { unsigned int low : 3; int high : 5; unsigned int : 4; unsigned int rest : 9; };
struct t_wide { unsigned long long wide : 40; long long sign : 20; };
struct t_outer {
  struct { int a; };
  union { int x; float y; } named;
  struct { char c; struct t_plain p; } slots[2];
  long double extended;
  int tail[];
};
#define number T_RED
const char *const *t_call(struct t_plain *p, int (*back)(const void *, t_byte[2]), ...);
static inline enum t_color t_color(void) { return T_RED; }
"""

UNISTD = "#define __NR_first 0\n#define __NR_second 7\n"

PLACE = Location("uapi", "t/small.h", 1)
INT = Scalar("integer", "int", 4, 4, signed=True)
UNSIGNED = Scalar("integer", "unsigned int", 4, 4)
SHORT = Scalar("integer", "short", 2, 2, signed=True)
CHAR = Scalar("integer", "char", 1, 1, signed=True)
SIGNED_CHAR = Scalar("integer", "signed char", 1, 1, signed=True)
BYTE = Scalar("integer", "unsigned char", 1, 1)
FLOAT = Scalar("float", "float", 4, 4)
LONG_DOUBLE = Scalar("float", "long double", 16, 16)
WIDE = Scalar("integer", "unsigned long long", 8, 8)
WIDE_SIGNED = Scalar("integer", "long long", 8, 8, signed=True)

PLAIN = Record(
    "struct t_plain", "struct", 32, 8,
    (
        Field("tag", SIGNED_CHAR, 0),
        Field("number", UNSIGNED, 4),
        Field("list", Array(Array(SHORT, 2, 4, 2), 3, 12, 2), 8),
        Field("next", Pointer(None, 8, 8), 24),
    ),
    PLACE,
)  # fmt: skip
BITS = Record(
    "struct t_bits", "struct", 4, 4,
    (
        Field("low", UNSIGNED, 0, 0, 3),
        Field("high", INT, 0, 3, 5),
        Field(None, UNSIGNED, 0, 8, 4),
        Field("rest", UNSIGNED, 0, 12, 9),
    ),
    PLACE,
)  # fmt: skip
WIDE_BITS = Record(
    "struct t_wide", "struct", 8, 8,
    (Field("wide", WIDE, 0, 0, 40), Field("sign", WIDE_SIGNED, 0, 40, 20)),
    PLACE,
)  # fmt: skip
OUTER = Record(
    "struct t_outer", "struct", 112, 16,
    (
        Field(None, Record("", "struct", 4, 4, (Field("a", INT, 0),), PLACE), 0),
        Field(
            "named",
            Record("", "union", 4, 4, (Field("x", INT, 0), Field("y", FLOAT, 0)), PLACE),
            4,
        ),
        Field(
            "slots",
            Array(
                Record(
                    "", "struct", 40, 8,
                    (Field("c", CHAR, 0), Field("p", RecordName("struct t_plain", 32, 8), 8)),
                    PLACE,
                ),
                2, 80, 8,
            ),
            8,
        ),
        Field("extended", LONG_DOUBLE, 96),
        Field("tail", Array(INT, None, 0, 4), 112),
    ),
    PLACE,
)  # fmt: skip
COLOR = Scalar("integer", "unsigned int", 4, 4, enum="enum t_color")
CALL = Prototype(
    "t_call",
    Function(
        Pointer(Pointer(CHAR, 8, 8, const=True), 8, 8, const=True),
        (
            Parameter("p", Pointer(RecordName("struct t_plain", 0, 1), 8, 8)),
            Parameter("back", Pointer(Function(INT, (
                Parameter(None, Pointer(None, 8, 8, const=True)),
                Parameter(None, Pointer(BYTE, 8, 8)),
            )), 8, 8)),
        ),
        variadic=True,
    ),
    PLACE,
)  # fmt: skip
INLINE = Prototype("t_color", Function(COLOR, ()), PLACE, inline=True)
ABI = Abi(
    target="x86_64-linux-gnu",
    kernel="7.2.0",
    constants=(
        Constant("T_BIT", 1 << 31, 4, False, "macro", PLACE, "(1U << 31)"),
        Constant("T_NEGATIVE", -3, 4, True, "macro", PLACE, "(-3)"),
        Constant("T_BIG", 1 << 63, 8, False, "macro", PLACE, "0x8000000000000000ULL"),
        Constant("T_TEXT", 'a\x01"b', 5, False, "string", PLACE),
        Constant("T_HALF", 0.5, 4, True, "float", PLACE),
        Constant("T_THIRD", 1 / 3, 8, True, "float", PLACE),
        Constant("T_RED", 0, 4, True, "enumerator", PLACE),
        Constant("T_BLUE", 7, 4, True, "enumerator", PLACE),
        Constant("number", 0, 4, True, "macro", PLACE),
    ),
    records=(PLAIN, BITS, WIDE_BITS, OUTER),
    enumerations=(Enumeration("enum t_color", ("T_RED", "T_BLUE"), 4, False, PLACE),),
    typedefs=(
        Typedef("t_int", replace(INT, typedef="t_int"), PLACE),
        Typedef("t_byte", replace(BYTE, typedef="t_byte"), PLACE),
    ),
    prototypes=(CALL, INLINE),
    macros=(),
    unevaluated=(),
    syscalls=(
        Syscall("first", 0, "sys_first", "long", (), PLACE),
        Syscall("second", 7, "sys_second", "long", (), PLACE),
    ),
)


@dataclass(frozen=True)
class Small:
    """The small target: its model, and the headers that it is the model of."""

    target: Target
    tree: HeaderTree
    abi: Abi
    headers: Path  # where the headers are, to be edited

    def write(self, name: str, text: str) -> None:
        """Put a header in its place."""
        path = self.headers / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return the small target, its model right in every fact."""
    target = load_targets(paths.data_dir("headers") / "targets.toml")["x86_64-linux-gnu"]
    data = tmp_path / "data"
    made = Small(target, open_tree(target, data, tmp_path / "cache"), ABI, data / "own")
    data.mkdir()
    (data / "units.toml").write_text(UNITS)
    (data / "exclusions.toml").write_text("")
    made.write("t/small.h", SMALL)
    made.write("asm/unistd.h", UNISTD)
    return made


@pytest.fixture
def library(small: Small, tmp_path: Path) -> Path:
    """Return a folder with the library of the small target, as the generator writes it."""
    arch, every = small.target.luajit_arch, [facts(small.abi, small.target)]
    files = {
        **emit_headers(every, small.abi.kernel),
        **emit_targets({arch: small.abi}, {arch: small.target}, every),
    }
    files["types/index.lua"] = files["types/names.lua"] = "return {}\n"
    root = tmp_path / "library"
    runtime = paths.PACKAGE / "runtime"
    for path in runtime.rglob("*.lua"):
        files.setdefault(path.relative_to(runtime).as_posix(), path.read_text())
    for name, text in files.items():
        path = root / "callgate" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
