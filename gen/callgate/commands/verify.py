"""``callgate verify``: the model and the library against what compilers and LuaJIT say.

With ``--run`` the library is put to use on each machine of the target: commands/runs.py.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from callgate import files, paths
from callgate.commands import runs
from callgate.commands.common import chosen_targets, parsed
from callgate.errors import CallgateError
from callgate.machines.model import Lacking
from callgate.pipeline import load_abis, open_tree
from callgate.verify import report as view
from callgate.verify.everything import Task, verify_all
from callgate.verify.run import verify_library

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from callgate.headers.trees import HeaderTree
    from callgate.report import Reporter
    from callgate.targets import Target
    from callgate.verify.verification import Verification

KERNELS = {"linux": "Linux", "netbsd": "NetBSD", "freebsd": "FreeBSD"}
CTEST = 12_400  # checks of libc's test suite for one target
SHOWN = 200  # problems that are printed; --json has them all


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Ask all witnesses afresh; 0 only if nothing is disagreed upon and no exclusion is unused."""
    if options.run:
        return runs.run(options, report)
    for option in ("tier", "strict"):
        if getattr(options, option) and not (option == "strict" and options.all):
            raise CallgateError("it goes with --run", where=f"--{option}")
    library = paths.output_dir()
    if not (library / files.LIBRARY_ENTRY).is_file():
        raise CallgateError(
            "there is no library here", where=str(library), hint="run `callgate generate` first"
        )
    targets = _share(chosen_targets(options.targets, everything=options.all), options.shard)
    if not options.all and len(targets) <= 1:
        found, lacking = [_one(target, library, options, report) for target in targets], 0
    else:
        found, lacking = _many(targets, library, options, report)
    if report.json:
        report.data([view.data(outcome) for outcome in found])
    return 0 if all(outcome.clean for outcome in found) and not lacking else 1


def _one(
    target: Target, library: Path, options: argparse.Namespace, report: Reporter
) -> Verification:
    tree = open_tree(target, paths.data_dir("headers"), paths.cache_dir())
    model = parsed(target, report, tree=tree, jobs=options.jobs)
    tree = tree.leaving_out(model.failures)
    outcome = verify_library(target, model, tree, library, report, jobs=options.jobs, fresh=True)
    if not report.json:
        _print(outcome, target, report)
    return outcome


def _many(
    targets: Sequence[Target], library: Path, options: argparse.Namespace, report: Reporter
) -> tuple[list[Verification], int]:
    """Return the outcomes, and how many targets lack something if that is a failure."""
    data = paths.data_dir("headers")
    trees: dict[str, HeaderTree] = {}
    lacking: dict[str, str] = {}
    for target in targets:
        try:
            trees[target.name] = open_tree(target, data, paths.cache_dir())
        except Lacking as error:
            lacking[target.name] = f"not verified: {error.what}; {error.hint}"
    there = [target for target in targets if target.name in trees]
    every = chosen_targets([], everything=True)
    models = load_abis(
        there, lambda target: trees[target.name], report, jobs=options.jobs or os.cpu_count() or 1
    )
    tasks = [
        Task(target, trees[target.name].leaving_out(models[target.name].failures),
             models[target.name])
        for target in there
    ]  # fmt: skip
    with report.stage("verify", f"{len(tasks)} targets") as stage:
        found = verify_all(tasks, data, library, every, jobs=options.jobs, progress=stage.progress)
        stage.detail(f"{sum(outcome.checked() for outcome in found):,} answers")
    if not report.json:
        header, rows, footer = view.summary(found)
        report.print_table(header, rows, footer, stream=sys.stdout)
        for outcome in found:
            _print_problems(outcome, report, head=f"{outcome.target}: ")
        wrong = sum(len(outcome.problems()) for outcome in found)
        report.result(
            f"{len(found)} targets, {sum(outcome.checked() for outcome in found):,} answers: "
            f"{wrong:,} disagreements (for comparison: Rust's ctest asks about {CTEST:,} for one)"
        )
    for name, why in lacking.items():
        report.warn(f"{name}: {why}")
    return found, len(lacking) if options.strict else 0


def _share(targets: Sequence[Target], shard: tuple[int, int] | None) -> Sequence[Target]:
    """Return the I-th of N equal parts of the targets."""
    index, count = shard or (1, 1)
    return targets[index - 1 :: count]


def _print(found: Verification, target: Target, report: Reporter) -> None:
    header, rows, footer = view.table(found)
    report.print_table(header, rows, footer, stream=sys.stdout)
    _print_problems(found, report)
    facts = found.checked(found.witnesses[0])
    outcome = f"{len(found.disagreements):,} disagreements"
    if found.unused:
        outcome += f", {len(found.unused):,} unused exclusions"
    report.result(
        f"{found.target}, {KERNELS[target.os]} {found.kernel}: {facts:,} facts, "
        f"{found.checked():,} answers of {len(found.witnesses)} witnesses, "
        f"{found.excluded():,} excluded: {outcome}"
    )


def _print_problems(found: Verification, report: Reporter, head: str = "") -> None:
    problems = found.problems()
    for line in problems[:SHOWN]:
        report.result(f"{head}{line}")
    if len(problems) > SHOWN:
        report.result(f"{head}and {len(problems) - SHOWN:,} more; --json lists them all")
