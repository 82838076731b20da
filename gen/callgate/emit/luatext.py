"""Pieces of Lua text that know how tightly they bind, and their assembly into a function."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.emit.literals import LUA_KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Lua 5.1 reference manual 2.5.6, from loose to tight
OR, AND, COMPARISON, SUM, PRODUCT, UNARY, ATOM = range(7)
LEVELS = {
    "or": OR, "and": AND, "<": COMPARISON, ">": COMPARISON, "<=": COMPARISON, ">=": COMPARISON,
    "==": COMPARISON, "~=": COMPARISON, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT,
    "%": PRODUCT,
}  # fmt: skip
OPPOSITES = {" == ": " ~= ", " ~= ": " == "}
HELPERS = "M"  # the parameter of a header module's ``macros``
TAKEN = LUA_KEYWORDS | {HELPERS, "F"}  # F: the headers' functions
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
    """Return ``not operand``, or the opposite comparison."""
    if operand.level == COMPARISON:
        for operator, opposite in OPPOSITES.items():
            place = _outside(operand.text, operator)
            if place is not None:
                text = operand.text
                return Text(text[:place] + opposite + text[place + len(operator) :], COMPARISON)
    return Text(f"not {operand.at(UNARY)}", UNARY)


def _outside(text: str, part: str) -> int | None:
    """Return where ``part`` stands outside of all brackets and strings."""
    depth, quoted = 0, False
    for index, char in enumerate(text):
        if char == '"' and text[index - 1 : index] != "\\":
            quoted = not quoted
        depth += 0 if quoted else (char in "([") - (char in ")]")
        if depth == 0 and not quoted and text.startswith(part, index):
            return index
    return None


def call(helper: str, *arguments: Text | str) -> Text:
    """Return ``M.helper(arguments)``."""
    parts = [item if isinstance(item, str) else item.text for item in arguments]
    return Text(f"{HELPERS}.{helper}({', '.join(parts)})")


def joined(helper: str, left: Text, right: Text) -> Text:
    """Return ``M.helper(left, right)``, in one call where ``left`` is such a call already."""
    opening = f"{HELPERS}.{helper}("
    rest = left.text[len(opening) :]
    if left.text.startswith(opening) and left.level == ATOM and _balanced(rest[:-1]):
        return Text(f"{left.text[:-1]}, {right.text})")
    return call(helper, left, right)


def _balanced(text: str) -> bool:
    """Tell whether no bracket is closed that ``text`` did not open."""
    depth = 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if depth < 0:
            return False
    return depth == 0


def field(base: Text, name: str) -> Text:
    """Return ``base.name``."""
    return Text(f'{base.at(ATOM)}["{name}"]' if name in LUA_KEYWORDS else f"{base.at(ATOM)}.{name}")


def variable_names(names: Iterable[str]) -> list[str]:
    """Return names of Lua variables for C's, without leading underscores: they mean "unused"."""
    found: list[str] = []
    for name in names:
        plain = name.lstrip("_")
        while not plain or plain[0].isdigit() or plain in {*found, *TAKEN}:
            plain = f"{plain}_" if plain[:1].isalpha() else f"x{plain}"
        found.append(plain)
    return found


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
    converted = rf"{HELPERS}\.(?:long|address|truth)\({name}\)"
    either = rf"{HELPERS}\.difference\((?:{name}, \w+|\w+, {name})\)"
    found = re.findall(f"{converted}|{either}", body)
    return "integer" if len(found) == times else "object"


def _broken(statement: str) -> list[str]:
    lines = [""]
    for piece in PIECE.findall(statement):
        joined = f"{lines[-1]} {piece}".lstrip() if len(lines) == 1 else f"{lines[-1]} {piece}"
        if len(joined) > WIDTH and lines[-1].strip():
            lines.append(f"    {piece}")
        else:
            lines[-1] = joined
    return lines
