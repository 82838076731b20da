"""The declared tables that the Lua library reads itself: groups, friendly types, operations."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from callgate.emit.environment import render
from callgate.errors import CallgateError
from callgate.spec.model import SCALARS
from callgate.spec.operation import NAMED, OF_MAPS, TYPED, read_operation
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from callgate.emit.facts import Facts
    from callgate.spec.model import Spec

RESULTS = {"fd", "number", "boolean"}


def emit_tables(every: Sequence[Facts], spec: Spec) -> dict[str, str]:
    """Return groups.lua, types/index.lua, types/names.lua and operations/<call>.lua.

    What a row names must be there on one of the targets at least. Raises CallgateError for one that
    no target has.
    """
    return {
        "groups.lua": emit_groups(every, spec),
        "types/index.lua": emit_types(every, spec),
        "types/names.lua": emit_names(spec),
        **emit_operations(every, spec),
    }


def emit_groups(every: Sequence[Facts], spec: Spec) -> str:
    """Return groups.lua: each group's headers, as the index names them.

    A header is a shell pattern ("asm*/fcntl.h"), since architectures and C libraries differ in
    where a name stands; one that matches no header is passed over. Raises CallgateError when a
    group is left without names.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for facts in every:
        for place, sections in facts.modules.items():
            found["/".join(place)].update(sections.get("constants", ()))
    valueless = set().union(*(facts.valueless for facts in every))
    constants = set().union(*(facts.tokens for facts in every))
    rows: list[dict[str, Any]] = []
    for name, row in sorted(spec.groups.items()):
        headers = [
            header
            for header in sorted(found)
            if any(fnmatchcase(header.partition("/")[2], item) for item in row.get("in", ()))
            and any(item.startswith(row["prefix"]) for item in found[header])
        ]
        where = f"spec/groups.toml: [{name}]"
        if row.get("in") and not headers:
            raise CallgateError(
                f"no header like {' or '.join(row['in'])} has a constant {row['prefix']}*",
                where=where,
            )
        known = set().union(*(found[header] for header in headers), valueless)
        # What is left out may stand in these headers on other targets only: mips' SIG_BLOCK.
        for items, there in ((row.get("except", ()), known | constants), (_targets(row), known)):
            for item in items:
                if item not in there:
                    hint = suggest(item, known) or None
                    what = f"no constant {item!r} in the group"
                    raise CallgateError(what, where=where, hint=hint)
        rows.append({"name": name, "headers": headers, **row})
    return render("groups.lua.j2", rows=rows)


def _targets(row: Mapping[str, Any]) -> list[str]:
    """Return the full names that a group's aliases stand for."""
    return [f"{row['prefix']}{name}" for name in row.get("aliases", {}).values()]


def emit_types(every: Sequence[Facts], spec: Spec) -> str:
    """Return types/index.lua; raises CallgateError when a row names a record that is not there."""
    records = _records(every)
    for name, row in spec.types.items():
        record = row.get("record")
        if record is not None and record not in records:
            hint = suggest(record, records) or None
            where = f"spec/types.toml: [{name}]"
            raise CallgateError(f"no record {record!r}", where=where, hint=hint)
    return render("types_index.lua.j2", rows=sorted(spec.types.items()))


def emit_names(spec: Spec) -> str:
    """Return types/names.lua: the friendly name of each record that has one beside its tag."""
    names: dict[str, str] = {}
    for name, row in sorted(spec.types.items()):
        for record in (row.get("record"), row.get("instead", {}).get("record")):
            if record is not None and record.partition(" ")[2] != name:
                names.setdefault(record, name)
    return render("types_names.lua.j2", rows=sorted(names.items()))


def emit_operations(every: Sequence[Facts], spec: Spec) -> dict[str, str]:
    """Return operations/<call>.lua: how each operation of a multiplexer is typed.

    Raises CallgateError when an operation is no constant, or its type is not known.
    """
    constants = set().union(*(facts.tokens for facts in every))
    records = _records(every)
    files = {}
    for call, rows in sorted(spec.operations.items()):
        for name, text in rows.items():
            where = f"spec/operations: [{call}] {name}"
            if name not in constants:
                hint = suggest(name, constants) or None
                raise CallgateError(f"no constant {name!r}", where=where, hint=hint)
            _check_operation(text, records, spec, where)
        files[f"operations/{call}.lua"] = render(
            "operations.lua.j2", call=call, rows=sorted(rows.items())
        )
    return files


def _records(every: Sequence[Facts]) -> set[str]:
    """Return the records of all targets under C's names."""
    return set().union(*(facts.sizes for facts in every))


def _check_operation(text: str, records: Collection[str], spec: Spec, where: str) -> None:
    found = read_operation(text)
    if found is None:
        raise CallgateError(
            f"cannot read {text!r}",
            where=where,
            hint='write "in TYPE", "out TYPE", "both TYPE", "value", "flags GROUP" or "none", '
            '", " between several, "-> fd" or "-> number" where it returns more than true',
        )
    for part in found.parts:
        word = part.word or ""
        if part.how in TYPED:
            known = {*SCALARS, *OF_MAPS, *spec.types}
            if word not in known and not {f"struct {word}", f"union {word}"} & set(records):
                raise CallgateError(
                    f"no type {word!r}", where=where, hint=suggest(word, known) or None
                )
        elif part.how in NAMED and word not in spec.groups:
            raise CallgateError(
                f"no group {word!r}", where=where, hint=suggest(word, spec.groups) or None
            )
    result = found.result
    if result is not None and result not in RESULTS:
        hint = suggest(result, RESULTS) or f"one of {', '.join(sorted(RESULTS))}"
        raise CallgateError(f"unknown result {result!r}", where=where, hint=hint)
