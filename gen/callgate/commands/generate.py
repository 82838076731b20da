"""``callgate generate``: headers in, a proved Lua library out, and a first program run on it."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from callgate import luajit, paths
from callgate.commands.common import chosen_targets, parsed
from callgate.errors import CallgateError
from callgate.files import atomic_directory
from callgate.pipeline import fill, is_current, library_files, open_tree
from callgate.spec.loader import load_spec
from callgate.spec.older import without_missing
from callgate.verify.exclusions import load_exclusions
from callgate.verify.run import verify_library

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from callgate.headers.trees import HeaderTree
    from callgate.model import Abi
    from callgate.pipeline import Parsed
    from callgate.report import Reporter
    from callgate.targets import Target

T = TypeVar("T")

TOUR_SECONDS = 60  # it takes 0.05


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Parse, write, verify, and run examples/tour.lua; the old library stays if any step fails."""
    targets = chosen_targets(options.targets, everything=options.all)
    out = options.out or paths.output_dir()
    status = 0
    for target in targets:
        status |= _generate(target, out, options, report)
    report.table()
    return status


def _generate(target: Target, out: Path, options: argparse.Namespace, report: Reporter) -> int:
    tree = open_tree(
        target,
        paths.data_dir("headers"),
        paths.cache_dir(),
        sysroot=options.sysroot,
        compiler=options.cc,
    )
    result = parsed(target, report, tree=tree, jobs=options.jobs)
    left_out = unexcused(result, target, report)
    asked, tree = askable(result, tree.leaving_out(result.failures), report)
    if options.sysroot is not None:
        asked = replace(asked, abi=numbered(asked.abi))
    spec = None
    if options.sysroot is not None:
        spec, missing = without_missing(load_spec(), result.abi)
        if missing:
            what = f"these headers (Linux {result.abi.kernel}) lack what {len(missing)} rows name"
            report.warn(f"{target.name}: {what}; left out: {', '.join(missing)}")
    with report.stage("write", str(out)) as stage:
        files = library_files(result.abi, target, spec=spec)
        size = sum(len(text) for text in files.values())
        current = is_current(files, out)
        state = "unchanged" if current else "new"
        stage.detail(f"{len(files):,} files, {size / 1e6:.1f} MB, {state}")
    if current:
        verify_library(target, asked, tree, out, report).raise_if_wrong()
    else:
        with atomic_directory(out) as fresh:
            fill(fresh, files)
            verify_library(target, asked, tree, fresh, report).raise_if_wrong()
    if runs_here(target):
        with report.stage("tour", "examples/tour.lua", live=False):
            tour(out)
    return 1 if left_out else 0


def askable(result: Parsed, tree: HeaderTree, report: Reporter) -> tuple[Parsed, HeaderTree]:
    """Return what the witnesses can be asked about, and the headers that they can compile.

    A header with a declaration that could not be parsed rarely compiles: what it defines otherwise
    is in the library, but nobody can be asked about it.
    """
    broken = frozenset(failure.where.header for failure in result.failures)
    if not broken:
        return result, tree
    report.warn(f"not asked about, because of the above: {', '.join(sorted(broken))}")

    def kept(items: Iterable[T]) -> tuple[T, ...]:
        return tuple(item for item in items if item.location.header not in broken)  # type: ignore[attr-defined]

    abi = result.abi
    asked = replace(
        abi,
        constants=kept(abi.constants),
        records=kept(abi.records),
        enumerations=kept(abi.enumerations),
        typedefs=kept(abi.typedefs),
        prototypes=kept(abi.prototypes),
        macros=kept(abi.macros),
    )
    key = f"{result.key}-asked"
    return replace(result, abi=asked, key=key), replace(tree, broken=tree.broken | broken)


def numbered(abi: Abi) -> Abi:
    """Mark the system calls that came after the headers of an older sysroot.

    They are in the library, with the numbers of the kernel's tables; no header can be asked.
    """
    calls = tuple(
        replace(call, newer=f"__NR_{call.name}" not in abi.constant) for call in abi.syscalls
    )
    return replace(abi, syscalls=calls)


def unexcused(result: Parsed, target: Target, report: Reporter) -> int:
    """Report what could not be parsed and is not excluded with a reason; return how many."""
    exclusions = load_exclusions(paths.data_dir("headers") / "exclusions.toml")
    count = 0
    for failure in result.failures:
        if exclusions.covers("parse", str(failure.where.header), target.name):
            continue
        count += 1
        near = "\n    ".join(failure.text.splitlines())
        report.warn(f"{failure.where}: {failure.message}\n    {near}\n  left out of the library")
    return count


def runs_here(target: Target) -> bool:
    """Tell whether this machine can run the target's programs itself."""
    return (
        target.os == "linux" and platform.system() == "Linux" and platform.machine() == target.arch
    )


def tour(library: Path) -> None:
    """Run the first program; raises CallgateError with what it said when it fails."""
    script = paths.data_dir("examples") / "tour.lua"
    command = [*luajit.interpreter(), str(script)]
    try:
        done = subprocess.run(
            command, env=luajit.environment(library), timeout=TOUR_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise CallgateError(f"it did not end within {TOUR_SECONDS} s", where=str(script)) from None
    if done.returncode != 0:
        raise CallgateError(
            f"exit status {done.returncode}",
            where=str(script),
            hint=f"run it yourself: ./callgate lua {script.name}",
        )
