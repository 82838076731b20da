"""Types by name, typedefs, attributes and enums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate import model
from callgate.abi.evaluate import NoValue
from callgate.abi.scope import Incomplete

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import C

    Make = Callable[..., C]


def test_scalar_typedef_keeps_its_name(c: Make) -> None:
    """A scalar carries the name that it was first written with."""
    found = c("typedef unsigned int u32; typedef u32 id;").type("id")
    assert isinstance(found, model.Scalar)
    assert (found.c_name, found.typedef, found.size) == ("unsigned int", "u32", 4)


def test_untagged_record_has_its_typedefs_name(c: Make) -> None:
    """A typedef of an untagged record is that record's name."""
    assert c("typedef struct { long a; } box;").type("box") == model.RecordName("box", 8, 8)


def test_qualifiers_of_a_target(c: Make) -> None:
    """What a pointer points to is const, volatile and atomic by itself or by its typedef."""
    found = c(
        "typedef volatile int lock; typedef lock other; typedef const other fixed;"
        "typedef lock *a; typedef other *b; typedef fixed *d; typedef int *plain;"
        "typedef _Atomic int counter; typedef const counter *e;"
    )
    kinds = [found.type(name) for name in ("a", "b", "d", "plain", "e")]
    assert all(isinstance(kind, model.Pointer) for kind in kinds)
    assert [
        (kind.const, kind.volatile, kind.atomic)
        for kind in kinds if isinstance(kind, model.Pointer)
    ] == [
        (False, True, False), (False, True, False), (True, True, False), (False, False, False),
        (True, False, True),
    ]  # fmt: skip


def test_const_pointer_target(c: Make) -> None:
    """A pointer tells that its target is const, not that it is itself."""
    found = c("typedef const char *text; typedef char *const fixed;")
    text, fixed = found.type("text"), found.type("fixed")
    assert isinstance(text, model.Pointer)
    assert isinstance(fixed, model.Pointer)
    assert (text.const, fixed.const) == (True, False)


def test_pointer_to_an_incomplete_record(c: Make) -> None:
    """A pointer to what is only declared names it."""
    found = c("typedef struct later *handle;").type("handle")
    assert found == model.Pointer(model.RecordName("struct later", 0, 1), 8, 8)


def test_array_parameter_is_a_pointer(c: Make) -> None:
    """A function's array parameter is a pointer to the element."""
    found = c("typedef int call(int fds[2]);").type("call")
    assert isinstance(found, model.Function)
    assert isinstance(found.parameters[0].type, model.Pointer)


def test_mode_makes_another_type(c: Make) -> None:
    """``mode(DI)`` is the integer of 8 bytes, signed as the type it stands on."""
    found = c("typedef unsigned int wide __attribute__((mode(DI)));").type("wide")
    assert isinstance(found, model.Scalar)
    assert (found.c_name, found.size) == ("unsigned long long", 8)


def test_vector_is_as_aligned_as_large(c: Make) -> None:
    """``vector_size(16)`` is a vector of 16 bytes at multiples of 16."""
    found = c("typedef int v4 __attribute__((vector_size(16)));").type("v4")
    assert c("typedef __attribute__((__neon_vector_type__(4))) int v4;").type("v4") == found
    assert isinstance(found, model.Vector)
    assert (found.size, found.align) == (16, 16)


def test_aligned_zero_has_no_effect(c: Make) -> None:
    """An alignment of 0 leaves the type as it is (C23 6.7.6)."""
    found = c("typedef int same __attribute__((aligned(0)));").type("same")
    assert isinstance(found, model.Scalar)
    assert found.align == 4


def test_typeof_takes_an_expressions_type(c: Make) -> None:
    """``typeof`` of an expression is its type, of a type that type."""
    found = c("typedef __typeof__(1 + 1ull) a; typedef __typeof__(char) b;")
    assert [found.type(name).size for name in "ab"] == [8, 1]  # type: ignore[union-attr]


def test_a_typedef_of_itself_has_a_reason(c: Make) -> None:
    """A name that is not a type before its own declaration is unknown, and no endless loop."""
    with pytest.raises((Incomplete, RecursionError)):
        c().type("nothing")


# --- enums ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ("A", "unsigned int"),
        ("A = 0xffffffff", "unsigned int"),
        ("A = -1", "int"),
        ("A = -1, B = 0x7fffffff", "int"),
        ("A = 0x100000000", "unsigned long"),
        ("A = -1, B = 0xffffffff", "long"),
        ("A = 0xffffffffffffffff", "unsigned long"),
    ],
)
def test_type_of_an_enum(c: Make, values: str, name: str) -> None:
    """An enum is the first of unsigned int, int, unsigned long and long that holds all values."""
    assert c(f"enum e {{ {values} }};").enumeration("e").c_name == name


def test_large_enum_on_32_bits(c: Make) -> None:
    """Where long has 4 bytes a large enum is a long long."""
    found = c("enum e { A = 0x100000000 };", "i386").enumeration("e")
    assert found.c_name == "unsigned long long"


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ("A = 255", "unsigned char"),
        ("A = -1", "signed char"),
        ("A = 256", "unsigned short"),
        ("A = -129", "short"),
        ("A = 65536", "unsigned int"),
    ],
)
def test_type_of_a_packed_enum(c: Make, values: str, name: str) -> None:
    """A packed enum is the smallest integer that holds all values."""
    text = f"enum e {{ {values} }} __attribute__((packed));"
    assert c(text).enumeration("e").c_name == name


def test_enumerators_count_up(c: Make) -> None:
    """An enumerator without a value is the previous one plus one, the first 0."""
    found = c("enum e { A, B, C = 7, D, E = C - 9, F };")
    assert [found.value(name).value for name in "ABCDEF"] == [0, 1, 7, 8, -2, -1]


def test_enumerators_are_int_where_all_fit(c: Make) -> None:
    """Where every value fits int all enumerators are int, else all have the enum's type."""
    found = c("enum small { A = 1 }; enum large { B = 1, C = 0xffffffff };")
    assert found.facts("A") == (1, 4, True)
    assert found.facts("B") == (1, 4, False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("enum e { A = A };", "A is used before it has a value"),
        ("enum e { A = B, B };", "B is used before it has a value"),
        ("enum e { A = sizeof(enum e) };", "enum e is used within itself"),
        ("enum e { A = 1 / 0 };", "division by zero"),
        ("enum e { A = -1, B = 0xffffffffffffffff };", "values no type holds"),
        ("enum e { A = 0xffffffffffffffff, B };", "values no type holds"),
        ("enum e { A = 1.5 };", "not an integer"),
        ('enum e { A = "text" };', "not an integer"),
    ],
)
def test_impossible_enums_have_a_reason(c: Make, text: str, reason: str) -> None:
    """An enum without values says why, each time it is asked."""
    found = c(text)
    for _ in range(2):
        with pytest.raises((NoValue, Incomplete, ValueError), match=reason):
            found.enumeration("e")
