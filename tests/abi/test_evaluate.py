"""Constant expressions: types of literals, conversions, addresses, and what has no value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from callgate import tree
from callgate.abi.evaluate import NoValue
from callgate.abi.scope import Incomplete

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import C

    Make = Callable[..., C]

RECORDS = """
struct in { short s; int list[4]; };
struct out { char c; struct in in[3]; union { long l; char bytes[8]; }; };
extern struct out object;
int function(void);
"""


@pytest.mark.parametrize(
    ("text", "size", "signed"),
    [
        ("0", 4, True),
        ("2147483647", 4, True),
        ("2147483648", 8, True),
        ("0x7fffffff", 4, True),
        ("0x80000000", 4, False),
        ("0x100000000", 8, True),
        ("0x8000000000000000", 8, False),
        ("037777777777", 4, False),
        ("0b11", 4, True),
        ("1u", 4, False),
        ("1L", 8, True),
        ("1uLL", 8, False),
        ("4294967296u", 8, False),
    ],
)
def test_type_of_a_literal(c: Make, text: str, size: int, signed: bool) -> None:
    """A literal has the first type of its base's list that holds it (C23 6.4.5.2)."""
    assert c().facts(text)[1:] == (size, signed)


def test_literals_on_32_bits(c: Make) -> None:
    """Where long has 4 bytes what exceeds it is a long long."""
    assert c("", "i386").facts("2147483648") == (2147483648, 8, True)
    assert c("", "i386").facts("1UL") == (1, 4, False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'a'", 97),
        (r"'\n'", 10),
        (r"'\''", 39),
        (r"'\"'", 34),
        ("'\"'", 34),
        (r"'\0'", 0),
        (r"'\x7f'", 127),
        ("'ab'", 0x6162),
        (r"'\377\377\377\377'", -1),
    ],
)
def test_characters(c: Make, text: str, value: int) -> None:
    """A character literal is an int; of several the last is the least significant byte."""
    assert c().facts(text) == (value, 4, True)


def test_signedness_of_char(c: Make) -> None:
    """A character beyond 127 is negative where char is signed."""
    assert c().value(r"'\377'").value == -1
    assert c("", "arm").value(r"'\377'").value == 255


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("-1", (-1, 4, True)),
        ("-1u", (4294967295, 4, False)),
        ("~0", (-1, 4, True)),
        ("~(unsigned char)0", (-1, 4, True)),
        ("!5", (0, 4, True)),
        ("1 << 31", (-2147483648, 4, True)),
        ("1u << 31", (2147483648, 4, False)),
        ("-1 >> 1", (-1, 4, True)),
        ("1 << 4ull", (16, 4, True)),
        ("-7 / 2", (-3, 4, True)),
        ("-7 % 2", (-1, 4, True)),
        ("-1 < 0u", (0, 4, True)),
        ("-1L < 0u", (1, 4, True)),
        ("2147483647 + 1", (-2147483648, 4, True)),
        ("1 ? -1 : 0u", (4294967295, 4, False)),
        ("0 ? 1 : 2L", (2, 8, True)),
        ("1, 2u", (2, 4, False)),
        ("0 && 1 / 0", (0, 4, True)),
        ("1 || 1 / 0", (1, 4, True)),
        ("1 ? 2 : 1 / 0ull", (2, 8, False)),
        ("(char)300", (44, 1, True)),
        ("(_Bool)256", (1, 1, False)),
        ("(_Bool)0.5", (1, 1, False)),
        ("(int)-3.9", (-3, 4, True)),
        ("(unsigned)-1", (4294967295, 4, False)),
        ("(long)(int)0x80000000u", (-2147483648, 8, True)),
        ("1.5 > 1", (1, 4, True)),
        ("sizeof(int [3])", (12, 8, False)),
        ("sizeof(char) - 2", (18446744073709551615, 8, False)),
        ("sizeof(1 / 0)", (4, 8, False)),
        ("sizeof(1 ? 1 : 2.0)", (8, 8, False)),
        ("sizeof((char)1)", (1, 8, False)),
        ("sizeof(+(char)1)", (4, 8, False)),
        ('sizeof("abc")', (4, 8, False)),
        ("sizeof(void)", (1, 8, False)),
        ("_Alignof(long double)", (16, 8, False)),
    ],
)
def test_operations(c: Make, text: str, facts: tuple[int, int, bool]) -> None:
    """Value, size and signedness follow C's promotions and conversions."""
    assert c().facts(text) == facts


def test_floating_values_are_rounded_to_their_type(c: Make) -> None:
    """A float has 24 bits, a double 53."""
    assert c().value("0.1f == 0.1").value == 0
    assert c().value("0.5f == 0.5").value == 1


def test_floating_division_by_zero(c: Make) -> None:
    """It has the value of IEC 60559 (C23 F.9.4.5)."""
    assert c().value("-1 / 0.0").value == -math.inf
    assert c().value("1 / -0.0").value == -math.inf
    assert math.isnan(float(c().value("0.0 / 0").value))


def test_hexadecimal_floating_literals(c: Make) -> None:
    """Their exponent is of two; a point is not needed, nor digits on both of its sides."""
    assert c().value("0x1p-3 == 0.125").value == 1
    assert c().value("0x1.8p1f + 0X.8P+4 == 11").value == 1
    with pytest.raises(NoValue, match="too large"):
        c().value("0x1p2000")


def test_conditional_of_two_kinds(c: Make) -> None:
    """The chosen operand of ``?:`` is converted to the common type, a floating one too."""
    assert c().value("1 ? 2 : 0.5").value == 2.0
    assert c().facts("sizeof(1 ? 2 : 0.5f)")[0] == 4


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("__builtin_offsetof(struct out, in)", 4),
        ("__builtin_offsetof(struct out, in[1].list[2])", 4 + 20 + 4 + 8),
        ("__builtin_offsetof(struct out, bytes[3])", 67),
        ("(long)&((struct out *)0)->in[1].s", 24),
        ("(long)&((struct out *)16)->l", 80),
        ("(char *)8 - (char *)4", 4),
        ("(int *)8 - (int *)4", 1),
        ("(long)((int *)8 + 2)", 16),
        ("(long)((int *)8 - 2)", 0),
        ("(void *)0 == 0", 1),
        ("(long)(void *)-1", -1),
        ("sizeof(((struct out *)0)->in)", 60),
        ("sizeof(object.in[0].list[1])", 4),
        ("sizeof(&object)", 8),
    ],
)
def test_addresses(c: Make, text: str, value: int) -> None:
    """Offsets and pointer arithmetic that need no object have values."""
    assert c(RECORDS).value(text).value == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("1 << 32", "shift by 32 in a type of 32 bits"),
        ("1 << -1", "shift by -1"),
        ("1 << 0xffffffffffffffff", "shift by 18446744073709551615"),
        ("1 << 1.5", "not an integer"),
        ("1.5 << 1", "not an integer"),
        ("1.5 % 2", "operator % on floating values"),
        ("~1.5", "operator ~ on floating values"),
        ("(int)1e20", "conversion of 1e\\+20 to int"),
        ("(unsigned)-1.0", "conversion of -1.0"),
        ("(int)1e999", "conversion of inf"),
        ("18446744073709551616", "integer literal too large"),
        (f"0x{'f' * 5000}", "integer literal too large"),
        ("9" * 5000, "integer literal too large"),
        ("L'a'", "wide or overlong character"),
        ('"a" + 1', "no number|strings"),
        ('-"a"', "no number"),
        ('(int)"a"', "arithmetic on strings"),
        ("name", "unknown name name"),
        ("function", "function function"),
        ("object", "variable object"),
        ("object.c", "member or element"),
        ("function()", "call of function"),
        ("&object", "address of an object"),
        ("*(int *)8", "what a pointer points to"),
        ("(struct out)1", "without an integer value"),
        ("(int *)1 * 2", "operator \\* on pointers"),
        ("(int *)1 + (int *)2", "operator \\+ on pointers"),
        ("2 - (int *)1", "operator - on pointers"),
        ("(struct none *)8 + 1", "incomplete struct none"),
        ("sizeof(struct none)", "incomplete struct none"),
        ("sizeof(object.none)", "no member none in struct out"),
        ("sizeof(1->x)", "what points nowhere"),
        ("__builtin_offsetof(struct out, c.d)", "member of what is no record"),
        ("__builtin_offsetof(int, d)", "member of what is no record"),
        ('&"text"->x', "no record|nowhere"),
        ("&1.5->x", "what points nowhere"),
    ],
)
def test_no_value_has_a_reason(c: Make, text: str, reason: str) -> None:
    """What has no value, or one that C leaves undefined, says why."""
    with pytest.raises((NoValue, Incomplete, ValueError), match=reason):
        c(RECORDS).value(text)


@pytest.mark.parametrize("text", ["1lul", "1lL", "1i", "0x1.8", "08", "1.5q", "", "x"])
def test_numbers_in_other_forms(c: Make, text: str) -> None:
    """A number in a form that is not C's, or not supported, has no value."""
    with pytest.raises(NoValue, match="in a form not supported"):
        c().layout.evaluator.value(tree.Number(text))


def test_overlong_characters(c: Make) -> None:
    """More characters than an int has bytes have no value."""
    with pytest.raises(NoValue, match="wide or overlong character"):
        c().layout.evaluator.value(tree.Character("'abcde'"))


def test_pointers_have_no_bits(c: Make) -> None:
    """Bitwise operators do not take pointers."""
    with pytest.raises(NoValue, match="on pointers"):
        c().value("(char *)1 & 1")


def test_deep_expressions_have_a_reason(c: Make) -> None:
    """An expression nested beyond any real one is given up, whatever its nodes."""
    deep: tree.Expression = tree.Number("1")
    for _ in range(5000):
        deep = tree.Unary("-", deep)
    evaluator = c().layout.evaluator
    with pytest.raises(NoValue, match="nested too deeply"):
        evaluator.value(deep)
    with pytest.raises((NoValue, RecursionError)):
        evaluator.type_of(deep)
    assert evaluator.integer(tree.Number("1")) == 1


def test_false_is_zero(c: Make) -> None:
    """The words of <stdbool.h> have their values without it."""
    assert (c().value("true").value, c().value("false").value) == (1, 0)
