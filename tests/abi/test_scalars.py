"""The built-in types, and C's rules for combining them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from callgate.abi.scalars import fits, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import C

    Make = Callable[..., C]


@pytest.mark.parametrize(
    ("left", "right", "common"),
    [
        ("char", "short", "int"),
        ("_Bool", "_Bool", "int"),
        ("unsigned short", "int", "int"),
        ("int", "unsigned int", "unsigned int"),
        ("unsigned int", "long", "long"),
        ("unsigned long", "long long", "unsigned long long"),
        ("unsigned long long", "float", "float"),
        ("float", "double", "double"),
    ],
)
def test_common_type(c: Make, left: str, right: str, common: str) -> None:
    """The usual arithmetic conversions give the type of greater rank, unsigned where it must."""
    scalars = c().layout.scalars
    for found in (
        scalars.common(scalars[left], scalars[right]),
        scalars.common(scalars[right], scalars[left]),
    ):
        assert (found.size, found.signed, found.kind) == (
            scalars[common].size, scalars[common].signed, scalars[common].kind,
        )  # fmt: skip


def test_unsigned_int_and_long_on_32_bits(c: Make) -> None:
    """Where long has int's width the common type of unsigned int and long is unsigned."""
    scalars = c("", "arm").layout.scalars
    assert not scalars.common(scalars["unsigned int"], scalars["long"]).signed


def test_size_t_has_a_pointers_width(c: Make) -> None:
    """size_t is unsigned and ptrdiff_t signed, both as wide as a pointer."""
    for machine, size in (("x86_64", 8), ("i386", 4), ("s390x", 8)):
        scalars = c("", machine).layout.scalars
        assert (scalars.size_t.size, scalars.size_t.signed) == (size, False)
        assert (scalars.ptrdiff_t.size, scalars.ptrdiff_t.signed) == (size, True)


def test_wrapping(c: Make) -> None:
    """Conversion keeps the value modulo the type's width; to bool it asks for zero."""
    scalars = c().layout.scalars
    assert wrap(300, scalars["unsigned char"]) == 44
    assert wrap(200, scalars["signed char"]) == -56
    assert wrap(-1, scalars["unsigned long"]) == (1 << 64) - 1
    assert wrap(256, scalars["_Bool"]) == 1
    assert fits(127, scalars["signed char"])
    assert not fits(128, scalars["signed char"])
