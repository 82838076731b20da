"""The types of members that a macro reaches from its argument: ``(nlh)->nlmsg_len``.

An argument has no type, but its members' names tell what record it points to: when all records
that have such members agree on their type, it is that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from callgate import model, tree
from callgate.abi.evaluate import NoValue
from callgate.abi.scope import Incomplete
from callgate.parse.function_macros import ARGUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callgate.abi.layout import Layout

NONE = (NoValue, Incomplete, ValueError, KeyError, OverflowError, RecursionError)
NULL = tree.Number("0")


class Members:
    """The members of one unit's records."""

    def __init__(self, layout: Layout) -> None:
        """Nothing is looked up until it is asked for."""
        self._layout = layout

    def type_of(self, node: tree.Expression) -> model.TypeRef | None:
        """Return the type of a member, element or target; None where it is not known.

        The way to it starts at a cast to a pointer, or at an argument.
        """
        root = _root(node)
        if isinstance(root, tree.Cast):
            return self._evaluated(node, replace(root, operand=NULL))
        name = _first_member(node)
        if name is None or not isinstance(root, tree.Name) or not ARGUMENT.fullmatch(root.name):
            return None
        pointers = (tree.Cast(tree.Pointer(kind), NULL) for kind in self._owners[name])
        found = [self._evaluated(node, pointer) for pointer in pointers]
        kinds = [kind for kind in found if kind is not None]
        agreed = len({_essence(kind) for kind in kinds}) == 1
        return kinds[0] if agreed else None

    def _evaluated(self, node: tree.Expression, pointer: tree.Cast) -> model.TypeRef | None:
        try:
            return self._layout.evaluator.type_of(_rooted(node, pointer))
        except NONE:
            return None

    @cached_property
    def _owners(self) -> dict[str, list[tree.Type]]:
        """The records that have a member of a name."""
        found: dict[str, list[tree.Type]] = defaultdict(list)
        scope = self._layout.scope
        records: list[tuple[tree.Type, tree.Record]] = [
            (tree.Tagged(kind, tag), record) for (kind, tag), record in scope.records.items()
        ]
        records += [
            (tree.TypedefName(item.name), item.type)
            for item in scope.typedefs.values()
            if isinstance(item.type, tree.Record) and not item.type.tag
        ]
        for kind, record in records:
            for name in _names(record):
                found[name].append(kind)
        return found


def _names(record: tree.Record) -> Iterator[str]:
    for item in record.fields:
        if item.name is not None:
            yield item.name
        elif isinstance(item.type, tree.Record):
            yield from _names(item.type)


def _essence(kind: model.TypeRef) -> object:
    """Return what two types must share for a macro to mean the same."""
    if isinstance(kind, model.Scalar):
        return kind.kind, kind.size, kind.signed
    return type(kind)


def _inner(node: tree.Expression) -> tree.Expression | None:
    """Return what a member, element or target is reached from."""
    match node:
        case tree.Member() | tree.Index():
            return node.base
        case tree.Unary(operator="*" | "&"):
            return node.operand
    return None


def _root(node: tree.Expression) -> tree.Expression:
    inner = _inner(node)
    return node if inner is None else _root(inner)


def _first_member(node: tree.Expression) -> str | None:
    """Return the name of the member that is reached first, straight from the root."""
    inner = _inner(node)
    if inner is None:
        return None
    if _inner(inner) is None:
        return node.field if isinstance(node, tree.Member) else None
    return _first_member(inner)


def _rooted(node: tree.Expression, pointer: tree.Cast) -> tree.Expression:
    """Return ``node`` with its root replaced by a pointer, or by its target before a dot."""
    match node:
        case tree.Member():
            if _inner(node.base) is None:
                base = pointer if node.arrow else tree.Unary("*", pointer)
                return replace(node, base=base)
            return replace(node, base=_rooted(node.base, pointer))
        case tree.Index():
            return replace(node, base=_rooted(node.base, pointer), index=NULL)
        case tree.Unary():
            return replace(node, operand=_rooted(node.operand, pointer))
    return pointer
