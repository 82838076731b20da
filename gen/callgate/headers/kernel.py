"""The committed kernel tables: system calls of every architecture with their prototypes."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError
from callgate.headers.kernel_import import PROVENANCE
from callgate.model import Argument, Location, Syscall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from callgate.targets import Target

UNIT = "kernel"
NAMELESS = "unnamed"  # + the position, where neither header nor table gives a name
PLACEHOLDER = "sys_ni_syscall"  # kernel/sys_ni.c: a number without a call


@dataclass(frozen=True)
class KernelFacts:
    """One kernel release's tables, prototypes and the hand-written rows that complete them."""

    version: str
    folder: Path
    tables: Mapping[str, tuple[tuple[Any, ...], ...]]  # number, abi, name, entry, compat entry
    headers: tuple[tuple[Any, ...], ...]  # rows of prototypes.json
    by_hand: Mapping[str, Any]  # headers/kernel/prototypes.toml

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Return where the tables came from: kernel, origin, hashes of the files read."""
        text = (self.folder / PROVENANCE).read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found

    @cached_property
    def prototypes(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the header rows of each entry point."""
        out: dict[str, list[tuple[Any, ...]]] = {}
        for row in self.headers:
            out.setdefault(row[0], []).append(row)
        return out

    def syscalls(
        self, table: str, abis: Sequence[str], config: Sequence[str] = ()
    ) -> tuple[Syscall, ...]:
        """Return the calls of ``table`` for these ABI columns, by number.

        ``config`` are the kernel's CONFIG_ symbols that choose among several prototypes of one
        entry point. Raises CallgateError on an unknown table.
        """
        if table not in self.tables:
            known = ", ".join(sorted(self.tables))
            raise CallgateError(f"no system call table {table!r}", hint=f"there are {known}")
        arch = _arch(table)
        calls = [
            self._syscall(number, name, entry, arch, config)
            for number, abi, name, entry, _ in self.tables[table]
            if abi in abis
        ]
        return tuple(sorted(calls, key=lambda call: (call.number, call.name)))

    def _syscall(
        self, number: int, name: str, entry: str | None, arch: str, config: Sequence[str]
    ) -> Syscall:
        if entry is None or entry == PLACEHOLDER:
            where = Location(UNIT, "kernel/sys_ni.c", 1)
            return Syscall(name, number, None, "long", (), where, "not implemented")
        row = self._by_hand(entry, name, arch)
        if row is not None:
            where = Location(UNIT, row["source"], 1)
            arguments = tuple(Argument(item[0], item[1]) for item in row["arguments"])
            return Syscall(name, number, entry, row["returns"], arguments, where, row["reason"])
        found = self._choose(entry, arch, config)
        if found is None:
            where = Location(UNIT, "", 0)
            return Syscall(name, number, entry, "long", (), where, "no prototype")
        table = self.by_hand.get("names", {})
        names = table.get(f"{entry}:{found[5].split(' && ')[-1]}") or table.get(entry, [])
        arguments = tuple(
            Argument(given or (names[index] if index < len(names) else f"{NAMELESS}{index + 1}"), kind)
            for index, (given, kind) in enumerate(found[2])
        )
        return Syscall(name, number, entry, found[1], arguments, Location(UNIT, found[3], found[4]))

    def _by_hand(self, entry: str, name: str, arch: str) -> Mapping[str, Any] | None:
        """Return the hand-written row for an entry point, ``arch:entry`` before ``entry``."""
        rows = self.by_hand.get("prototypes", {})
        for key in (f"{arch}:{name}", f"{arch}:{entry}", entry):
            if key in rows:
                found: Mapping[str, Any] = rows[key]
                return found
        return None

    def _choose(self, entry: str, arch: str, config: Sequence[str]) -> tuple[Any, ...] | None:
        """Return the prototype whose #if conditions hold for this kernel configuration."""
        rows = self.prototypes.get(entry, [])
        own = [row for row in rows if row[3].startswith(f"arch/{arch}/")]
        common = [row for row in rows if not row[3].startswith("arch/")]
        rows = own or common
        if len(rows) < 2:  # noqa: PLR2004 - nothing to choose
            return rows[0] if rows else None
        for row in rows:
            positive = [part for part in row[5].split(" && ") if part and not part.startswith("!")]
            if positive and all(part in config for part in positive):
                return row
        return rows[-1]  # the last #else


def load_kernel(headers: Path, version: str | None = None) -> KernelFacts:
    """Load the newest (or the named) release under ``headers/kernel``.

    Raises CallgateError when there is none.
    """
    root = headers / "kernel"
    releases = sorted(
        (path.parent for path in root.glob(f"*/{PROVENANCE}")),
        key=lambda path: tuple(int(part) for part in path.name.split(".")),
    )
    if version is not None:
        releases = [path for path in releases if path.name == version]
    if not releases:
        raise CallgateError(
            f"no kernel tables{f' of {version}' if version else ''}",
            where=str(root),
            hint="callgate headers import --kernel-source DIR",
        )
    folder = releases[-1]
    tables, prototypes = {}, ()
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        if "calls" in data:
            tables[data["table"]] = tuple(tuple(row) for row in data["calls"])
        elif "prototypes" in data:
            prototypes = tuple(tuple(row) for row in data["prototypes"])
    hand = root / "prototypes.toml"
    by_hand = tomllib.loads(hand.read_text(encoding="utf-8")) if hand.is_file() else {}
    return KernelFacts(folder.name, folder, tables, prototypes, by_hand)


def check_kernel(facts: KernelFacts, targets: Sequence[Target]) -> list[str]:
    """Return what is wrong with the committed tables, for every architecture's table.

    Numbers that two calls of one table and ABI share, calls of the targets without a prototype or
    with unnamed arguments, and rows of prototypes.toml that nothing needs.
    """
    problems = []
    for table, rows in sorted(facts.tables.items()):
        seen: dict[tuple[int, str], str] = {}
        for number, abi, name, _, _ in rows:
            if (number, abi) in seen:
                problems.append(f"{table}: {seen[number, abi]} and {name} ({abi}) are both {number}")
            seen[number, abi] = name
    for target in targets:
        for call in facts.syscalls(target.syscall_table, target.syscall_abis):
            if call.reason == "no prototype":
                problems.append(
                    f"{target.name}: {call.name} has no prototype: add {call.entry} to prototypes.toml"
                )
            problems += [
                f"{target.name}: {call.name} has an unnamed argument: name it in prototypes.toml"
                for item in call.arguments
                if item.name.startswith(NAMELESS)
            ]
    entries = {row[3] for rows in facts.tables.values() for row in rows}
    names = {f"{_arch(table)}:{row[2]}" for table, rows in facts.tables.items() for row in rows}
    for key in facts.by_hand.get("prototypes", {}):
        if key not in entries and key not in names:
            problems.append(f"prototypes.toml: no table has {key!r}: remove the row")
    for key in facts.by_hand.get("names", {}):
        if key.partition(":")[0] not in facts.prototypes:
            problems.append(f"prototypes.toml: no header declares {key!r}: remove the row")
    return problems


def _arch(table: str) -> str:
    return table.split("/")[1] if table.startswith("arch/") else "generic"
