"""The committed kernel tables: system calls of every architecture with their prototypes.

headers/kernel/VERSION/ is what an import extracted (kernel_import.py); headers/kernel/*.toml is
what no kernel header says, written by hand. kernel_check.py tells whether the two fit.
"""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callgate.errors import CallgateError
from callgate.headers.kernel_import import PLACEHOLDERS, PROTOTYPES, PROVENANCE, RECORDED, Row
from callgate.headers.kernel_prototypes import EntryPoint, holds, read_declaration
from callgate.model import Argument, Location, Syscall

UNIT = "kernel"
UNNAMED = "unnamed"  # + position: an argument that neither header nor hand table names
NO_PROTOTYPE = "no prototype"  # the reason of a call that neither header nor hand row declares
ARCHITECTURES = "architectures.toml"
BY_HAND = "prototypes.toml"
_IMPORT = "run `callgate headers import --kernel-source DIR`"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A row of headers/kernel/architectures.toml: one kind of program, and the calls it has."""

    name: str  # ex) "mips_o32"
    table: str  # ex) "arch/mips/kernel/syscalls/syscall_o32.tbl"
    abis: frozenset[str]  # the table's ABI columns: ex) {"common", "64"}
    folder: str  # ex) "mips", under arch/: its headers and hand rows go before the common ones
    config: frozenset[str]  # what its kernels define of the symbols that choose a prototype


@dataclass(frozen=True, slots=True)
class Table:
    """A system call table as imported."""

    name: str
    bases: Mapping[str, int]  # added to the numbers of an ABI column: ex) {"o32": 4000}
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class HandRow:
    """A row of headers/kernel/prototypes.toml: a prototype that no kernel header gives."""

    key: str  # an entry point, or FOLDER:NAME for one architecture's call
    returns: str
    arguments: tuple[tuple[str | None, str], ...]  # name, C type
    reason: str
    source: str  # ex) "arch/x86/kernel/ldt.c"
    line: int  # of the row


@dataclass(frozen=True)
class KernelFacts:
    """One kernel release's tables and prototypes, and the hand rows that complete them."""

    version: str  # ex) "7.2.13"
    folder: Path  # ex) headers/kernel/7.2.13
    provenance: Mapping[str, Any]  # "kernel", "origin", hashes of what was read and written
    architectures: Mapping[str, Architecture]
    left_out: Mapping[str, frozenset[str]]  # table -> ABI columns that no architecture takes
    tables: Mapping[str, Table]
    prototypes: Mapping[str, tuple[EntryPoint, ...]]  # by entry point, as the headers declare it
    hand: Mapping[str, HandRow]
    names: Mapping[str, tuple[str, ...]]  # of arguments, by ENTRY or ENTRY:CONDITION

    def syscalls(self, table: str, abis: Sequence[str]) -> tuple[Syscall, ...]:
        """Return the calls that ``table`` gives to programs with these ABI columns, by number.

        Calls without an implementation have no entry, and the reason. Raises CallgateError when no
        architecture takes these columns of the table.
        """
        for architecture in self.architectures.values():
            if architecture.table == table and architecture.abis == set(abis):
                return self.calls(architecture)
        near = [item for item in self.architectures.values() if item.table == table]
        takes = "; ".join(f"{item.name} takes {', '.join(sorted(item.abis))}" for item in near)
        raise CallgateError(
            f"no architecture takes {', '.join(abis)} of {table}",
            where=str(self.folder.parent / ARCHITECTURES),
            hint=takes or f"the tables are {', '.join(sorted(self.tables))}",
        )

    def calls(self, architecture: Architecture) -> tuple[Syscall, ...]:
        """Return the calls of an architecture, by number."""
        table = self.tables[architecture.table]
        base = sum(number for abi, number in table.bases.items() if abi in architecture.abis)
        rows = (row for row in table.rows if row.abi in architecture.abis)
        calls = (self._call(architecture, row, base) for row in rows)
        return tuple(sorted(calls, key=lambda call: (call.number, call.name)))

    def hand_row(self, architecture: Architecture, row: Row) -> HandRow | None:
        """Return the hand row of an implemented call, if one is to be used.

        FOLDER:NAME goes before the architecture's own headers, and these before ENTRY.
        """
        if row.entry is None or row.entry in PLACEHOLDERS:
            return None
        own = self.hand.get(f"{architecture.folder}:{row.name}")
        if own or self._own(architecture, row.entry):
            return own
        return self.hand.get(row.entry)

    def declared(self, architecture: Architecture, entry: str) -> tuple[EntryPoint, ...]:
        """Return what the architecture's kernel declares for an entry point: at most one, if right.

        The architecture's own headers go before the common ones; where a header has several
        declarations, their #if conditions choose.
        """
        common = (x for x in self.prototypes.get(entry, ()) if not x.header.startswith("arch/"))
        found = self._own(architecture, entry) or tuple(common)
        if len(found) < 2:  # noqa: PLR2004 - nothing to choose
            return found
        return tuple(
            x for x in found if all(holds(part, architecture.config) for part in x.conditions)
        )

    def _own(self, architecture: Architecture, entry: str) -> tuple[EntryPoint, ...]:
        folder = f"arch/{architecture.folder}/"
        return tuple(x for x in self.prototypes.get(entry, ()) if x.header.startswith(folder))

    def _call(self, architecture: Architecture, row: Row, base: int) -> Syscall:
        number = row.number + base
        if row.entry is None or row.entry in PLACEHOLDERS:
            where = Location(UNIT, architecture.table, row.line)
            return Syscall(row.name, number, None, "long", (), where, "not implemented")
        hand = self.hand_row(architecture, row)
        if hand is not None:
            where = Location(UNIT, f"headers/kernel/{BY_HAND}", hand.line)
            arguments = _named(hand.arguments, ())
            reason = f"{hand.reason} ({hand.source})"
            return Syscall(row.name, number, row.entry, hand.returns, arguments, where, reason)
        declared = self.declared(architecture, row.entry)
        if len(declared) != 1:
            where = Location(UNIT, architecture.table, row.line)
            return Syscall(row.name, number, row.entry, "long", (), where, NO_PROTOTYPE)
        found = declared[0]
        names = self.names.get(names_key(found)) or self.names.get(found.name, ())
        where = Location(UNIT, found.header, found.line)
        arguments = _named(found.arguments, names)
        return Syscall(row.name, number, row.entry, found.returns, arguments, where)


def names_key(found: EntryPoint) -> str:
    """Return ``ENTRY:CONDITION``, which names one of several declarations in the hand table."""
    return f"{found.name}:{found.conditions[-1]}" if found.conditions else found.name


def load_kernel(headers: Path, version: str | None = None) -> KernelFacts:
    """Load the newest (or the named) release under ``headers/kernel``.

    Raises CallgateError, naming the file, when there is none or a file of it cannot be read.
    """
    root = headers / "kernel"
    releases = {path.parent.name: path.parent for path in root.glob(f"*/{PROVENANCE}")}
    wanted = version or max(releases, key=_order, default=None)
    if wanted not in releases:
        known = f"there are {', '.join(sorted(releases, key=_order))}" if releases else _IMPORT
        message = f"no kernel tables{f' of Linux {version}' if version else ''}"
        raise CallgateError(message, where=str(root), hint=known)
    folder = releases[wanted]
    tables: dict[str, Table] = {}
    prototypes: dict[str, tuple[EntryPoint, ...]] = {}
    for path in sorted(folder.glob("*-*.json")):
        with _explained(path):
            data = json.loads(path.read_text(encoding="utf-8"))
            rows = tuple(Row(*row) for row in data["calls"])
            tables[data["table"]] = Table(data["table"], data["bases"], rows)
    with _explained(folder / PROTOTYPES):
        for row in json.loads((folder / PROTOTYPES).read_text(encoding="utf-8"))["prototypes"]:
            item = _entry_point(row)
            prototypes[item.name] = (*prototypes.get(item.name, ()), item)
    with _explained(folder / PROVENANCE):
        data = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        provenance = {key: data[key] for key in RECORDED}
    with _explained(root / ARCHITECTURES):
        data = tomllib.loads((root / ARCHITECTURES).read_text(encoding="utf-8"))
        architectures = {
            name: _architecture(name, row) for name, row in data["architectures"].items()
        }
        left_out = {row["table"]: frozenset(row["abis"]) for row in data["left_out"]}
    with _explained(root / BY_HAND):
        text = (root / BY_HAND).read_text(encoding="utf-8")
        data = tomllib.loads(text)
        hand = _by_key(row for item in data["calls"] for row in _hand_rows(text, item))
        names = {key: tuple(value) for key, value in data["names"].items()}
    return KernelFacts(
        wanted, folder, provenance, architectures, left_out, tables, prototypes, hand, names
    )


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what a damaged file of the committed data raises into a CallgateError."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise CallgateError(f"cannot read it: {detail}", where=str(path)) from error


def _order(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _named(
    arguments: Sequence[tuple[str | None, str]], names: Sequence[str]
) -> tuple[Argument, ...]:
    """Return the arguments with the names of their declaration, else of the hand table."""
    given = (*names, *(f"{UNNAMED}{index}" for index in range(len(names) + 1, len(arguments) + 1)))
    return tuple(
        Argument(name or other, kind) for (name, kind), other in zip(arguments, given, strict=False)
    )


def _entry_point(row: Sequence[Any]) -> EntryPoint:
    name, returns, arguments, header, line, conditions = row
    pairs = tuple((given, kind) for given, kind in arguments)
    return EntryPoint(name, returns, pairs, header, line, tuple(conditions))


def _architecture(name: str, row: Mapping[str, Any]) -> Architecture:
    config = frozenset(row.get("config", ()))
    return Architecture(name, row["table"], frozenset(row["abis"]), row["folder"], config)


def _by_key(rows: Iterable[HandRow]) -> dict[str, HandRow]:
    out: dict[str, HandRow] = {}
    for row in rows:
        if row.key in out:
            message = f"{row.key} has a row already, in line {out[row.key].line}"
            raise CallgateError(message, where=f"{BY_HAND}:{row.line}")
        out[row.key] = row
    return out


def _hand_rows(text: str, item: Mapping[str, Any]) -> Iterator[HandRow]:
    folder = item.get("folder")
    for declaration in item["prototypes"]:
        line = text.count("\n", 0, text.index(f'"{declaration}"')) + 1
        name, returns, arguments = read_declaration(declaration, f"{BY_HAND}:{line}")
        key = f"{folder}:{name}" if folder else name
        yield HandRow(key, returns, arguments, item["reason"], item["source"], line)
