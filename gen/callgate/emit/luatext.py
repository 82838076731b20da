"""Pieces of Lua text that know how tightly they bind, and their assembly into a function."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.emit.headers import LUA_KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Lua 5.1 reference manual 2.5.6, from loose to tight
OR, AND, COMPARISON, SUM, PRODUCT, UNARY, ATOM = range(7)
LEVELS = {
    "or": OR, "and": AND, "<": COMPARISON, ">": COMPARISON, "<=": COMPARISON, ">=": COMPARISON,
    "==": COMPARISON, "~=": COMPARISON, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT,
    "%": PRODUCT,
}  # fmt: skip
HELPERS = "M"  # the parameter of a header module's ``macros``
WIDTH = 96  # columns of a line; the template indents it further
WORD = re.compile(r"[A-Za-z_]\w*")
CONVERSION = re.compile(rf"\s*([\w, ]+) = {HELPERS}\.long\(")
PIECE = re.compile(r'(?:"(?:\\.|[^"\\])*"|\S)+')


@dataclass(frozen=True, slots=True)
class Text:
    """An expression's text; ``level`` is that of its loosest operator."""

    text: str
    level: int = ATOM

    def at(self, level: int) -> str:
        """Return the text as an operand of an operator of ``level``."""
        return self.text if self.level >= level else f"({self.text})"


def binary(operator: str, left: Text, right: Text) -> Text:
    """Return ``left operator right``, with the parentheses that it needs."""
    level = LEVELS[operator]
    tighter = level + 1
    first = left.at(tighter if level == COMPARISON else level)
    # and, or: Lua's values are the same whichever two of three are taken first
    second = right.at(level if level in {AND, OR} else tighter)
    return Text(f"{first} {operator} {second}", level)


def negation(operand: Text) -> Text:
    """Return ``not operand``."""
    return Text(f"not {operand.at(UNARY)}", UNARY)


def call(helper: str, *arguments: Text | str) -> Text:
    """Return ``M.helper(arguments)``."""
    parts = [item if isinstance(item, str) else item.text for item in arguments]
    return Text(f"{HELPERS}.{helper}({', '.join(parts)})")


def joined(helper: str, left: Text, right: Text) -> Text:
    """Return ``M.helper(left, right)``, in one call where ``left`` is such a call already."""
    opening = f"{HELPERS}.{helper}("
    if left.text.startswith(opening) and _closes_at_end(left.text, len(opening)):
        return Text(f"{left.text[:-1]}, {right.text})")
    return call(helper, left, right)


def _closes_at_end(text: str, start: int) -> bool:
    """Tell whether the bracket before ``start`` is closed by the last character."""
    depth = 1
    for index, char in enumerate(text[start:], start):
        depth += (char in "([") - (char in ")]")
        if depth == 0:
            return index == len(text) - 1
    return False


def field(base: Text, name: str) -> Text:
    """Return ``base.name``."""
    return Text(f'{base.at(ATOM)}["{name}"]' if name in LUA_KEYWORDS else f"{base.at(ATOM)}.{name}")


def variable_names(names: Iterable[str]) -> list[str]:
    """Return names of Lua variables for C's; keywords and the helpers' table get an underscore."""
    return [f"{name}_" if name in LUA_KEYWORDS or name == HELPERS else name for name in names]


def function(parameters: Sequence[str], statements: Iterable[str]) -> str:
    """Return a function's text, long statements broken between words."""
    lines = [f"  {line}" for statement in statements for line in _broken(statement)]
    return "\n".join([f"function({', '.join(parameters)})", *lines, "end"])


def parameter_kinds(text: str) -> tuple[str, ...]:
    """Return what each parameter of a translated macro's function has to be.

    "integer", "type" (a name, a ctype or a number of bytes), "object" (a pointer or a record, or
    whatever the macro returns as it is), or "unused".
    """
    head, _, body = text.partition("\n")
    names = WORD.findall(head.partition("(")[2])
    return tuple(_parameter_kind(name, body) for name in names)


def _parameter_kind(name: str, body: str) -> str:
    times = WORD.findall(body).count(name)
    if not times:
        return "unused"
    if f"{HELPERS}.sizeof({name})" in body:
        return "type"
    first = CONVERSION.match(body)
    if first and name in WORD.findall(first[1]):
        return "integer"
    return "integer" if body.count(call("long", name).text) == times else "object"


def _broken(statement: str) -> list[str]:
    lines = [""]
    for piece in PIECE.findall(statement):
        joined = f"{lines[-1]} {piece}".lstrip() if len(lines) == 1 else f"{lines[-1]} {piece}"
        if len(joined) > WIDTH and lines[-1].strip():
            lines.append(f"    {piece}")
        else:
            lines[-1] = joined
    return lines
