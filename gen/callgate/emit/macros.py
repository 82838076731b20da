"""The function-like macros of the model as Lua, each with its translation or the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate import tree
from callgate.abi.layout import Layout
from callgate.abi.scope import Scope
from callgate.emit.members import Members
from callgate.emit.translate import Translation, translate
from callgate.parse.declarations import DeclarationParser
from callgate.parse.function_macros import expression_text
from callgate.parse.macros import ExpressionParser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callgate.model import Abi
    from callgate.targets import Target

SHOWN = 40  # characters of what is no expression


def translate_macros(abi: Abi, units: Sequence[tree.Unit], target: Target) -> Abi:
    """Return ``abi`` with every function-like macro translated, or the reason why it is not."""
    found: dict[tuple[str, str, int, str], Translation] = {}
    for unit in units:
        translator = MacroTranslator(unit, target)
        for macro in unit.macros:
            if macro.parameters is not None:
                where = macro.where
                key = (where.unit, where.header, where.line, macro.name)
                found[key] = translator.translation(macro)
    macros = []
    for item in abi.macros:
        place = item.location
        made = found[place.unit, place.header, place.line, item.name]
        macros.append(replace(item, lua=made.lua, reason=made.reason))
    return replace(abi, macros=tuple(macros))


class MacroTranslator:
    """Translates the macros of one unit."""

    def __init__(self, unit: tree.Unit, target: Target) -> None:
        """Types, enumerators and functions are those of ``unit``."""
        scope = Scope.of(unit.declarations)
        self._layout = Layout(scope, target.data_model)
        self._members = Members(self._layout)
        self._expressions = ExpressionParser(DeclarationParser("macro", scope.typedefs))

    def translation(self, macro: tree.MacroDefinition) -> Translation:
        """Return the macro's Lua function, or the reason why there is none."""
        text, reason = expression_text(macro)
        if reason is not None:
            return Translation(None, reason)
        parsed = self._expressions.parse(text)
        if parsed is None:
            return Translation(None, f"not an expression: {macro.body[:SHOWN]}")
        if isinstance(parsed, tree.Type):
            return Translation(None, "type name")
        return translate(macro.parameters or (), parsed, self._layout, self._members)
