"""Macros: what each object-like one expands to, and parsing of the result.

The preprocessor itself does the expanding: one more run over the unit with a numbered marker line
per macro at its end. Of a name that several headers define, each definition's own body is expanded.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from callgate import tree

if TYPE_CHECKING:
    from callgate.parse.declarations import DeclarationParser
    from callgate.parse.preprocess import Split

MARK = "@@callgate"
LITERAL = re.compile(r"\(*\s*(-?)\s*((?:0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*)\s*\)*")
MAX_EXPANSION = 1 << 16  # characters; the longest real one has 4,000
MAX_BRACKETS = 200


def definitions(split: Split) -> list[tuple[tree.MacroDefinition, bool]]:
    """Return each distinct definition that outlives the unit, and whether it is in force at its end.

    A name that was undefined again, such as a helper of its header, is left out; so is a repetition
    of the same body.
    """
    kept: dict[tuple[str, str], tuple[tree.MacroDefinition, bool]] = {}
    for macro in split.macros:
        last = split.last.get(macro.name)
        if last is None:
            continue
        in_force = split.macros[last].body == macro.body
        kept.setdefault((macro.name, macro.body), (macro, in_force))
    return list(kept.values())


def questions(macros: list[tuple[tree.MacroDefinition, bool]]) -> str:
    """Return the lines to append to the unit's text, one per object-like macro with a body."""
    lines = []
    for number, (macro, in_force) in enumerate(macros):
        if macro.parameters is None and macro.body:
            # The definition in force expands by name (self-reference stops there, C23 6.10.4.4);
            # an earlier, different one can only be expanded by its body.
            lines.append(f"{MARK}{number} {macro.name if in_force else macro.body}")
    return "\n".join([*lines, f"{MARK}end ", ""])


def with_expansions(
    macros: list[tuple[tree.MacroDefinition, bool]], output: str
) -> tuple[tree.MacroDefinition, ...]:
    """Return the macros with the answers found in the preprocessed ``output``."""
    pieces = re.split(rf"{MARK}(\w+)(?= |$)", output, flags=re.M)
    found = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    return tuple(
        replace(macro, expansion=" ".join(found.get(str(number), "").split()))
        for number, (macro, _) in enumerate(macros)
    )


class ExpressionParser:
    """Parses expansions, remembering each text: two thirds of them are the same few literals."""

    def __init__(self, declarations: DeclarationParser) -> None:
        """``declarations`` knows the unit's typedefs."""
        self._declarations = declarations
        self._memo: dict[str, tree.Expression | tree.Type | None] = {}

    def parse(self, text: str) -> tree.Expression | tree.Type | None:
        """Return the expression, or the type that ``text`` names, or None where it is neither."""
        if text not in self._memo:
            self._memo[text] = self._parse(text)
        return self._memo[text]

    def _parse(self, text: str) -> tree.Expression | tree.Type | None:
        literal = LITERAL.fullmatch(text)
        if literal and text.count("(") == text.count(")"):
            number = tree.Number(literal[2])
            return tree.Unary("-", number) if literal[1] else number
        if not text or len(text) > MAX_EXPANSION or text.count("(") > MAX_BRACKETS:
            return None
        if re.match(r"[{;#]|(?:do|if|while|for|return|typedef|extern|static)\b", text):
            return None
        return self._declarations.expression(text) or self._declarations.type_name(text)

