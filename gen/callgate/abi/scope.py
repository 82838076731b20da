"""The names of one translation unit: typedefs, tags, enumerators, functions, variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callgate import tree

if TYPE_CHECKING:
    from collections.abc import Iterable


class Incomplete(Exception):  # noqa: N818 - it is a state of a type, not an error of the user
    """A size or value was asked of a type that is declared but not defined."""


@dataclass(slots=True)
class Scope:
    """Every name that the unit's declarations bring into being, nested definitions included."""

    typedefs: dict[str, tree.Typedef] = field(default_factory=dict)
    records: dict[tuple[str, str], tree.Record] = field(default_factory=dict)  # (kind, tag)
    enumerations: dict[str, tree.Enumeration] = field(default_factory=dict)  # by tag
    enumerators: dict[str, tuple[tree.Enumeration, int]] = field(default_factory=dict)
    functions: dict[str, tree.FunctionDeclaration] = field(default_factory=dict)
    variables: dict[str, tree.VariableDeclaration] = field(default_factory=dict)
    order: list[tree.Record | tree.Enumeration] = field(default_factory=list)  # as they are met

    @classmethod
    def of(cls, declarations: Iterable[tree.Declaration]) -> Scope:
        """Collect the names of ``declarations``; the first definition of a name stays."""
        scope = cls()
        for item in declarations:
            scope._visit(item.type)
            match item:
                case tree.Typedef():
                    scope.typedefs.setdefault(item.name, item)
                case tree.FunctionDeclaration():
                    scope.functions.setdefault(item.name, item)
                case tree.VariableDeclaration():
                    scope.variables.setdefault(item.name, item)
        return scope

    def _visit(self, kind: tree.Type) -> None:  # noqa: C901, PLR0912 - one case per node type
        """Register the definitions inside a type: in C they are visible to the whole file."""
        match kind:
            case tree.Record():
                if kind.tag:
                    self.records.setdefault((kind.kind, kind.tag), kind)
                self.order.append(kind)
                for item in kind.fields:
                    self._visit(item.type)
            case tree.Enumeration():
                if kind.tag:
                    self.enumerations.setdefault(kind.tag, kind)
                self.order.append(kind)
                for index, enumerator in enumerate(kind.enumerators):
                    self.enumerators.setdefault(enumerator.name, (kind, index))
            case tree.Pointer():
                self._visit(kind.target)
            case tree.Array():
                self._visit(kind.element)
            case tree.Function():
                self._visit(kind.result)
                for parameter in kind.parameters:
                    self._visit(parameter.type)
            case tree.Qualified() | tree.Attributed():
                self._visit(kind.type)
            case tree.TypeOf():
                if isinstance(kind.operand, tree.Type):
                    self._visit(kind.operand)
