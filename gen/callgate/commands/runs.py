"""``callgate verify --run``: the library on the machines of headers/runs.toml."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from callgate import files, paths
from callgate.emit.names import library_unit
from callgate.errors import CallgateError
from callgate.machines.prepare import prepare
from callgate.machines.table import choose_runs, load_runs
from callgate.pipeline import load_abi, open_tree
from callgate.targets import DEFAULT_TARGET, load_targets
from callgate.verify.exclusions import load_exclusions
from callgate.verify.gaps import load_gaps
from callgate.verify.running import FAILED, LACKING, PASSED, Proof, account, spec_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from callgate.machines.model import Run
    from callgate.model import Abi
    from callgate.report import Reporter
    from callgate.targets import Target
    from callgate.verify.running import Account

SHOWN = 60  # lines of one run that are printed; --json has them all
EXPLAINED = 6  # of these, lines of one failed test after its name


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Run the chosen rows one after the other; 0 only if one ran and none failed.

    With ``--strict`` a row that cannot run here is a failure, too.
    """
    library = paths.output_dir()
    if not (library / files.LIBRARY_ENTRY).is_file():
        raise CallgateError(
            "there is no library here", where=str(library), hint="run `callgate generate` first"
        )
    headers = paths.data_dir("headers")
    targets = load_targets(headers / "targets.toml")
    chosen = _chosen(options, load_runs(headers / "runs.toml", targets))
    proof = Proof(
        library,
        spec_folder(),
        load_gaps(headers / "gaps.toml"),
        load_exclusions(headers / "exclusions.toml"),
    )
    found = []
    for row in chosen:
        target = targets[row.target]

        def model(own: Target = target) -> Abi:
            kernel = kernel_target(own, targets)
            abis = [
                load_abi(
                    item,
                    open_tree(item, headers, paths.cache_dir()),
                    report,
                    jobs=options.jobs or 1,
                ).abi
                for item in dict.fromkeys((kernel, own))
            ]
            return joined(*abis) if len(abis) > 1 else abis[0]

        outcome = account(row, proof, prepare, report, target=target.name, model=model)
        _print(outcome, report)
        found.append(outcome)
    if report.json:
        report.data([outcome.data() for outcome in found])
    else:
        _table(found, report)
        for outcome in found:
            if outcome.state != PASSED and len(found) > 1:
                _print(outcome, report)  # again: the tables of many runs are long
    return status(found, strict=options.strict)


def status(found: Sequence[Account], *, strict: bool) -> int:
    """Return the exit status: 1 for a failure, for nothing that ran, and for a lack if strict."""
    states = {outcome.state for outcome in found}
    if FAILED in states or (strict and LACKING in states):
        return 1
    return 0 if PASSED in states or not found else 1


def kernel_target(own: Target, targets: Mapping[str, Target]) -> Target:
    """Return the target whose kernel headers the library has on ``own``'s machines."""
    if own.in_library:
        return own
    for target in targets.values():
        if target.in_library and target.luajit_arch == own.luajit_arch:
            return target
    raise CallgateError("no target of the library has its architecture", where=own.name)


def joined(kernel: Abi, libc: Abi) -> Abi:
    """Return a model of the kernel's headers of the one, and the C library's of the other."""

    def parts(name: str) -> tuple[Any, ...]:
        return tuple(
            item
            for abi, unit in ((kernel, "uapi"), (libc, "libc"))
            for item in getattr(abi, name)
            if library_unit(item.location.unit) == unit
        )

    names = ("constants", "records", "enumerations", "typedefs", "prototypes", "macros")
    found: dict[str, Any] = {name: parts(name) for name in names}
    return replace(kernel, target=libc.target, **found)


def _chosen(options: argparse.Namespace, runs: dict[str, Run]) -> list[Run]:
    """Return the rows that are meant; by default those that this machine's processor runs."""
    names, tier = options.targets, options.tier
    if not names and not options.all and tier is None:
        names, tier = [DEFAULT_TARGET], "native"
    chosen = choose_runs(runs, names, tier=tier)
    index, count = options.shard or (1, 1)
    return chosen[index - 1 :: count]


def _print(outcome: Account, report: Reporter) -> None:
    name, specs = outcome.run.name, outcome.specs
    lines = [f"{name}: {line}" for line in outcome.problems]
    if outcome.state == LACKING:
        lines = [f"{name}: cannot run here, for want of: {'; '.join(outcome.problems)}"]
        lines += [f"  {outcome.hint}"] if outcome.hint else []
    for text in specs.failed:
        first, *more = text.splitlines()
        lines += [f"{name}: failed: {first}", *(f"    {line}" for line in more[:EXPLAINED])]
    reasons = Counter(reason for _, reason in specs.skipped)
    lines += [f"{name}: {n} skipped: {reason}" for reason, n in sorted(reasons.items())]
    for line in lines[:SHOWN]:
        report.result(line)
    if len(lines) > SHOWN:
        report.result(f"{name}: and {len(lines) - SHOWN:,} more lines; --json lists them all")


def _table(found: Sequence[Account], report: Reporter) -> None:
    header = ("run", "LuaJIT", "facts", "tests", "gaps", "skipped", "wrong", "time")
    rows = []
    for one in found:
        specs = one.specs
        version = one.luajit.removeprefix("LuaJIT ")
        wrong = len(specs.failed) + len(one.problems)
        numbers = (one.checked, specs.passed, len(specs.declared), len(specs.skipped), wrong)
        cells = tuple(f"{number:,}" for number in numbers)
        if not one.run.facts:
            cells = ("-", *cells[1:])  # another run of the target asks for them
        if one.state == LACKING:
            version, cells = "cannot run here", ("",) * len(numbers)
        elif version and not one.compiles:
            version += " no JIT"
        rows.append((one.run.name, version, *cells, f"{one.seconds:.0f} s"))
    report.print_table(header, rows, stream=sys.stdout)
    count = {state: sum(one.state == state for one in found) for state in (PASSED, FAILED, LACKING)}
    facts = sum(one.checked for one in found if one.state == PASSED)
    tests = sum(one.specs.passed for one in found if one.state == PASSED)
    report.result(
        f"{count[PASSED]} of {len(found)} runs passed ({facts:,} facts, {tests:,} tests), "
        f"{count[FAILED]} failed, {count[LACKING]} cannot run here"
    )
