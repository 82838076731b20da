"""Two surfaces compared: what one adds, lacks or has otherwise than the other."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callgate.explore.surface import Alias, Call, Entry, Layout, Member, Surface, Value
from callgate.suggest import suggest

if TYPE_CHECKING:
    from callgate.headers.volatile import Volatile

KINDS = ("constants", "records", "typedefs", "syscalls")  # of changes, as --only names them
WHATS = ("added", "removed", "changed", "grown", "shrunk")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that is not the same in both; ``old`` or ``new`` is None where it is missing."""

    old: Member | None
    new: Member | None

    @property
    def whats(self) -> tuple[str, ...]:
        """What happened: "added", "removed", or "renamed", "moved", "resized"."""
        if self.old is None or self.new is None:
            return ("removed",) if self.old else ("added",)
        old, new = self.old, self.new
        found = {
            "renamed": old.name != new.name,
            "moved": (old.offset, (old.bits or (0,))[0]) != (new.offset, (new.bits or (0,))[0]),
            "resized": (old.size, _width(old)) != (new.size, _width(new)),
        }
        return tuple(name for name, holds in found.items() if holds)


@dataclass(frozen=True, slots=True)
class Change:
    """A name that is not the same in both; ``old`` or ``new`` is None where it is missing."""

    kind: str  # one of KINDS
    name: str  # ex) "O_CREAT", "struct stat"
    old: Entry | None
    new: Entry | None
    volatile: bool = False  # a name that is expected to change: ex) "NFT_REG_MAX"

    @property
    def what(self) -> str:
        """One of WHATS; a record of the same size is "changed"."""
        if self.old is None or self.new is None:
            return "removed" if self.old else "added"
        if isinstance(self.old, Layout) and isinstance(self.new, Layout):
            grown = self.new.size - self.old.size
            return "grown" if grown > 0 else "shrunk" if grown < 0 else "changed"
        return "changed"

    @property
    def header(self) -> str:
        """Where it stands: in the new one, else where it stood."""
        entry = self.new or self.old
        return entry.header if entry else ""

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields that differ, of a record that both have."""
        if isinstance(self.old, Layout) and isinstance(self.new, Layout):
            return tuple(_field_changes(self.old.fields, self.new.fields))
        return ()


def diff(old: Surface, new: Surface, volatile: Volatile) -> list[Change]:
    """Return the changes from ``old`` to ``new``, by header, kind and name.

    Where a header, a line or a spelling is all that differs, nothing has changed. Typedefs are left
    out where one side does not know them.
    """
    tables: list[tuple[str, Mapping[str, Entry], Mapping[str, Entry]]] = [
        ("constants", old.constants, new.constants),
        ("records", old.records, new.records),
        ("syscalls", old.syscalls, new.syscalls),
    ]
    if old.typedefs is not None and new.typedefs is not None:
        tables.insert(2, ("typedefs", old.typedefs, new.typedefs))
    found = [
        Change(kind, name, before.get(name), after.get(name), volatile.covers(name))
        for kind, before, after in tables
        for name in before.keys() | after.keys()
        if _fact(before.get(name)) != _fact(after.get(name))
    ]
    return sorted(found, key=_order)


def select(changes: Iterable[Change], kinds: Iterable[str], pattern: str | None) -> list[Change]:
    """Return the changes of ``kinds`` (all when empty) whose names match the glob ``pattern``."""
    wanted = set(kinds) or set(KINDS)
    return [
        item
        for item in changes
        if item.kind in wanted and (pattern is None or matches(item.name, pattern))
    ]


def matches(name: str, pattern: str) -> bool:
    """Tell whether ``name`` matches the glob, a record also without "struct" or "union"."""
    return fnmatch.fnmatchcase(name, pattern) or (
        " " in name and fnmatch.fnmatchcase(name.partition(" ")[2], pattern)
    )


def is_known(pattern: str, *surfaces: Surface) -> bool:
    """Tell whether anything in the surfaces matches the glob, changed or not."""
    return any(matches(name, pattern) for name in _names(surfaces))


def nearest(pattern: str, *surfaces: Surface) -> str:
    """Return "did you mean ...?" for a glob that matches nothing, or nothing."""
    known = set(_names(surfaces))
    known |= {name.partition(" ")[2] for name in known}
    return suggest(pattern.strip("*?"), known)


def counts(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    """Return how many changes there are, by kind and by what happened; "volatile" among them."""
    out: dict[str, Counter[str]] = {}
    for item in changes:
        counter = out.setdefault(item.kind, Counter())
        counter[item.what] += 1
        counter["volatile"] += item.volatile
    return {
        kind: {what: out[kind][what] for what in (*WHATS, "volatile") if out[kind][what]}
        for kind in KINDS
        if kind in out
    }


def as_json(old: Surface, new: Surface, changes: Iterable[Change]) -> dict[str, Any]:
    """Return the changes as docs/diff.md promises them."""
    found = list(changes)
    return {
        "old": {"name": old.name, "target": old.target, "kernel": old.kernel},
        "new": {"name": new.name, "target": new.target, "kernel": new.kernel},
        "counts": counts(found),
        "changes": [_change_value(item) for item in found],
    }


def _change_value(item: Change) -> dict[str, Any]:
    out: dict[str, Any] = {
        "kind": item.kind,
        "name": item.name,
        "what": item.what,
        "header": item.header,
        "volatile": item.volatile,
        "old": _entry_value(item.old),
        "new": _entry_value(item.new),
    }
    if item.kind == "records":
        out["fields"] = [
            {"what": list(each.whats), "old": _member(each.old), "new": _member(each.new)}
            for each in item.fields
        ]
    return out


def _entry_value(entry: Entry | None) -> dict[str, Any] | None:
    match entry:
        case None:
            return None
        case Value():
            return {"value": entry.value}
        case Layout():
            return {"size": entry.size, "align": entry.align}
        case Alias():
            return {"text": entry.text, "size": entry.size}
        case Call():
            return {"number": entry.number, "prototype": entry.prototype}


def _member(member: Member | None) -> dict[str, Any] | None:
    if member is None:
        return None
    out: dict[str, Any] = {
        "name": member.name,
        "type": member.type,
        "offset": member.offset,
        "size": member.size,
    }
    if member.bits is not None:
        out |= {"bit_offset": member.bits[0], "bit_width": member.bits[1]}
    return out


def _order(item: Change) -> tuple[str, int, str]:
    return (item.header, KINDS.index(item.kind), item.name)


def _names(surfaces: Iterable[Surface]) -> Iterator[str]:
    for one in surfaces:
        yield from one.constants
        yield from one.records
        yield from one.typedefs or ()
        yield from one.syscalls


def _fact(entry: Entry | None) -> object:
    """Return what is compared: all but the place, and of a field's type what has a meaning."""
    match entry:
        case None:
            return None
        case Value():
            return (type(entry.value), entry.value)
        case Layout():
            fields = [(each.name, each.offset, each.size, each.bits) for each in entry.fields]
            return (entry.size, entry.align, fields)
        case Alias():
            return (entry.text, entry.size)
        case Call():
            return (entry.number, entry.prototype)


def _field_changes(old: tuple[Member, ...], new: tuple[Member, ...]) -> Iterator[FieldChange]:
    """Yield what differs, in the order of the new record; a field of another name may be the same.

    It is one where neither record has the other's name and both stand at the same bits.
    """
    before = {item.name: item for item in old}
    after = {item.name: item for item in new}
    gone = {_bits(item): item for item in reversed(old) if item.name not in after}
    renamed: set[str] = set()
    found: list[tuple[int, FieldChange]] = []
    for item in new:
        was = before.get(item.name)
        if was is None:
            was = gone.pop(_bits(item), None)
            if was is not None:
                renamed.add(was.name)
        if was is None or (was.name, _bits(was)) != (item.name, _bits(item)):
            found.append((item.offset, FieldChange(was, item)))
    found += [
        (item.offset, FieldChange(item, None))
        for item in old
        if item.name not in after and item.name not in renamed
    ]
    found.sort(key=lambda pair: pair[0])
    yield from (change for _, change in found)


def _bits(item: Member) -> tuple[int, int, tuple[int, int] | None]:
    return (item.offset, item.size, item.bits)


def _width(item: Member) -> int:
    return item.bits[1] if item.bits else item.size * 8
