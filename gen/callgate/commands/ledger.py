"""``callgate ledger``: what was released, against what would be released now."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from callgate import paths
from callgate.commands.common import chosen_targets, parsed_all
from callgate.errors import CallgateError
from callgate.headers.ledger import FOLDER, KINDS, Ledger, load_ledger, write_ledger
from callgate.headers.ledger_check import Problem, check_ledger, update_ledger
from callgate.headers.tombstones import FILE, load_tombstones, write_tombstones
from callgate.headers.volatile import load_volatile

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

    from callgate.model import Abi
    from callgate.report import Reporter
    from callgate.targets import Target

SHOWN = 10  # names that the ledger has yet to record: the rest is counted
ADVICE = """\
What the kernel itself dropped or changed is accepted with
  callgate ledger --update --reason 'Linux 7.3 removed it'
which adds rows to headers/tombstones.toml. Anything else was lost by the headers
that are read or by the generator: mend that."""


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Compare the ledger with the models, or bring it up to date; 1 when something is amiss."""
    if options.reason and not options.update:
        raise CallgateError("a reason is given with --update", where="--reason")
    if options.update and options.targets:
        hint = "leave the targets out: an update reads one target of every architecture"
        raise CallgateError("an update is of all architectures", where="--update", hint=hint)
    targets = chosen_targets(options.targets, everything=not options.targets)
    abis = _models(representatives(targets), options.jobs, report)
    return _update(abis, options.reason, report) if options.update else _check(abis, report)


def representatives(targets: Iterable[Target]) -> dict[str, Target]:
    """Return the first Linux target of each architecture: the kernel's names need no other.

    What the C library is makes no difference to them.
    """
    found: dict[str, Target] = {}
    for target in targets:
        if target.in_library:
            found.setdefault(target.arch, target)
    return found


def _models(targets: Mapping[str, Target], jobs: int | None, report: Reporter) -> dict[str, Abi]:
    models = parsed_all(list(targets.values()), report, jobs=jobs)
    return {architecture: models[target.name].abi for architecture, target in targets.items()}


def _check(abis: Mapping[str, Abi], report: Reporter) -> int:
    data = paths.data_dir("headers")
    ledger = load_ledger(data / FOLDER)
    problems = check_ledger(
        abis, ledger, load_tombstones(data / FILE), load_volatile(data / "volatile.toml")
    )
    if report.json:
        rows = [{**asdict(item), "breaks": item.breaks} for item in problems]
        report.data({"kernel": ledger.kernel, "architectures": list(abis), "problems": rows})
        return 1 if problems else 0
    for line in problem_lines(problems):
        report.result(line)
    if not problems:
        report.result(f"nothing is lost on {', '.join(abis)}: {_counted(ledger)}")
    return 1 if problems else 0


def _update(abis: Mapping[str, Abi], reason: str, report: Reporter) -> int:
    data = paths.data_dir("headers")
    folder, rows = data / FOLDER, load_tombstones(data / FILE)
    old = load_ledger(folder) if folder.is_dir() else None
    volatile = load_volatile(data / "volatile.toml")
    ledger, tombstones, left = update_ledger(abis, old, rows, volatile, reason=reason)
    if left:
        for line in problem_lines(left):
            report.result(line)
        raise CallgateError(
            f"{len(left):,} names would be lost or changed without a reason; nothing was written",
            where="callgate ledger --update",
        )
    if tombstones != rows:
        write_tombstones(tombstones, data / FILE)
    write_ledger(ledger, folder)
    report.result(f"headers/{FOLDER}: {_counted(ledger)}, Linux {ledger.kernel}")
    return 0


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """Return a line for every break, and the first of the others with their counts."""
    lines = [str(item) for item in problems if item.breaks]
    if lines:
        lines += ["", *ADVICE.splitlines(), ""]
    drift = [item for item in problems if not item.breaks]
    lines += [str(item) for item in drift[:SHOWN]]
    if drift:
        counts = Counter(item.what for item in drift)
        said = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        lines.append(f"the ledger is not up to date ({said}): callgate ledger --update")
    return lines


def _counted(ledger: Ledger) -> str:
    constants, records, calls = (len(ledger.rows[kind]) for kind in KINDS)
    return f"{constants:,} constants, {records:,} records, {calls:,} system calls"
