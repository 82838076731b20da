"""Whether the committed kernel tables and the hand rows fit together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.headers.kernel import (
    ARCHITECTURES,
    BY_HAND,
    NO_PROTOTYPE,
    UNNAMED,
    Architecture,
    HandRow,
    KernelFacts,
    Table,
    names_key,
)
from callgate.headers.kernel_import import PROVENANCE

if TYPE_CHECKING:
    from callgate.headers.kernel_prototypes import EntryPoint
    from callgate.targets import Target

_GENERIC = "scripts/syscall.tbl"
_MAX_ARGUMENTS = 6  # a system call's arguments are registers: man 2 syscall
_INDIRECT = {"mips_o32": "syscall"}  # takes a number before the six


@dataclass(frozen=True, slots=True)
class Coverage:
    """One architecture's calls, counted by where their prototypes come from."""

    architecture: str
    rows: int
    implemented: int
    declared: int  # by a kernel header
    by_hand: int
    unknown: int  # implemented, without a prototype


def check_kernel(facts: KernelFacts, targets: Sequence[Target] = ()) -> list[str]:
    """Return what is wrong with the committed tables, a sentence each; nothing when all is well.

    Files that are not what the import wrote, numbers that two calls share, ABI columns that are not
    the kernel's, calls without a prototype or with unnamed arguments,
    hand rows that no call uses, and targets whose row of targets.toml is no architecture.
    """
    return [
        *_files(facts),
        *(problem for table in facts.tables.values() for problem in _numbers(table)),
        *_columns(facts),
        *(problem for each in facts.architectures.values() for problem in _calls(facts, each)),
        *_hand_rows(facts),
        *_names(facts),
        *_targets(facts, targets),
    ]


def coverage(facts: KernelFacts) -> list[Coverage]:
    """Return the counts of every architecture."""
    out = []
    for architecture in facts.architectures.values():
        calls = facts.calls(architecture)
        here = [call for call in calls if call.entry]
        by_hand = sum(call.location.header.endswith(BY_HAND) for call in here)
        unknown = sum(call.reason == NO_PROTOTYPE for call in here)
        declared = len(here) - by_hand - unknown
        out.append(Coverage(architecture.name, len(calls), len(here), declared, by_hand, unknown))
    return out


def _files(facts: KernelFacts) -> Iterator[str]:
    recorded = facts.provenance["data"]
    present = {path.name for path in facts.folder.iterdir() if path.name != PROVENANCE}
    for name in sorted(present - set(recorded)):
        yield f"{facts.folder / name}: {PROVENANCE} does not list it: import again"
    for name, digest in sorted(recorded.items()):
        path = facts.folder / name
        if not path.is_file():
            yield f"{path}: it is missing: import again"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"{path}: it is not what the import wrote: import again"


def _numbers(table: Table) -> Iterator[str]:
    seen: dict[tuple[int, str], str] = {}
    for row in table.rows:
        key = (row.number, row.abi)
        if key in seen:
            yield f"{table.name}:{row.line}: {row.name} has the number of {seen[key]}, {row.number}"
        seen[key] = row.name


def _columns(facts: KernelFacts) -> Iterator[str]:
    """Check that every row of every table belongs to an architecture or is left out knowingly."""
    taken = {(table, abi) for table, abis in facts.left_out.items() for abi in abis}
    rows = {(table.name, row.abi) for table in facts.tables.values() for row in table.rows}
    for table, abi in sorted(taken - rows):
        yield f"{ARCHITECTURES}: {table} has no rows of the ABI {abi} to leave out"
    for each in facts.architectures.values():
        taken |= {(each.table, abi) for abi in each.abis}
        if each.table == _GENERIC:
            says = facts.provenance["generic_abis"].get(each.folder, {}).values()
            if each.abis not in [frozenset(abis.split(",")) for abis in says]:
                known = " or ".join(says) or "nothing of it"
                yield f"{ARCHITECTURES}: {each.name}: the kernel's makefiles say {known}"
    for table, abi in sorted(rows - taken):
        yield f"{ARCHITECTURES}: no architecture takes the rows of the ABI {abi} of {table}"


def _calls(facts: KernelFacts, architecture: Architecture) -> Iterator[str]:
    if architecture.table not in facts.tables:
        yield f"{ARCHITECTURES}: {architecture.name}: there is no table {architecture.table}"
        return
    numbers: dict[int, str] = {}
    names: set[str] = set()
    for call in facts.calls(architecture):
        where = f"{architecture.name}: {call.name} ({call.entry})"
        other = numbers.setdefault(call.number, call.name)
        if other != call.name:
            yield f"{where}: {other} has the same number, {call.number}"
        if call.name in names:
            yield f"{where}: two rows have this name"
        names.add(call.name)
        if call.entry is None:
            continue
        if call.reason == NO_PROTOTYPE:
            several = len(facts.prototypes.get(call.entry, ())) > 1
            why = "its #if conditions choose none, or several" if several else NO_PROTOTYPE
            yield f"{where}: {why}: add a row to {BY_HAND}"
        given = {item.name for item in call.arguments}
        if any(name.startswith(UNNAMED) for name in given):
            yield f"{where}: the header does not name its arguments: add names to {BY_HAND}"
        if len(given) != len(call.arguments):
            yield f"{where}: two arguments have one name"
        indirect = _INDIRECT.get(architecture.name) == call.name
        if len(call.arguments) > _MAX_ARGUMENTS + indirect:
            yield f"{where}: {len(call.arguments)} arguments, more than {_MAX_ARGUMENTS}"


def _hand_rows(facts: KernelFacts) -> Iterator[str]:
    used = set()
    needed = set()
    for architecture in facts.architectures.values():
        table = facts.tables.get(architecture.table)
        for call in table.rows if table else ():
            row = facts.hand_row(architecture, call)
            if call.abi in architecture.abis and row is not None:
                used.add(row.key)
                declared = facts.declared(architecture, call.entry or "")
                if len(declared) != 1 or not _says(declared[0], row):
                    needed.add(row.key)
    for key, row in facts.hand.items():
        where = f"{BY_HAND}:{row.line}: {key}"
        if key not in used:
            yield f"{where}: no call uses the row: remove it"
        elif key not in needed:
            yield f"{where}: a header declares it so: remove the row"
        if not row.reason or not row.source:
            yield f"{where}: the row needs a reason and a source"


def _says(found: EntryPoint, row: HandRow) -> bool:
    """Tell whether a header's declaration makes the hand row superfluous."""
    types = [kind for _, kind in found.arguments] == [kind for _, kind in row.arguments]
    return types and all(name is not None for name, _ in found.arguments)


def _names(facts: KernelFacts) -> Iterator[str]:
    nameless = {
        key: found
        for declarations in facts.prototypes.values()
        for found in declarations
        if any(name is None for name, _ in found.arguments)
        for key in (found.name, names_key(found))
    }
    for key, names in facts.names.items():
        where = f"{BY_HAND}: [names] {key}"
        found = nameless.get(key)
        if found is None:
            yield f"{where}: no header declares it without names: remove the row"
        elif len(names) != len(found.arguments):
            yield f"{where}: {len(names)} names for {len(found.arguments)} arguments"
        else:
            for (given, _), name in zip(found.arguments, names, strict=True):
                if given not in {None, name}:
                    yield f"{where}: the header calls {name} {given}"


def _targets(facts: KernelFacts, targets: Sequence[Target]) -> Iterator[str]:
    for target in targets:
        if target.os != "linux":
            continue
        try:
            facts.syscalls(target.syscall_table, target.syscall_abis)
        except CallgateError as error:
            yield f"{target.name}: {error.what}: {error.hint}"
