"""Macros as LuaJIT and a C compiler see them: they agree, and every wrong translation is named."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.headers.trees import open_tree
from callgate.models import build_model
from callgate.parse import parse_units
from callgate.targets import DEFAULT_TARGET, load_targets
from callgate.verify.compilers import Compiler, compilers
from callgate.verify.macros import INTEGERS, calls, check_macros, integer_macros

if TYPE_CHECKING:
    from pathlib import Path

    from tests.verify.conftest import Small

    from callgate.model import Abi
    from callgate.verify.verification import Disagreement

HEADER = """
#define T_MAJOR(dev) ((dev) >> 8)
#define T_SIZE(type, nr) ((nr) << 16 | sizeof(type))
#define T_INT_BIT(n) (1 << (n))
#define T_WIDE(x) (((x) & 0xff00000000ULL) >> 8)
#define T_TRUE(x) ((x) > 3)
#define T_CONSTANT() 0x80000000U
#define T_MEMBER(p) ((p)->count)
"""


@pytest.fixture
def macros(small: Small) -> Abi:
    """Return the model of a header with translated macros."""
    small.write("t/small.h", HEADER)
    units = parse_units(small.tree, jobs=1)
    return build_model(small.target, "7.2.0", units, ())


def compiler(small: Small) -> Compiler:
    """Return the bundle's clang."""
    return compilers(small.target, small.tree)[0]


def mutated(abi: Abi, name: str, old: str, new: str) -> Abi:
    """Return the model with one macro's Lua changed."""
    changed = []
    for item in abi.macros:
        if item.name == name:
            assert item.lua is not None
            assert old in item.lua
            changed.append(replace(item, lua=item.lua.replace(old, new)))
        else:
            changed.append(item)
    return replace(abi, macros=tuple(changed))


def test_a_right_translation_is_clean(small: Small, macros: Abi) -> None:
    """Every call with a defined value is counted as a fact of its header."""
    tally, wrong = check_macros(macros, compiler(small))
    assert wrong == []
    shifts = sum(
        int(number.removesuffix("ULL").removesuffix("LL"), 0) in range(32) for number in INTEGERS
    )
    assert tally.checked == {
        ("clang", "macro", "uapi", "t/small.h"): 4 * len(INTEGERS) + shifts + 1
    }


def test_only_integers_and_types_are_asked(macros: Abi) -> None:
    """A macro that takes a record is left to other tests."""
    assert "T_MEMBER" not in {item.name for item in integer_macros(macros)}
    assert [item.name for item in macros.macros if item.lua is None] == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("T_MAJOR", "8", "9"),
        ("T_MAJOR", "shr", "shl"),
        ("T_SIZE", "16", "17"),
        ("T_WIDE", "0xff000000", "0xff000001"),
        ("T_TRUE", "> 3", ">= 3"),
        ("T_CONSTANT", "0x80000000", "-0x80000000"),
        ("T_INT_BIT", "M.i32", "M.u32"),
    ],
)
def test_a_wrong_translation_is_named(
    small: Small, macros: Abi, name: str, old: str, new: str
) -> None:
    """A changed constant, operator or width is found, with the call that shows it."""
    _, wrong = check_macros(mutated(macros, name, old, new), compiler(small))
    assert {item.name.partition("(")[0] for item in wrong} == {name}
    assert {item.fact for item in wrong} == {"value"}


def test_strings_are_compared(small: Small) -> None:
    """A macro that gives one of several strings agrees with C, or is named with the call."""
    small.write("t/small.h", '#define T_NAME(x) ((x) ? "a \\"word\\"\\n" : "none")\n')
    abi = build_model(small.target, "7.2.0", parse_units(small.tree, jobs=1), ())
    tally, wrong = check_macros(abi, compiler(small))
    assert not wrong
    assert sum(tally.checked.values()) == len(INTEGERS)
    _, wrong = check_macros(mutated(abi, "T_NAME", "none", "nonf"), compiler(small))
    assert [item.name for item in wrong] == ["T_NAME(0)"]


def test_an_error_in_lua_is_named(small: Small, macros: Abi) -> None:
    """A translation that fails is a disagreement, not the end of the run."""
    _, wrong = check_macros(mutated(macros, "T_MAJOR", "M.shr", "M.nothing"), compiler(small))
    assert {item.name.partition("(")[0] for item in wrong} == {"T_MAJOR"}
    assert all(str(item.expected).startswith("!") for item in wrong)


def test_what_the_compiler_rejects_is_named(small: Small, macros: Abi) -> None:
    """A macro of which no call has a value in C is reported once, with the compiler's words."""
    small.write("t/small.h", HEADER.replace("((x) > 3)", "t_missing(x)"))
    _, wrong = check_macros(macros, compiler(small))
    assert [(item.name, item.fact) for item in wrong] == [("T_TRUE", "")]
    assert "rejected" in str(wrong[0].answer)


def test_calls_differ_in_all_arguments(macros: Abi) -> None:
    """Each call of a macro has other arguments."""
    item = next(item for item in macros.macros if item.name == "T_SIZE")
    assert len({call.lua for call in calls(item)}) == len(INTEGERS)
    assert next(calls(item)).c == "T_SIZE(char[1], ((long long)12))"


# --- the real headers ----------------------------------------------------------------------------

# What the library's contract names, and what programs use most.
WANTED = {
    "_IO", "_IOC", "_IOR", "_IOW", "_IOWR", "_IOC_DIR", "_IOC_TYPE", "_IOC_NR", "_IOC_SIZE",
    "MAJOR", "MINOR", "MKDEV", "WIFEXITED", "WEXITSTATUS", "WIFSIGNALED", "WTERMSIG",
    "WIFSTOPPED", "WSTOPSIG", "WCOREDUMP", "WIFCONTINUED", "S_ISDIR", "S_ISREG", "S_ISLNK",
    "S_ISSOCK", "S_ISFIFO", "S_ISCHR", "S_ISBLK", "CMSG_ALIGN", "CMSG_LEN", "CMSG_SPACE",
    "CMSG_DATA", "CMSG_FIRSTHDR", "NLMSG_ALIGN", "NLMSG_LENGTH", "NLMSG_SPACE", "NLMSG_DATA",
    "NLMSG_OK", "NLMSG_PAYLOAD", "NLA_ALIGN", "RTA_ALIGN", "RTA_OK", "RTA_LENGTH", "RTA_SPACE",
    "RTA_DATA", "RTA_PAYLOAD", "RTM_FAM", "TC_H_MAJ", "TC_H_MIN", "TC_H_MAKE", "BPF_CLASS",
    "BPF_OP", "BPF_SIZE", "BPF_MODE", "BPF_SRC", "DRM_IO", "DRM_IOR", "DRM_IOW", "DRM_IOWR",
    "EVIOCGBIT", "EVIOCGABS", "EVIOCGNAME", "SPI_IOC_MESSAGE", "KERNEL_VERSION", "FD_ISSET",
    "CPU_ISSET", "IN6_IS_ADDR_LOOPBACK", "IN6_IS_ADDR_MULTICAST", "LOG_MASK", "LOG_UPTO",
    "ELF64_R_SYM", "ELF64_ST_BIND", "fourcc_code", "_BITUL", "_BITULL", "__GENMASK",
    "FUTEX_OP", "IOPRIO_PRIO_CLASS", "SNDRV_PROTOCOL_VERSION", "V4L2_TYPE_IS_OUTPUT",
}  # fmt: skip
# What no compiler takes as a constant: calls of inline functions, statement expressions.
NOT_CONSTANT = Counter(
    {
        "initializer element is not a compile-time constant": 15,
        "statement expression not allowed at file scope": 15,
    }
)


@pytest.mark.slow
def test_the_real_macros(tmp_path: Path) -> None:
    """Over 1,050 macros of the real headers translate, and clang agrees on 13,000 calls."""
    target = load_targets(paths.data_dir("headers") / "targets.toml")[DEFAULT_TARGET]
    tree = open_tree(target, cache=tmp_path)
    units = parse_units(tree, jobs=os.cpu_count() or 1)
    abi = build_model(target, "7.2.0", units, ())
    translated = [item for item in abi.macros if item.lua is not None]
    assert sum(item.location.unit == "uapi" for item in translated) >= 820
    assert sum(item.location.unit == "libc" for item in translated) >= 230
    assert {item.name for item in translated} >= WANTED
    assert all(item.reason for item in abi.macros if item.lua is None)
    tally, wrong = check_macros(abi, compilers(target, tree)[0])
    assert sum(tally.checked.values()) >= 13_000
    assert Counter(map(rejection, wrong)) == NOT_CONSTANT


def rejection(item: Disagreement) -> str:
    """Return what the compiler said of a macro that it rejects; the whole of another one."""
    prefix, _, said = str(item.answer).partition("rejected: ")
    return said if prefix == "" and said else str(item)
