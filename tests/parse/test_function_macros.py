"""Function-like macros: how they are invoked, and the expressions that their expansions are."""

from __future__ import annotations

import pytest

from callgate.parse.function_macros import expression_text, invocation
from callgate.tree import MacroDefinition, Where


def macro(body: str, *, expansion: str | None = None, variadic: bool = False) -> MacroDefinition:
    """Return the definition of ``F(a, b)``, by default expanded as far as its body goes."""
    made = MacroDefinition("F", ("a", "b"), body, Where("own", "x.h", 1), variadic)
    if expansion is None:
        expansion = invocation(made, in_force=False)
    return MacroDefinition("F", ("a", "b"), body, made.where, variadic, expansion)


class TestInvocation:
    """The preprocessor is asked with arguments that no header contains."""

    def test_in_force(self) -> None:
        """A macro that holds at the unit's end is called by its name."""
        assert invocation(macro("a + b"), in_force=True) == "F(__callgate_0_, __callgate_1_)"

    def test_replaced(self) -> None:
        """One that was replaced stands with its body, in which only its parameters change."""
        body = "a + x.a + x->b + b.c + \"a\" + 'a' + 0xa + ab"
        expected = "__callgate_0_ + x.a + x->b + __callgate_1_.c + \"a\" + 'a' + 0xa + ab"
        assert invocation(macro(body), in_force=False) == expected

    def test_pasting(self) -> None:
        """A replaced one that pastes cannot be asked about."""
        assert invocation(macro("a##b", expansion=""), in_force=False) == ""


@pytest.mark.parametrize(
    ("body", "expansion", "reason"),
    [
        ("", "", "empty"),
        ("x##a", "x__callgate_0_", "pastes tokens"),
        ("a##UL", "__callgate_0_UL", "pastes tokens"),
        ("a##8", "__callgate_0_8", "pastes tokens"),
        ("x##a", "", "pastes tokens"),
        ("OTHER(a)", "", "expands to nothing by itself"),
        ("#a", '"__callgate_0_"', "makes a string of an argument"),
        ("__has_builtin(a)", "0", "asks for the compiler's version or features"),
        ("for (;;) a", None, "statement"),
        ("a; b", None, "statement"),
        ("[a] = b", None, "initializer"),
        ("static int a", None, "declaration"),
        ("a = b", None, "assigns"),
        ("a++", None, "assigns"),
        ("a <<= b", None, "assigns"),
        ('"%d\\n", a', None, "a list, not one value"),
        ("({ while (a) b; })", None, "statement expression"),
    ],
)
def test_obstacles(body: str, expansion: str | None, reason: str) -> None:
    """What is no expression says why."""
    assert expression_text(macro(body, expansion=expansion))[1] == reason


def test_variadic() -> None:
    """A macro with any number of arguments is no function of its arguments."""
    found = expression_text(macro("a", variadic=True))
    assert found == ("", "takes any number of arguments")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a == b", "__callgate_0_ == __callgate_1_"),
        ('a <= b && ";=" != a', '__callgate_0_ <= __callgate_1_ && ";=" != __callgate_0_'),
        ("({ int x = a; x + 1; })", "( ((int)( __callgate_0_)) + 1)"),
        ("({ T *x = a; x->x; })", "( ((T *)( __callgate_0_))->x)"),
        ("({ int x = a; int y = x; y; })", "( ((int)( ((int)( __callgate_0_)))))"),
        ("__extension__ ({ int x = ({ int y = b; y; }); x; })",
         " ( ((int)( ( ((int)( __callgate_1_))))))"),
    ],
)  # fmt: skip
def test_expressions(body: str, expected: str) -> None:
    """A block of initialised variables and a value is the value, with what they stand for."""
    assert expression_text(macro(body)) == (expected, None)
