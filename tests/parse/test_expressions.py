"""Tests of callgate.parse.expressions."""

from __future__ import annotations

import pytest

from callgate import tree
from callgate.parse.declarations import DeclarationParser
from callgate.parse.expressions import string_bytes

ONE, TWO = tree.Number("1"), tree.Number("2")
A, B = tree.Name("a"), tree.Name("b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0x10UL", tree.Number("0x10UL")),
        ("1.5e3f", tree.Number("1.5e3f")),
        ("'\\n'", tree.Character("'\\n'")),
        ('"a" "b"', tree.String(b"ab")),
        ("-a", tree.Unary("-", A)),
        ("a << 1 | b", tree.Binary("|", tree.Binary("<<", A, ONE), B)),
        ("a ? 1 : 2", tree.Conditional(A, ONE, TWO)),
        ("(unsigned char)a", tree.Cast(tree.Basic("unsigned char"), A)),
        ("sizeof(int)", tree.SizeOf(tree.Basic("int"))),
        ("sizeof a", tree.SizeOf(A)),
        ("__alignof__(long)", tree.SizeOf(tree.Basic("long"), align=True)),
        ("a->b.b[1]", tree.Index(tree.Member(tree.Member(A, "b", True), "b", False), ONE)),
        ("a(1, b)", tree.Call(A, (ONE, B))),
        ("a, b", tree.Binary(",", A, B)),
        ("((struct s *)0)->b", tree.Member(
            tree.Cast(tree.Pointer(tree.Tagged("struct", "s")), tree.Number("0")), "b", True
        )),
        ("__builtin_offsetof(struct s, a.b[2])", tree.OffsetOf(
            tree.Tagged("struct", "s"), tree.Index(tree.Member(A, "b", False), TWO)
        )),
        ("true", tree.Number("1")),
        ("a = 1", tree.Unsupported("assignment")),
        ("a++", tree.Unsupported("increment or decrement")),
        ("({ int x = 1; x; })", tree.Unsupported("statement expression")),
        ("(struct s){ 1 }", tree.Unsupported("compound literal")),
        ("_Generic(a, int: 1)", tree.Unsupported("_Generic")),
        ('L"wide"', tree.Unsupported("wide string")),
    ],
)  # fmt: skip
def test_expression(text: str, expected: tree.Expression) -> None:
    """Each construct has its node; those without a value at compile time say what they are."""
    assert DeclarationParser("own").expression(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"a\tb\\\"\0\x41\101"', b'a\tb\\"\0AA'),
        (r'"\x1" "2"', b"\x012"),
        ('"two  spaces"', b"two  spaces"),
        ('"é"', "é".encode()),
        (r'"\u00e9"', "é".encode()),
        ('""', b""),
    ],
)
def test_string_bytes(text: str, expected: bytes) -> None:
    """Escapes are resolved within each literal, then adjacent literals are joined."""
    assert string_bytes(text) == expected
