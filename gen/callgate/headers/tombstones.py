"""headers/tombstones.toml: what was released and is gone or means something else now, and why."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError
from callgate.files import atomic_file
from callgate.headers.ledger import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE = "tombstones.toml"  # below headers/
KEYS = frozenset({"reason", "kernel", "was", "now", "on"})

_HEAD = """\
# What the ledger has and the kernel's headers have lost or changed, and why that is accepted.
# `callgate ledger --update --reason TEXT` adds rows; docs/ledger.md documents them.
"""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A removal or a change that is accepted."""

    kind: str  # one of ledger.KINDS
    name: str
    reason: str
    kernel: str  # the first version that lacks or changed it
    was: str  # the fact as the ledger had it
    now: str | None = None  # the fact since; None: removed
    on: tuple[str, ...] = ()  # the architectures; () for all

    def excuses(self, architecture: str, was: str, now: str | None) -> bool:
        """Tell whether the row is about this removal or change."""
        here = not self.on or architecture in self.on
        return here and (self.was, self.now) == (was, now)


def load_tombstones(path: Path) -> tuple[Tombstone, ...]:
    """Read the table; raises CallgateError naming the row that is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CallgateError(f"cannot read it: {error}", where=str(path)) from error
    if unknown := sorted(set(table) - set(KINDS)):
        raise CallgateError(
            f"unknown table {unknown[0]!r}; the tables are {', '.join(KINDS)}", where=str(path)
        )
    return tuple(
        _row(kind, name, row, f'{path}: [[{kind}."{name}"]]')
        for kind in KINDS
        for name, rows in table.get(kind, {}).items()
        for row in rows
    )


def write_tombstones(rows: Iterable[Tombstone], path: Path) -> None:
    """Write the table, sorted."""
    parts = [_HEAD]
    for item in sorted(rows, key=lambda each: (KINDS.index(each.kind), each.name, each.kernel)):
        lines = [f"[[{item.kind}.{json.dumps(item.name)}]]"]
        values = {"kernel": item.kernel, "reason": item.reason, "was": item.was, "now": item.now}
        # JSON's strings are TOML's basic strings
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items() if value]
        if item.on:
            lines.append(f"on = {json.dumps(item.on)}")
        parts.append("\n".join(lines) + "\n")
    with atomic_file(path) as fresh:
        fresh.write_text("\n".join(parts), encoding="utf-8", newline="\n")


def _row(kind: str, name: str, row: Mapping[str, Any], where: str) -> Tombstone:
    hint = "keys: reason, kernel, was; now, where it was changed; on, where some architectures lost"
    if unknown := sorted(set(row) - KEYS):
        raise CallgateError(f"unknown key {unknown[0]!r}", where=where, hint=hint)
    for key in ("reason", "kernel", "was"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise CallgateError(f"no {key}", where=where, hint=hint)
    return Tombstone(
        kind,
        name,
        row["reason"],
        row["kernel"],
        row["was"],
        row.get("now"),
        tuple(row.get("on", ())),
    )
