"""Lua text: precedence, joined calls, opposite comparisons, functions and what they take."""

from __future__ import annotations

import pytest

from callgate.emit.luatext import (
    UNARY,
    Text,
    binary,
    call,
    field,
    function,
    joined,
    negation,
    parameter_kinds,
    variable_names,
)

A, B, C = Text("a"), Text("b"), Text("c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (binary("*", binary("+", A, B), C), "(a + b) * c"),
        (binary("+", A, binary("*", B, C)), "a + b * c"),
        (binary("-", A, binary("-", B, C)), "a - (b - c)"),
        (binary("-", binary("-", A, B), C), "a - b - c"),
        (binary("==", binary("<", A, B), C), "(a < b) == c"),
        (binary("or", binary("and", A, B), C), "a and b or c"),
        (binary("and", A, binary("or", B, C)), "a and (b or c)"),
        (binary("-", A, Text("-5LL", UNARY)), "a - -5LL"),
        (negation(binary("and", A, B)), "not (a and b)"),
        (negation(binary("==", call("f", '"=="'), B)), 'M.f("==") ~= b'),
        (negation(binary("~=", binary("+", A, B), C)), "a + b == c"),
        (negation(binary("<", A, B)), "not (a < b)"),
        (joined("bor", call("bor", A, B), C), "M.bor(a, b, c)"),
        (joined("bor", A, call("bor", B, C)), "M.bor(a, M.bor(b, c))"),
        (joined("bor", binary("+", call("bor", A), call("f")), C), "M.bor(M.bor(a) + M.f(), c)"),
        (field(binary("+", A, B), "c"), "(a + b).c"),
        (field(A, "end"), 'a["end"]'),
    ],
)  # fmt: skip
def test_operators(text: Text, expected: str) -> None:
    """Parentheses stand where Lua's precedence needs them, and nowhere else."""
    assert text.text == expected


def test_variable_names() -> None:
    """Keywords, the helpers' table and names that mean "unused" are changed; no two become one."""
    names = ["_a", "end", "M", "a", "__1", "_", "type"]
    assert variable_names(names) == ["a", "end_", "M_", "a_", "x1", "x", "type"]


def test_a_function_breaks_between_words_only() -> None:
    """A long statement continues on indented lines; a string is never broken."""
    string = f'"{"x y " * 30}"'
    lines = function(["a"], [f"return {' + '.join(['a'] * 60)} + f({string})"]).splitlines()
    assert lines[0] == "function(a)"
    assert lines[-1] == "end"
    assert all(line.startswith("      ") for line in lines[2:-1])
    assert string in "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("function(a)\n  return M.int(M.long(a))\nend", ("integer",)),
        ("function(a)\n  a = M.long(a)\n  return a == a + 1\nend", ("integer",)),
        ("function(a, b)\n  return M.long(a.b) == M.long(b)\nend", ("object", "object")),
        ('function(a)\n  return M.long(M.cast("char *", a)[0]) == 1\nend', ("object",)),
        ("function(t, n)\n  return M.sizeof(t) + M.long(n)\nend", ("type", "integer")),
        ("function(_a)\n  return 1\nend", ("unused",)),
        ("function(a)\n  return a\nend", ("object",)),
        ("function()\n  return 1\nend", ()),
    ],
)  # fmt: skip
def test_parameter_kinds(text: str, kinds: tuple[str, ...]) -> None:
    """What a parameter has to be can be read off the function; a doubt makes it an object."""
    assert parameter_kinds(text) == kinds
