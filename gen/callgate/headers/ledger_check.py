"""The models of today against the ledger: nothing released is lost or changed in silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from callgate.headers.ledger import (
    KINDS,
    Fact,
    Ledger,
    Row,
    kernel_facts,
    make_row,
    parse_shape,
    shape_of,
)
from callgate.headers.tombstones import Tombstone

if TYPE_CHECKING:
    from callgate.headers.volatile import Volatile
    from callgate.model import Abi

NOUNS = dict(zip(KINDS, ("constant", "record", "system call"), strict=True))
BREAKS = {  # what nobody may do in silence, for people
    "removed": "it is gone",
    "changed": "its value is another",
    "shrunk": "it has shrunk",
    "rearranged": "its fields are not where they were",
    "stale": "its tombstone does not hold",
}
DRIFT = {  # what the ledger has yet to record
    "new": "it is not in the ledger",
    "grown": "it has grown",
    "moved on": "its value is another, as that of a volatile name may be",
    "returned": "the ledger says that it is gone",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the ledger does not say."""

    kind: str  # one of ledger.KINDS
    name: str
    header: str
    what: str  # a key of BREAKS or of DRIFT
    old: str | None  # the ledger's fact, None where it has none
    new: str | None  # today's, None where there is none
    architectures: tuple[str, ...]  # () where all that were compared agree

    @property
    def breaks(self) -> bool:
        """Tell whether a program that used the name may break."""
        return self.what in BREAKS

    def __str__(self) -> str:
        """Return one line: header, name, old and new fact, where, what it means."""
        on = f" on {', '.join(self.architectures)}" if self.architectures else ""
        facts = f"{self.old or 'nothing'} -> {self.new or 'nothing'}"
        why = {**BREAKS, **DRIFT}[self.what]
        return f"{self.header}: {NOUNS[self.kind]} {self.name}: {facts}{on}: {why}"


def check_ledger(
    abis: Mapping[str, Abi],
    ledger: Ledger,
    tombstones: Sequence[Tombstone] = (),
    volatile: Volatile | None = None,
) -> list[Problem]:
    """Return what the models, by architecture, have otherwise than the ledger; breaks first.

    A model of some architectures is compared with what the ledger has of these; an architecture
    that the ledger does not know has only new names.
    """
    return _Comparison(abis, ledger, tombstones, volatile).problems()


def update_ledger(
    abis: Mapping[str, Abi],
    ledger: Ledger | None,
    tombstones: Sequence[Tombstone] = (),
    volatile: Volatile | None = None,
    *,
    reason: str = "",
) -> tuple[Ledger, tuple[Tombstone, ...], list[Problem]]:
    """Return the ledger of today, its tombstones, and what breaks and has no reason.

    With a reason nothing is left that breaks: what did gets a tombstone. What is gone stays in the
    ledger, marked with the version that had it last. ``ledger`` None begins a new one.
    """
    kernel = max((abi.kernel for abi in abis.values()), key=_version)
    old = ledger or Ledger(kernel, kernel, (), {kind: {} for kind in KINDS})
    left = [item for item in check_ledger(abis, old, tombstones, volatile) if item.breaks]
    if left and reason:
        stale = {
            (item.kind, item.name, item.old, item.new) for item in left if item.what == "stale"
        }
        kept = [
            each for each in tombstones if (each.kind, each.name, each.was, each.now) not in stale
        ]
        tombstones = (*kept, *_accepted(left, kernel, reason))
        left = [item for item in check_ledger(abis, old, tombstones, volatile) if item.breaks]
    architectures = (*old.architectures, *(each for each in abis if each not in old.architectures))
    facts = {each: kernel_facts(abi) for each, abi in abis.items()}
    rows: dict[str, dict[str, Row]] = {}
    for kind in KINDS:
        names = {*old.rows[kind], *(name for each in facts.values() for name in each[kind])}
        rows[kind] = {}
        for name in names:
            today = {each: found[kind].get(name) for each, found in facts.items()}
            row = old.rows[kind].get(name)
            rows[kind][name] = _updated(row, today, old, kernel, architectures)
    return Ledger(old.since, kernel, architectures, rows), tuple(tombstones), left


def _updated(
    row: Row | None,
    today: Mapping[str, tuple[str, str] | None],
    old: Ledger,
    kernel: str,
    architectures: Sequence[str],
) -> Row:
    facts: dict[str, Fact | None] = {}
    for each in architectures:
        was = row.on(each) if row and each in old.architectures else None
        found = today.get(each)
        if found:
            facts[each] = Fact(found[1])
        elif was and each in today:
            facts[each] = replace(was, last=was.last or old.kernel)
        else:
            facts[each] = was
    headers = [found[0] for found in today.values() if found]
    header = max(headers, key=headers.count) if headers else row.header if row else ""
    return make_row(header, row.since if row else kernel, facts, architectures)


def _accepted(problems: Iterable[Problem], kernel: str, reason: str) -> list[Tombstone]:
    return [
        Tombstone(item.kind, item.name, reason, kernel, item.old, item.new, item.architectures)
        for item in problems
        if item.old is not None and item.what != "stale"
    ]


_Found = tuple[str, str, str, str, str | None, str | None]  # a Problem but for its architectures


class _Comparison:
    def __init__(
        self,
        abis: Mapping[str, Abi],
        ledger: Ledger,
        tombstones: Sequence[Tombstone],
        volatile: Volatile | None,
    ) -> None:
        self.abis = abis
        self.ledger = ledger
        self.volatile = volatile
        self.facts = {each: kernel_facts(abi) for each, abi in abis.items()}
        self.excuses: dict[tuple[str, str], list[Tombstone]] = {}
        for item in tombstones:
            self.excuses.setdefault((item.kind, item.name), []).append(item)

    def problems(self) -> list[Problem]:
        found: dict[_Found, list[str]] = {}
        for architecture in self.abis:
            for item in self._of(architecture):
                found.setdefault(item, []).append(architecture)
        every = tuple(self.abis)
        problems = [
            Problem(
                kind, name, header, what, old, new, () if tuple(where) == every else tuple(where)
            )
            for (kind, name, header, what, old, new), where in found.items()
        ]
        problems += self._stale()
        return sorted(
            problems,
            key=lambda item: (
                not item.breaks,
                KINDS.index(item.kind),
                item.header,
                item.name,
                item.what,
                item.old or "",
                item.new or "",
            ),
        )

    def _of(self, architecture: str) -> Iterable[_Found]:
        known = architecture in self.ledger.architectures
        for kind in KINDS:
            rows, today = self.ledger.rows[kind], self.facts[architecture][kind]
            for name, row in rows.items():
                was = row.on(architecture) if known else None
                _, new = today.get(name, ("", None))
                what = self._what(kind, name, architecture, was, new)
                if what:
                    yield kind, name, row.header, what, was.text if was else None, new
            for name, (header, new) in today.items():
                if name not in rows:
                    yield kind, name, header, "new", None, new

    def _what(  # noqa: PLR0911 - one return per kind of answer
        self, kind: str, name: str, architecture: str, was: Fact | None, new: str | None
    ) -> str | None:
        if was is None:
            return "new" if new is not None else None
        if new == was.text:
            return "returned" if was.last else None
        if self._is_excused(kind, name, architecture, was.text, new):
            return None
        if new is None:
            return "removed"
        if kind == "records":
            return self._record(name, architecture, was.text)
        if self.volatile and self.volatile.covers(name):
            return "moved on"
        return "changed"

    def _record(self, name: str, architecture: str, was: str) -> str:
        old, record = parse_shape(was), self.abis[architecture].record[name]
        start = shape_of(record, old.fields)
        if record.size < old.size:
            return "shrunk"
        if (start.fields, start.hash, start.align) != (old.fields, old.hash, old.align):
            return "rearranged"
        return "grown"

    def _is_excused(
        self, kind: str, name: str, architecture: str, was: str, new: str | None
    ) -> bool:
        rows = self.excuses.get((kind, name), ())
        return any(item.excuses(architecture, was, new) for item in rows)

    def _stale(self) -> Iterable[Problem]:
        """Yield the tombstones of removed names that are there, and those of unknown names."""
        for (kind, name), rows in self.excuses.items():
            row = self.ledger.rows[kind].get(name)
            for item in rows:
                here = [each for each in item.on or self.abis if each in self.abis]
                there = [each for each in here if name in self.facts[each][kind]]
                if row is None or (item.now is None and there):
                    header = row.header if row else "headers/tombstones.toml"
                    yield Problem(kind, name, header, "stale", item.was, item.now, tuple(there))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
