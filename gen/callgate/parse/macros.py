"""Macros: what each expands to, and parsing of the result.

The preprocessor itself does the expanding: one more run over the unit with a numbered marker line
per macro at its end. Of a name that several headers define, each definition's own body is expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate import tree
from callgate.parse.expressions import string_bytes
from callgate.parse.function_macros import invocation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from callgate.parse.declarations import DeclarationParser
    from callgate.parse.preprocess import Split

MARK = "@@callgate"  # "@" is no C token: no header can write it
MARKER = re.compile(rf"^[ ]*{MARK}(\d+)(?= |$)", re.MULTILINE)
LITERAL = re.compile(r"(\(*)\s*(-?)\s*((?:0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)[uUlL]*)\s*(\)*)")
STRINGS = re.compile(r'(?:"(?:\\.|[^"\\])*"\s*)+')
STATEMENT = re.compile(r"[{;#]|(?:do|if|while|for|switch|return|goto|typedef|extern|static)\b")
NEUTRAL = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[^][(){},"\']+')
MAX_EXPANSION = 1 << 18  # characters; the longest real one has 62,000
MAX_BRACKETS = 64  # one within the other; the deepest real ones have 30


@dataclass(frozen=True, slots=True)
class Definitions:
    """The macro definitions of a unit that are to be kept."""

    macros: tuple[tree.MacroDefinition, ...]
    in_force: frozenset[tuple[object, ...]]  # the meanings that hold at the unit's end

    def asked(self, macro: tree.MacroDefinition) -> str:
        """Return what the preprocessor must expand to show the macro's meaning, "" for nothing.

        The definition in force goes by its name, at which self-reference stops (C23 6.10.4.4); an
        earlier, different one can only be shown by its body.
        """
        in_force = _meaning(macro) in self.in_force
        if macro.parameters is not None:
            return invocation(macro, in_force=in_force)
        return macro.name if in_force and macro.body else macro.body


def _meaning(macro: tree.MacroDefinition) -> tuple[object, ...]:
    return macro.name, macro.parameters, macro.body


def definitions(split: Split) -> Definitions:
    """Return every definition of every name that is defined at the unit's end.

    Left out are those that were taken back: names that are undefined at the end, and definitions
    that their own header replaced. A header that repeats itself counts once.
    """
    kept: dict[tuple[object, ...], tree.MacroDefinition] = {}
    for index, macro in enumerate(split.macros):
        if macro.name in split.in_force and index not in split.withdrawn:
            kept.setdefault((*_meaning(macro), macro.where.header), macro)
    in_force = frozenset(_meaning(split.macros[index]) for index in split.in_force.values())
    return Definitions(tuple(kept.values()), in_force)


def questions(known: Definitions, without: Iterable[str] = ()) -> list[str]:
    """Return the distinct texts to expand, but for those in ``without``."""
    asked = dict.fromkeys(known.asked(macro) for macro in known.macros)
    left = set(without)
    return [text for text in asked if text and text not in left]


def question_text(asked: list[str]) -> str:
    """Return the lines to append to the unit's source: line N asks for text N."""
    lines = [f"{MARK}{number} {text}" for number, text in enumerate(asked)]
    return "\n".join([*lines, f"{MARK}{len(asked)} ", ""])


def answers(output: str) -> list[tuple[int, str]]:
    """Return each line's number and its text expanded, the closing line's as well."""
    pieces = MARKER.split(output)
    return [
        (int(number), " ".join(line.strip() for line in text.splitlines()).strip())
        for number, text in zip(pieces[1::2], pieces[2::2], strict=True)
    ]


def swallowers(found: list[tuple[int, str]], count: int) -> set[int]:
    """Return the lines that swallowed those after them, as ``#define OPEN call(`` does.

    ``found`` should have all of ``count`` lines and the closing one, in order.
    """
    numbers = [number for number, _ in found]
    following = [*numbers[1:], count + 1]
    return {
        number for number, after in zip(numbers, following, strict=True) if after != number + 1
    } - {count}


def with_expansions(
    known: Definitions, expansions: Mapping[str, str]
) -> tuple[tree.MacroDefinition, ...]:
    """Return the macros with what they expand to; one without an answer stands for itself."""

    def expanded(macro: tree.MacroDefinition) -> tree.MacroDefinition:
        otherwise = macro.body if macro.parameters is None else ""
        expansion = expansions.get(known.asked(macro), otherwise)
        return tree.MacroDefinition(
            macro.name, macro.parameters, macro.body, macro.where, macro.variadic, expansion
        )

    return tuple(expanded(macro) for macro in known.macros)


class ExpressionParser:
    """Parses expansions, remembering each text: two thirds of them are the same few literals."""

    def __init__(self, declarations: DeclarationParser) -> None:
        """Take the typedef names that ``declarations`` knows."""
        self._declarations = declarations
        self._memo: dict[str, tree.Expression | tree.Type | None] = {}

    def parse(self, text: str) -> tree.Expression | tree.Type | None:
        """Return the expression, or the type that ``text`` names, or None where it is neither."""
        if text not in self._memo:
            self._memo[text] = self._parse(text)
        return self._memo[text]

    def _parse(self, text: str) -> tree.Expression | tree.Type | None:
        literal = LITERAL.fullmatch(text)
        if literal and len(literal[1]) == len(literal[4]):
            number = tree.Number(literal[3])
            return tree.Unary("-", number) if literal[2] else number
        if STRINGS.fullmatch(text):
            return tree.String(string_bytes(text))
        if (
            not text
            or len(text) > MAX_EXPANSION
            or STATEMENT.match(text)
            or not _is_one_value(text)
        ):
            return None
        return self._declarations.value(text)


def _is_one_value(text: str) -> bool:
    """Tell whether brackets match (in number, not in kind), and no comma stands outside of them."""
    depth = 0
    for char in NEUTRAL.sub("", text):
        depth += (char in "([{") - (char in ")]}")
        if not 0 <= depth <= MAX_BRACKETS or (char == "," and not depth):
            return False
    return depth == 0
