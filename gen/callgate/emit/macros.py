"""The function-like macros of the model as Lua, each with its translation or the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate import tree
from callgate.emit.members import Members
from callgate.emit.translate import Translation, translate
from callgate.parse.declarations import DeclarationParser
from callgate.parse.function_macros import block, expression_text, step
from callgate.parse.macros import ExpressionParser

if TYPE_CHECKING:
    from callgate.abi.build import Part
    from callgate.abi.layout import Layout
    from callgate.parse.memo import Memo

SHOWN = 40  # characters of what is no expression


def translate_macros(
    part: Part, unit: tree.Unit, layout: Layout, memo: Memo | None = None, *, calls: bool = False
) -> None:
    """Give every function-like macro of ``part`` its translation, or the reason there is none.

    With ``calls`` those that call the headers' functions are translated, too.
    """
    found: dict[tuple[str, int, str], Translation] = {}
    translator = MacroTranslator(layout, memo, calls=calls)
    for macro in unit.macros:
        if macro.parameters is not None:
            where = macro.where
            found[where.header, where.line, macro.name] = translator.translation(macro)
    for index, item in enumerate(part.macros):
        made = found[item.location.header, item.location.line, item.name]
        part.macros[index] = replace(item, lua=made.lua, reason=made.reason)


class MacroTranslator:
    """Translates the macros of one unit."""

    def __init__(self, layout: Layout, memo: Memo | None = None, *, calls: bool = False) -> None:
        """Types, enumerators and functions are those of the unit that ``layout`` lays out."""
        self._layout = layout
        self._calls = calls
        self._members = Members(layout)
        declarations = DeclarationParser("macro", layout.scope.typedefs, memo)
        self._expressions = ExpressionParser(declarations)

    def translation(self, macro: tree.MacroDefinition) -> Translation:
        """Return the macro's Lua function, or the reason why there is none."""
        text, reason = expression_text(macro)
        stepped = step(macro) if reason == "assigns" else None
        if stepped is not None:
            return self._step(macro, *stepped)
        blocked = block(macro) if reason == "statement expression" else None
        if blocked is not None:
            return self._block(macro, *blocked)
        if reason is not None:
            return Translation(None, reason)
        parsed = self._expressions.parse(text)
        if parsed is None:
            return Translation(None, f"not an expression: {macro.body[:SHOWN]}")
        if isinstance(parsed, tree.Type):
            return Translation(None, "type name")
        names = macro.parameters or ()
        return translate(names, parsed, self._layout, self._members, calls=self._calls)

    def _step(self, macro: tree.MacroDefinition, value: str, left: str) -> Translation:
        """Return a function of two results: ``nh, len = NLMSG_NEXT(nh, len)``."""
        first, second = self._expressions.parse(value), self._expressions.parse(left)
        if not (isinstance(first, tree.Expression) and isinstance(second, tree.Expression)):
            return Translation(None, "assigns")
        names = macro.parameters or ()
        return translate(
            names, first, self._layout, self._members, calls=self._calls, second=second
        )

    def _block(
        self, macro: tree.MacroDefinition, variables: list[tuple[str, str]], value: str
    ) -> Translation:
        """Return a function with variables of its own."""
        texts = [*(first for _, first in variables), value]
        parsed = [self._expressions.parse(text) for text in texts]
        expressions = [item for item in parsed if isinstance(item, tree.Expression)]
        if len(expressions) < len(parsed):
            return Translation(None, "statement expression")
        names = [name for name, _ in variables]
        *firsts, last = expressions
        return translate(
            macro.parameters or (), last, self._layout, self._members, calls=self._calls,
            variables=tuple(zip(names, firsts, strict=True)),
        )  # fmt: skip
