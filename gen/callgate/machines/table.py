"""The table of runs: headers/runs.toml as frozen values."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError
from callgate.machines.model import TIERS, Run
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

LUAJITS = ("package", "built", "lupa")
MODES = ("on", "off")  # of LuaJIT's compiler

_SHAPES: dict[str, type] = {"str": str, "int": int, "bool": bool, "tuple[str, ...]": list}


def load_runs(path: Path, targets: Collection[str] | None = None) -> dict[str, Run]:
    """Read the table of runs, whose targets must be among ``targets`` unless that is None.

    Raises CallgateError, naming the row and the key, on an unknown, missing or mistyped one.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        message = f"cannot read the table of runs: {error}"
        raise CallgateError(message, where=str(path)) from error
    runs = {}
    for name, row in table.get("runs", {}).items():
        where = f"{path}: [runs.{name}]"
        runs[name] = run = _build({**row, "name": name}, where)
        _check(run, where)
        if targets is not None and run.target not in targets:
            hint = suggest(run.target, list(targets)) or "headers/targets.toml has the targets"
            raise CallgateError(f"unknown target {run.target!r}", where=where, hint=hint)
    return runs


def choose_runs(
    runs: dict[str, Run], names: Sequence[str], *, tier: str | None = None
) -> list[Run]:
    """Return the runs called, or of the targets called, ``names`` (all if there are none).

    Of these only those of ``tier``, if given. Raises CallgateError with the nearest names.
    """
    targets = {run.target for run in runs.values()}
    for name in names:
        if name not in runs and name not in targets:
            hint = suggest(name, [*runs, *targets]) or "`callgate targets` lists them"
            raise CallgateError(f"there is no run of {name!r}", where="--run", hint=hint)
    return [
        run
        for run in runs.values()
        if (not names or run.name in names or run.target in names) and tier in (None, run.tier)
    ]


def _build(row: dict[str, Any], where: str) -> Run:
    known = {item.name: str(item.type) for item in fields(Run)}
    needed = [item.name for item in fields(Run) if item.default is MISSING]
    parts = [f"unknown key {key!r}" for key in sorted(set(row) - set(known))]
    parts += [f"no {key!r}" for key in needed if key not in row]
    if parts:
        raise CallgateError(", ".join(parts), where=where, hint=f"keys: {', '.join(known)}")
    for key, value in row.items():
        if not isinstance(value, _SHAPES[known[key]]):
            raise CallgateError(f"{key}: expected {known[key]}, not {value!r}", where=where)
    values: dict[str, Any] = {}
    for key, value in row.items():
        values[key] = tuple(value) if isinstance(value, list) else value
    return Run(**values)


def _check(run: Run, where: str) -> None:
    for key, value, known in (("tier", run.tier, TIERS), ("luajit", run.luajit, LUAJITS)):
        if value not in known:
            raise CallgateError(f"{key}: {value!r} is not one of {', '.join(known)}", where=where)
    wrong = [
        (run.tier != "native" and not run.qemu, f"tier {run.tier!r} needs 'qemu'"),
        (run.tier == "native" and run.qemu, "tier 'native' runs without 'qemu'"),
        (run.tier == "system" and not run.kernel, "tier 'system' needs 'kernel'"),
        (run.luajit == "package" and not run.packages, "luajit 'package' needs 'packages'"),
        (run.luajit != "lupa" and not run.suite, "no 'suite' to take packages from"),
        (
            not run.jit or not {*run.jit} <= {*MODES} or len({*run.jit}) < len(run.jit),
            f"jit: expected {' and '.join(map(repr, MODES))} or one of them, not {[*run.jit]}",
        ),
        (run.seconds <= 0, f"seconds: expected more than 0, not {run.seconds}"),
    ]
    for found, message in wrong:
        if found:
            raise CallgateError(message, where=where)
