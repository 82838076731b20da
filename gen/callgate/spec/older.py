"""Tables for one target: rows that name what it lacks are left out, and said.

The tables are written for the newest kernel and all machines; a sysroot may hold an older one's
headers, and a single machine lacks calls that others have. There a missing constant, record or call
is a fact, not a mistake in a row.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from callgate.emit.machine import Machine
from callgate.spec.model import SCALARS
from callgate.spec.operation import OF_MAPS, TYPED, read_operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callgate.model import Abi
    from callgate.spec.model import CallSpec, Spec
    from callgate.targets import Target


def without_missing(spec: Spec, abi: Abi, target: Target) -> tuple[Spec, list[str]]:
    """Return the tables without what ``abi`` lacks, and the names of the rows left out, sorted.

    ``abi`` is the model of ``target``.
    """
    machine = Machine(target.luajit_arch, abi, spec, target)
    types = {
        name: row
        for name, row in spec.types.items()
        if row.get("record") is None or row["record"] in abi.record
    }
    gone = spec.types.keys() - types.keys()
    calls = tuple(call for call in spec.calls if not _uses(call, gone) and machine.best(call.call))
    operations = {
        call: {
            name: text
            for name, text in rows.items()
            if name in abi.constant and not _names_missing(text, types, abi)
        }
        for call, rows in spec.operations.items()
    }
    valueless = {item.name for item in abi.unevaluated}
    groups = {name: _group(row, abi, valueless) for name, row in spec.groups.items()}
    left_out = [f"type {name}" for name in gone]
    left_out += [f"call {call.name}" for call in spec.calls if call not in calls]
    left_out += [
        f"group {name}"
        for name, row in groups.items()
        if row | {"except": ()} != {**spec.groups[name], "except": ()}
    ]
    left_out += [
        f"operation {name}"
        for call, rows in spec.operations.items()
        for name in rows
        if name not in operations[call]
    ]
    kept = replace(spec, calls=calls, types=types, operations=operations, groups=groups)
    return kept, sorted(left_out)


def _uses(call: CallSpec, types: set[str]) -> bool:
    return any(argument.extra in types for argument in call.args)


def _names_missing(text: str, types: Mapping[str, object], abi: Abi) -> bool:
    """Tell whether an operation's type ("in winsize") is a record that is not there."""
    found = read_operation(text)
    for part in found.parts if found else ():
        word = part.word
        if part.how not in TYPED or word in SCALARS or word in OF_MAPS or word in types:
            continue
        if not {f"struct {word}", f"union {word}"} & abi.record.keys():
            return True
    return False


def _group(row: Mapping[str, Any], abi: Abi, valueless: set[str]) -> dict[str, Any]:
    """Return the group with only the names that the headers have; perhaps with none."""
    known = {
        item.name
        for item in abi.constants
        if item.name.startswith(row["prefix"])
        and any(fnmatchcase(item.location.header, pattern) for pattern in row.get("in", ()))
    }
    out = dict(row)
    if row.get("in") and not known:
        return {"prefix": row["prefix"], "in": [], "names": row.get("names", {})}
    known |= valueless
    if "except" in row:
        out["except"] = [name for name in row["except"] if name in known]
    if "aliases" in row:
        out["aliases"] = {
            short: name for short, name in row["aliases"].items() if row["prefix"] + name in known
        }
    return out
