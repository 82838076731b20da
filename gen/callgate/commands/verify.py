"""``callgate verify``: the model and the library against what compilers and LuaJIT say."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from callgate import files, paths
from callgate.commands.common import chosen_targets, parsed
from callgate.errors import CallgateError
from callgate.pipeline import open_tree
from callgate.verify import report as view
from callgate.verify.run import runs_here, verify_library
from callgate.verify.specs import run_specs, spec_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from callgate.report import Reporter
    from callgate.targets import Target
    from callgate.verify.specs import SpecRun
    from callgate.verify.verification import Verification

SHOWN = 200  # problems that are printed; --json has them all


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Ask all witnesses afresh; 0 only if nothing is disagreed upon and no exclusion is unused."""
    library = paths.output_dir()
    if not (library / files.LIBRARY_ENTRY).is_file():
        raise CallgateError(
            "there is no library here", where=str(library), hint="run `callgate generate` first"
        )
    found = []
    for target in _share(chosen_targets(options.targets, everything=options.all), options.shard):
        tree = open_tree(target, paths.data_dir("headers"), paths.cache_dir())
        model = parsed(target, report, tree=tree, jobs=options.jobs)
        outcome = verify_library(
            target,
            model,
            tree.leaving_out(model.failures),
            library,
            report,
            jobs=options.jobs,
            fresh=True,
        )
        value, clean = view.data(outcome), outcome.clean
        if not report.json:
            _print(outcome, report)
        if options.run:
            specs = _run_specs(target, library, report)
            value["specs"] = asdict(specs)
            clean = clean and not specs.failed
        found.append((value, clean))
    if report.json:
        report.data([value for value, _ in found])
    return 0 if all(clean for _, clean in found) else 1


def _run_specs(target: Target, library: Path, report: Reporter) -> SpecRun:
    if not runs_here(target):
        raise CallgateError(
            f"this machine cannot run {target.name}", where="--run", hint="verify it without --run"
        )
    folder = spec_folder()
    with report.stage("specs", target.name) as stage:
        done = run_specs(library, folder, stage.progress)
        stage.detail(f"{done.passed:,} passed, {len(done.failed)} failed")
    for name in done.failed:
        report.result(f"failed: {name}")
    for name in done.skipped:
        report.result(f"skipped: {name}")
    report.result(
        f"{target.name}: Lua specs: {done.passed:,} tests passed, "
        f"{len(done.skipped)} skipped, {len(done.failed)} failed"
    )
    return done


def _share(targets: Sequence[Target], shard: tuple[int, int] | None) -> Sequence[Target]:
    """Return the I-th of N equal parts of the targets."""
    index, count = shard or (1, 1)
    return targets[index - 1 :: count]


def _print(found: Verification, report: Reporter) -> None:
    header, rows, footer = view.table(found)
    report.print_table(header, rows, footer, stream=sys.stdout)
    problems = found.problems()
    for line in problems[:SHOWN]:
        report.result(line)
    if len(problems) > SHOWN:
        report.result(f"and {len(problems) - SHOWN:,} more; --json lists them all")
    facts = found.checked(found.witnesses[0])
    outcome = f"{len(found.disagreements):,} disagreements"
    if found.unused:
        outcome += f", {len(found.unused):,} unused exclusions"
    report.result(
        f"{found.target}, Linux {found.kernel}: {facts:,} facts, {found.checked():,} answers of "
        f"{len(found.witnesses)} witnesses, {found.excluded():,} excluded: {outcome}"
    )
