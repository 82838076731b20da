"""Names for the records that headers give none: ``extern struct { int id; } table[3];``.

They are declared as if by a typedef, ``table__type``, so that all that follows knows them by name:
layouts, macros that cast to them, the text for LuaJIT. C has no such typedef: compilers are asked
about the type of an object that has it. Members that are records in place stay so, and so do what
parameters are, of which C has no other mention (C11 6.2.1p4: their scope is the prototype).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

from callgate import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CALL = "()"  # of a function, in the expression for what it returns


class Namer:
    """Rewrites the declarations of one unit."""

    def __init__(self, declarations: Iterable[tree.Declaration]) -> None:
        """Nothing gets a name that the unit has."""
        self._declarations = tuple(declarations)
        self._names: dict[tree.Record, str] = {}  # what untagged ones are called
        self._taken: set[str] = set()
        for item in self._declarations:
            if not isinstance(item, tree.TagDeclaration):
                self._taken.add(item.name)
            if isinstance(item, tree.Typedef) and _is_untagged(item.type):
                self._names.setdefault(item.type, item.name)
        self._filled: dict[tree.Record, tree.Record] = {}
        self._added: list[tree.Declaration] = []
        self._where = tree.Where("", "", 0)
        self.meant: dict[str, str] = {}  # name -> the expression whose type it is in C

    def run(self) -> tuple[tree.Declaration, ...]:
        """Return the declarations, those of the new names before what uses them first."""
        found: list[tree.Declaration] = []
        for item in self._declarations:
            rewritten = self._declaration(item)
            found += [*self._added, rewritten]
            self._added.clear()
        return tuple(found)

    def _declaration(self, item: tree.Declaration) -> tree.Declaration:
        self._where = item.where
        match item:
            case tree.Typedef():
                place, name = f"(*({item.name} *)0)", f"{item.name}__type"
                if _is_untagged(item.type) and self._names[item.type] == item.name:
                    return replace(item, type=self._fill(item.type, place, item.name))
                return replace(item, type=self._type(item.type, place, name))
            case tree.FunctionDeclaration():
                name = f"{item.name}__result"
                result = self._type(item.type.result, f"{item.name}{CALL}", name)
                return replace(item, type=replace(item.type, result=result))
            case tree.VariableDeclaration():
                return replace(item, type=self._type(item.type, item.name, f"{item.name}__type"))
            case tree.TagDeclaration(type=tree.Record() as kind) if kind.tag:
                return replace(item, type=self._tagged(kind, kind.tag))
        return item

    def _type(self, kind: tree.Type, place: str, name: str, *, in_place: bool = False) -> tree.Type:
        """Return a type whose untagged record is called ``name``; ``place`` is of that type.

        One that is ``in_place`` keeps none: a member's type, not what it points to.
        """
        match kind:
            case tree.Pointer():
                return replace(kind, target=self._type(kind.target, f"(*{place})", name))
            case tree.Array():
                element = self._type(kind.element, f"{place}[0]", name, in_place=in_place)
                return replace(kind, element=element)
            case tree.Qualified() | tree.Attributed():
                return replace(kind, type=self._type(kind.type, place, name, in_place=in_place))
            case tree.Record(tag=None):
                return (self._fill if in_place else self._named)(kind, place, name)
            case tree.Record(tag=str(tag)):
                return self._tagged(kind, tag)
        return kind

    def _tagged(self, kind: tree.Record, tag: str) -> tree.Record:
        return self._fill(kind, f"(*({kind.kind} {tag} *)0)", tag)

    def _named(self, kind: tree.Record, place: str, name: str) -> tree.TypedefName:
        if kind not in self._names:
            while name in self._taken:
                name += "_"
            self._taken.add(name)
            self._names[kind] = name
            self.meant[name] = place
            filled = self._fill(kind, place, name)
            self._added.append(tree.Typedef(name, filled, kind.where or self._where))
        return tree.TypedefName(self._names[kind])

    def _fill(self, kind: tree.Record, place: str, name: str) -> tree.Record:
        """Return a record with names for those that its members point to."""
        if kind not in self._filled:
            fields = tuple(self._field(item, place, name) for item in kind.fields)
            self._filled[kind] = replace(kind, fields=fields)
        return self._filled[kind]

    def _field(self, item: tree.Field, place: str, outer: str) -> tree.Field:
        inner = f"{place}.{item.name}" if item.name else place
        name = f"{outer}__{item.name}" if item.name else outer
        return replace(item, type=self._type(item.type, inner, name, in_place=True))


def with_arguments(place: str, arguments: Callable[[str], str]) -> str:
    """Return the expression with ``arguments`` for the function that it calls, if it does."""
    before, call, after = place.partition(CALL)
    return f"{before}({arguments(before.lstrip('(*'))}){after}" if call else place


def _is_untagged(kind: tree.Type) -> TypeGuard[tree.Record]:
    return isinstance(kind, tree.Record) and not kind.tag
