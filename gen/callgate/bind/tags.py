"""The tags of a unit: which header names each first, and which ones nobody can name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate import tree

if TYPE_CHECKING:
    from collections.abc import Iterator


def first_seen(unit: tree.Unit) -> dict[str, str]:
    """Return the header in which each tag is first declared, by itself or by a typedef."""
    found: dict[str, str] = {}
    for item in unit.declarations:
        kind = item.type
        while isinstance(kind, tree.Pointer | tree.Qualified | tree.Attributed):
            kind = kind.target if isinstance(kind, tree.Pointer) else kind.type
        if isinstance(kind, tree.Tagged):
            found.setdefault(f"{kind.kind} {kind.tag}", item.where.header)
    return found


def hidden(unit: tree.Unit) -> dict[str, str]:
    """Return the names whose type has a tag that is first declared among its parameters.

    Such a tag ends with the prototype (C11 6.2.1p4): it is another type than what has the same tag
    elsewhere, and no caller has a value of it. The values are the tags, ex) "struct stat".
    """
    seen: set[str] = set()
    found: dict[str, str] = {}
    for item in unit.declarations:
        inner: list[str] = []
        for tag, is_inner in _tags(item.type, found):
            if not is_inner:
                seen.add(tag)
            elif tag not in seen:
                inner.append(tag)
        name = getattr(item, "name", None)
        if inner and name:
            found[name] = inner[0]
    return found


def _tags(
    kind: object, hiding: dict[str, str], *, is_inner: bool = False
) -> Iterator[tuple[str, bool]]:
    """Yield a type's tags in their order, each with whether it is among parameters.

    A typedef that hides one does so wherever it is used.
    """
    match kind:
        case tree.Tagged() | tree.Record() | tree.Enumeration():
            if kind.tag:
                yield f"{_kind(kind)} {kind.tag}", is_inner
            for item in kind.fields if isinstance(kind, tree.Record) else ():
                yield from _tags(item.type, hiding, is_inner=is_inner)
        case tree.TypedefName():
            if kind.name in hiding:
                yield hiding[kind.name], True
        case (
            tree.Pointer(target=inner)
            | tree.Array(element=inner)
            | tree.Qualified(type=inner)
            | tree.Attributed(type=inner)
        ):
            yield from _tags(inner, hiding, is_inner=is_inner)
        case tree.Function():
            yield from _tags(kind.result, hiding, is_inner=is_inner)
            for parameter in kind.parameters:
                yield from _tags(parameter.type, hiding, is_inner=True)


def _kind(item: tree.Tagged | tree.Record | tree.Enumeration) -> str:
    return "enum" if isinstance(item, tree.Enumeration) else item.kind
