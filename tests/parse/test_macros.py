"""Tests of callgate.parse.macros."""

from __future__ import annotations

import pytest

from callgate import tree
from callgate.parse import macros
from callgate.parse.declarations import DeclarationParser
from callgate.parse.preprocess import Splitter

TEXT = """# 1 "a.h"
#define A 1
#define TWICE A + A
#define GONE 1
#undef GONE
#define HELPER 1
#undef HELPER
#define HELPER 2
#define F(x) (x + A)
#define E
# 1 "b.h"
#undef A
#define A 2
#define HELPER 2
#define F(x) x
"""


def known() -> macros.Definitions:
    """Return the definitions of TEXT."""
    return macros.definitions(Splitter("own", str).split(TEXT))


class TestDefinitions:
    """Which definitions count, and what is asked of the preprocessor."""

    def test_kept(self) -> None:
        """Each header's definition is kept, but for those taken back."""
        found = [(item.name, item.body, item.where.header) for item in known().macros]
        assert found == [
            ("A", "1", "a.h"),
            ("TWICE", "A + A", "a.h"),
            ("HELPER", "2", "a.h"),
            ("F", "(x + A)", "a.h"),
            ("E", "", "a.h"),
            ("A", "2", "b.h"),
            ("HELPER", "2", "b.h"),
            ("F", "x", "b.h"),
        ]

    def test_asked(self) -> None:
        """The definition in force goes by its name, a replaced one by its body, and none twice."""
        asked = macros.questions(known())
        assert asked == ["1", "TWICE", "HELPER", "(__callgate_0_ + A)", "A", "F(__callgate_0_)"]
        assert macros.questions(known(), ["1", "A"]) == [
            "TWICE",
            "HELPER",
            "(__callgate_0_ + A)",
            "F(__callgate_0_)",
        ]

    def test_expansions(self) -> None:
        """Answers go to all macros that asked; one without an answer stands for itself."""
        found = macros.with_expansions(known(), {"HELPER": "2", "TWICE": "2 + 2"})
        assert [(item.name, item.expansion) for item in found if item.where.header == "a.h"] == [
            ("A", "1"),
            ("TWICE", "2 + 2"),
            ("HELPER", "2"),
            ("F", ""),
            ("E", ""),
        ]


class TestAnswers:
    """Reading the preprocessor's output."""

    def test_answers(self) -> None:
        """Each answer is found by its number; white space within strings is kept."""
        output = 'int x;\n@@callgate0 1\n@@callgate1 "a  b"\n   + 1\n@@callgate2 \n'
        assert macros.answers(output) == [(0, "1"), (1, '"a  b" + 1'), (2, "")]

    @pytest.mark.parametrize(
        ("numbers", "expected"),
        [([0, 1, 2, 3], set()), ([0, 2, 3], {0}), ([0, 1], {1}), ([0, 3], {0}), ([3], set())],
    )
    def test_swallowers(self, numbers: list[int], expected: set[int]) -> None:
        """A question that swallows those after it is found."""
        found = [(number, "") for number in numbers]
        assert macros.swallowers(found, 3) == expected


class TestExpressionParser:
    """Expansions as expressions."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("0x10UL", tree.Number("0x10UL")),
            ("(-1)", tree.Unary("-", tree.Number("1"))),
            ("(" * 1_000_000 + "5" + ")" * 1_000_000, tree.Number("5")),
            ('"a" "b"', tree.String(b"ab")),
            (r'"\x1" "2"', tree.String(b"\x012")),
            ("(t)1", tree.Cast(tree.TypedefName("t"), tree.Number("1"))),
            ("a.b", tree.Member(tree.Name("a"), "b", arrow=False)),
            ("unsigned int", tree.Basic("unsigned int")),
            ("struct s", tree.Tagged("struct", "s")),
            ("t", tree.TypedefName("t")),
            ("(1, 2)", tree.Binary(",", tree.Number("1"), tree.Number("2"))),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_value_or_type(self, text: str, expected: tree.Expression | tree.Type) -> None:
        """An expansion is an expression or a type."""
        parser = macros.ExpressionParser(DeclarationParser("own", ["t"]))
        assert parser.parse(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "1, 2",
            '"a", "b"',
            "{ 1, 2 }",
            "do { x; } while (0)",
            "(1",
            "1)",
            ") + (",
            "1) + (1",
            "__attribute__((packed))",
            "extern",
            "# x",
            "(" * 1_000_000 + "a" + ")" * 1_000_000,
            "-" * 200_000 + "1",
            "1 + " * 200_000 + "1",
            "x" * 10_000_000,
            '"' + "x" * 10_000_000,
        ],
        ids=lambda text: text[:20],
    )
    def test_neither(self, text: str) -> None:
        """Lists, statements, fragments and hostile texts are neither, in bounded time."""
        assert macros.ExpressionParser(DeclarationParser("own", ["t"])).parse(text) is None

    def test_remembered(self) -> None:
        """The same text is parsed once."""
        parser = macros.ExpressionParser(DeclarationParser("own"))
        assert parser.parse("a | b") is parser.parse("a | b")
