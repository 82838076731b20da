"""``callgate generate``: headers in, a proved Lua library out, and a first program run on it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from callgate import luajit, paths
from callgate.commands.common import chosen_targets
from callgate.emit.kept import FOLDER, kept_facts
from callgate.errors import CallgateError
from callgate.files import atomic_directory
from callgate.library import Member, cached, fill, is_current, library_files
from callgate.pipeline import load_abi, load_abis, model_key, open_tree
from callgate.spec.loader import load_spec
from callgate.spec.older import without_missing
from callgate.verify.exclusions import load_exclusions
from callgate.verify.run import runs_here, verify_library

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from callgate.emit.facts import Facts
    from callgate.headers.trees import HeaderTree
    from callgate.model import Abi
    from callgate.pipeline import Parsed
    from callgate.report import Reporter
    from callgate.spec.model import Spec
    from callgate.targets import Target

T = TypeVar("T")

TOUR_SECONDS = 60  # it takes 0.05


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Parse, write, verify, and run examples/tour.lua; the old library stays if any step fails."""
    if options.sysroot is None:
        targets = library_targets(options.targets)
    else:
        targets = chosen_targets(options.targets)
        if len(targets) > 1:
            raise CallgateError("a sysroot has one target's headers", where="--sysroot")
    out = options.out or paths.output_dir()
    status = _generate(targets, out, options, report)
    report.table()
    return status


def library_targets(names: Sequence[str]) -> list[Target]:
    """Return the named targets, or all that the library has by default."""
    if names:
        found = chosen_targets(names)
        for target in found:
            if not target.in_library:
                raise CallgateError(
                    f"{target.name} has no place in the library: it has no system calls, "
                    "or a sysroot's headers",
                    hint="`callgate dump` and `callgate show` know it, `--sysroot` gives headers",
                )
        return found
    return [target for target in chosen_targets([], everything=True) if target.in_library]


def _generate(
    targets: list[Target], out: Path, options: argparse.Namespace, report: Reporter
) -> int:
    models = _Models(targets, options, report)
    left_out = 0

    def write() -> tuple[dict[str, str], bool]:
        nonlocal left_out
        left_out = sum(unexcused(models.load(target), target, report) for target in targets)
        return models.library(), left_out == 0

    files = cached(models.key(), write)
    verified = targets if options.all or len(targets) == 1 else _here(targets)
    if is_current(files, out):
        report.note(f"{out}: unchanged, {len(files):,} files")
        models.verify(verified, out)
    else:
        with atomic_directory(out) as fresh:
            fill(fresh, files)
            models.verify(verified, fresh)
    if _here(targets):
        with report.stage("tour", "examples/tour.lua", live=False):
            tour(out)
    return 1 if left_out else 0


class _Models:
    """The header trees of a run, and the models and the library made from them."""

    def __init__(
        self, targets: list[Target], options: argparse.Namespace, report: Reporter
    ) -> None:
        self.targets = targets
        self.report = report
        self.jobs = options.jobs or os.cpu_count() or 1
        self.is_sysroot = options.sysroot is not None
        self._loaded: dict[str, Parsed] = {}
        self.trees = {
            target.name: open_tree(
                target,
                paths.data_dir("headers"),
                paths.cache_dir(),
                sysroot=options.sysroot,
                compiler=options.cc,
            )
            for target in targets
        }

    def key(self) -> str:
        """Return what the library depends on."""
        keys = [model_key(target, self.trees[target.name]) for target in self.targets]
        data = sorted(self._kept_folder().glob("*.json")) if len(self.targets) > 1 else []
        return json.dumps(
            [*keys, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in data)]
        )

    @staticmethod
    def _kept_folder() -> Path:
        return paths.data_dir("headers") / FOLDER

    def _kept(self) -> list[Facts]:
        """Return further C libraries' facts, for the library of several targets."""
        if len(self.targets) == 1:
            return []
        return kept_facts(self._kept_folder(), {target.luajit_arch for target in self.targets})

    def load(self, target: Target) -> Parsed:
        """Return a target's model; the first time all of the library's are made together."""
        if not self._loaded:
            if len(self.targets) == 1:
                tree = self.trees[target.name]
                self._loaded[target.name] = load_abi(target, tree, self.report, jobs=self.jobs)
            else:
                self._loaded = load_abis(
                    self.targets, lambda item: self.trees[item.name], self.report, jobs=self.jobs
                )
        return self._loaded[target.name]

    def library(self) -> dict[str, str]:
        """Return the files of the library; says how many there are."""
        members = [
            Member(target, lambda target=target: self.load(target).abi)  # type: ignore[misc]
            for target in self.targets
        ]
        with self.report.stage("write", "the library") as stage:
            files = library_files(
                members,
                kept=self._kept(),
                spec=self._spec(),
                jobs=self.jobs,
                progress=stage.progress,
            )
            size = sum(len(text) for text in files.values())
            count = len(self.targets)
            targets = f"{count} targets" if count > 1 else self.targets[0].name
            stage.detail(f"{len(files):,} files, {size / 1e6:.1f} MB, {targets}")
        return files

    def verify(self, chosen: Sequence[Target], library: Path) -> None:
        """Ask the witnesses about each target; raises CallgateError for a disagreement."""
        for target in chosen:
            result, tree = self.load(target), self.trees[target.name]
            asked, tree = askable(result, tree.leaving_out(result.failures), self.report)
            if self.is_sysroot:
                asked = replace(asked, abi=numbered(asked.abi))
            verify_library(target, asked, tree, library, self.report).raise_if_wrong()

    def _spec(self) -> Spec | None:
        """Return the tables without the rows that a target alone, or a sysroot, cannot serve."""
        if len(self.targets) > 1:
            return None
        (target,) = self.targets
        abi = self.load(target).abi
        spec, missing = without_missing(load_spec(), abi, target)
        if missing:
            what = f"it lacks what {len(missing)} rows name (headers of Linux {abi.kernel})"
            self.report.warn(f"{target.name}: {what}; left out: {', '.join(missing)}")
        return spec


def _here(targets: Sequence[Target]) -> list[Target]:
    """Return the first target that this machine runs itself."""
    return [target for target in targets if runs_here(target)][:1]


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
