"""Asking every witness about one target's model and library, side by side."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import platform
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import TYPE_CHECKING

from callgate import paths
from callgate.errors import CallgateError
from callgate.files import atomic_file
from callgate.headers.trees import BUNDLE
from callgate.model import Location
from callgate.targets import load_targets
from callgate.verify import luajit
from callgate.verify.ccode import macro_names
from callgate.verify.compilers import Compiler, compilers
from callgate.verify.exclusions import load_exclusions
from callgate.verify.macros import check_macros
from callgate.verify.memory import Memory, Outcome
from callgate.verify.questions import Question, questions, sheets
from callgate.verify.report import save
from callgate.verify.syscalls import unlisted
from callgate.verify.verification import Disagreement, Tally, Verification, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from callgate.headers.trees import HeaderTree
    from callgate.model import Abi
    from callgate.pipeline import Parsed
    from callgate.report import Reporter
    from callgate.targets import Target
    from callgate.verify.exclusions import Exclusions
    from callgate.verify.questions import Sheet
    from callgate.verify.verification import Answer

KEPT = 12  # remembered outcomes beyond this many are dropped, oldest first


def verify_library(
    target: Target,
    parsed: Parsed,
    tree: HeaderTree,
    library: Path,
    report: Reporter,
    *,
    jobs: int | None = None,
    fresh: bool = False,
) -> Verification:
    """Ask the witnesses about the model and about the library below ``library``.

    A clean outcome is written to ``library``/verified.json and remembered; unless ``fresh``, it is
    not asked for again while model, library, witnesses and this program are the same. Raises
    CallgateError only when the witnesses cannot be asked at all.
    """
    with report.stage("verify", target.name) as stage:
        found = compilers(target, tree)
        runs = runs_here(target)
        key = _key(parsed, library, found, runs=runs)
        path = paths.cache_dir() / "verified" / f"{key}.pickle"
        outcome = None if fresh else _recall(path)
        if outcome is None:
            exclusions = load_exclusions(tree.data / "exclusions.toml")
            outcome = ask(
                target, parsed.abi, found, library if runs else None, exclusions,
                jobs=jobs, progress=stage.progress,
            )  # fmt: skip
            asked = {target.name: versions(found, library=runs)}
            outcome = replace(outcome, unused=exclusions.unused(asked, _every(target, tree)))
            if tree.name != BUNDLE:  # the table was written for the bundle's headers
                outcome = replace(outcome, unused=())
            if outcome.clean:
                _remember(path, outcome)
        if outcome.clean and runs:
            save(outcome, library)
        wrong = len(outcome.problems())
        stage.detail(
            f"{outcome.checked():,} answers of {', '.join(outcome.witnesses)}"
            + (f", {wrong:,} wrong" if wrong else "")
            + (", unchanged" if outcome.cached else "")
        )
    if not runs:
        report.warn(f"{target.name}: this machine cannot run it, so LuaJIT was not asked")
    return outcome


def ask(
    target: Target,
    abi: Abi,
    witnesses: Sequence[Compiler],
    library: Path | None,
    exclusions: Exclusions,
    *,
    jobs: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    memory: Memory | None = None,
) -> Verification:
    """Ask compilers about ``abi``, and LuaJIT about ``library`` unless that is None.

    What ``memory`` has of other targets is not asked again. Exclusions are not judged here.
    """
    memory = memory or Memory()
    asked = questions(abi)
    sheet_list = sheets(asked)
    macros = macro_names(abi)
    tasks: list[Future[Outcome]] = []
    pool = ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1)
    try:
        # The longest first: the kernel's unit takes each compiler most of its time.
        for sheet in sorted(sheet_list, key=lambda item: -len(item.questions)):
            for compiler in reversed(witnesses):
                tasks.append(
                    pool.submit(
                        _outcome, sheet.questions, compiler.name,
                        f"{sheet.unit} {sheet.header or ''}".rstrip(),
                        lambda c=compiler, s=sheet: c.answer(s, macros),  # type: ignore[misc]
                    )
                )  # fmt: skip
        if library is not None:
            for batch in luajit.batches(abi, asked):
                tasks.append(
                    pool.submit(
                        _outcome, batch.questions, luajit.NAME, "library",
                        lambda b=batch: luajit.answer(b, library),  # type: ignore[misc]
                    )
                )  # fmt: skip
        tasks.append(pool.submit(unlisted, abi, witnesses[0].tree, witnesses[0].name))
        if library is not None:
            tasks.append(pool.submit(_macros, abi, witnesses[0]))
        tally, wrong = Tally(), []
        for done, task in enumerate(as_completed(tasks), 1):
            counts, disagreements = task.result()
            tally.add(counts)
            wrong.extend(disagreements)
            progress(done, len(tasks))
    finally:
        pool.shutdown(cancel_futures=True)
    return _judged(
        target, abi, tally, wrong,
        exclusions=exclusions, versions=versions(witnesses, library=library is not None),
    )  # fmt: skip


def versions(witnesses: Sequence[Compiler], *, library: bool) -> dict[str, int]:
    """Return the major version of each witness; LuaJIT is one if a ``library`` is asked about."""
    found = {compiler.name: compiler.version for compiler in witnesses}
    return {**found, luajit.NAME: 2} if library else found


def _every(target: Target, tree: HeaderTree) -> set[str]:
    """Return the targets that a row of the exclusions may be about."""
    path = tree.data / "targets.toml"
    table = load_targets(path).values() if path.is_file() else ()
    return {target.name, *(item.name for item in table)}


def runs_here(target: Target) -> bool:
    """Tell whether this machine's own LuaJIT sees the target's part of the library."""
    libc = platform.libc_ver()[0] or "musl"  # which has no version that a program could ask for
    here = (platform.system().lower(), platform.machine(), libc)
    return target.in_library and (target.os, target.arch, target.libc) == here


def _macros(abi: Abi, compiler: Compiler) -> Outcome:
    try:
        return check_macros(abi, compiler)
    except CallgateError as error:
        return _no_answer("macros", str(error), compiler.name)


def _no_answer(what: str, why: str, witness: str) -> Outcome:
    return Tally(), [Disagreement("unit", what, Location(what, "", 0), "", None, why, witness)]


def _sheet(compiler: Compiler, sheet: Sheet, macros: frozenset[str]) -> Outcome:
    return _outcome(
        sheet.questions, compiler.name, sheet.unit, lambda: compiler.answer(sheet, macros)
    )


def _outcome(
    asked: Sequence[Question], witness: str, unit: str, answer: Callable[[], list[Answer]]
) -> Outcome:
    try:
        return compare(asked, answer(), witness)
    except CallgateError as error:
        return _no_answer(unit, str(error), witness)


def _judged(
    target: Target,
    abi: Abi,
    tally: Tally,
    wrong: list[Disagreement],
    *,
    exclusions: Exclusions,
    versions: dict[str, int],
) -> Verification:
    """Move what an exclusion covers from the disagreements to the counts."""
    left = []
    for item in wrong:
        if exclusions.excuses(item, target.name, versions.get(item.witness, 0)):
            place = item.location
            tally.excluded[item.witness, item.kind, place.unit, place.header] += 1
        else:
            left.append(item)
    order = {name: number for number, name in enumerate(versions)}
    left.sort(key=lambda item: (item.location, item.name, order.get(item.witness, 0), item.fact))
    always = tuple(name for name in versions if name != "gcc" or name == next(iter(versions)))
    return Verification(target.name, abi.kernel, tuple(versions), always, tally, tuple(left), ())


# --- remembering a clean outcome -----------------------------------------------------------------


def _key(parsed: Parsed, library: Path, found: Sequence[Compiler], *, runs: bool) -> str:
    """Return the hash of what the outcome depends on; the model's key covers this program."""
    digest = hashlib.sha256()
    versions = [f"{item.tree.compiler} {item.tree.version}" for item in found]
    parts = [parsed.key, *versions, luajit.version() if runs else "not run"]
    digest.update(json.dumps(parts).encode())
    for path in sorted(library.rglob("*.lua")):
        digest.update(path.relative_to(library).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:40]


def _recall(path: Path) -> Verification | None:
    """Return the remembered outcome; a damaged or foreign file counts as none."""
    try:
        with path.open("rb") as stream:
            value = pickle.load(stream)  # noqa: S301 - our own cache, in the user's own directory
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, TypeError):
        return None
    return replace(value, cached=True) if isinstance(value, Verification) else None


def _remember(path: Path, outcome: Verification) -> None:
    with atomic_file(path) as fresh:
        fresh.write_bytes(pickle.dumps(outcome, protocol=pickle.HIGHEST_PROTOCOL))
    stale = sorted(path.parent.glob("*.pickle"), key=lambda item: item.stat().st_mtime)
    for old in stale[:-KEPT]:
        old.unlink(missing_ok=True)
