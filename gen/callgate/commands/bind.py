"""``callgate bind``: any C header as one Lua file, verified like the library."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callgate.bind.binding import Binding, bind
from callgate.bind.bound import load_bound
from callgate.bind.luacats import definitions
from callgate.bind.parse import check_headers
from callgate.bind.request import Request
from callgate.bind.verify import Verified, verify
from callgate.commands.common import at_hand, chosen_targets
from callgate.errors import CallgateError
from callgate.files import atomic_file
from callgate.report import counted

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter
    from callgate.targets import Target

KINDS = {
    "functions": "function", "constants": "constant", "macros": "macro", "records": "record",
    "typedefs": "other type", "variables": "variable",
}  # fmt: skip


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Parse, verify, write; the old files stay if any step fails."""
    if options.renew:
        return _renew(options, report)
    if not options.headers:
        raise CallgateError("no header given", hint="ex) callgate bind sqlite3.h -o sqlite3.lua")
    if options.output is None:
        raise CallgateError("no file to write given", hint="-o FILE.lua names it")
    request = Request(
        headers=tuple(dict.fromkeys(options.headers)),
        include=tuple(options.include),
        exclude=tuple(options.exclude),
        prefixes=tuple(options.prefix),
        libraries=tuple(options.library),
        defines=tuple(options.define),
        folders=tuple(options.folder),
        first=tuple(options.first),
        by_abi=options.by_abi,
    )
    output: Path = options.output
    beside = options.definitions or output.with_name(f"{output.stem}.d.lua")
    _check_output(output, beside, options)
    _write(Job(request, _targets(options, report), output, beside), options, report)
    return 0


def _renew(options: argparse.Namespace, report: Reporter) -> int:
    """Write the library's own bindings again."""
    if options.headers or options.output:
        raise CallgateError("it takes no headers and no -o", where="--renew")
    table = chosen_targets([], everything=True)
    for row in load_bound():
        row.check()
        beside = row.file.with_name(f"{row.name}.d.lua")
        _write(Job(row.request, row.targets(table), row.file, beside), options, report)
    return 0


@dataclass(frozen=True, slots=True)
class Job:
    """One file to write."""

    request: Request
    targets: list[Target]
    output: Path
    beside: Path  # definitions for editors


def _write(job: Job, options: argparse.Namespace, report: Reporter) -> None:
    binding = bind(job.request, job.targets, report)
    _check_something(binding)
    while contested := _verified(binding, job, report).contested:
        binding = binding.without(contested)
        _check_something(binding)
    with atomic_file(job.output) as path, atomic_file(job.beside) as path_beside:
        path.write_text(binding.text(job.output.stem), encoding="utf-8", newline="\n")
        module = re.sub(r"\W", "_", job.output.stem)
        text = definitions(binding, module if not module[0].isdigit() else f"_{module}")
        path_beside.write_text(text, encoding="utf-8", newline="\n")
    _tell(binding, job, options, report)


def _verified(binding: Binding, job: Job, report: Reporter) -> Verified:
    """Ask the witnesses about the file as it is to be written."""
    with (
        tempfile.TemporaryDirectory(prefix="callgate-") as folder,
        report.stage("verify", job.output.name) as stage,
    ):
        path = Path(folder) / job.output.name
        path.write_text(binding.text(job.output.stem), encoding="utf-8", newline="\n")
        found = verify(binding, path)
        stage.detail(f"{found.answers:,} answers agree")
    return found


def _targets(options: argparse.Namespace, report: Reporter) -> list[Target]:
    targets = chosen_targets(list(dict.fromkeys(options.target)), everything=options.all)
    if not options.all:
        return targets
    return at_hand([target for target in targets if target.in_library], report)


def _check_output(output: Path, beside: Path, options: argparse.Namespace) -> None:
    headers = {Path(name).resolve() for name in (*options.headers, *options.first)}
    for option, path in (("-o", output), ("--definitions", beside)):
        if path.resolve() in headers:
            raise CallgateError(
                "it is a header to be bound, and would be overwritten", where=f"{option} {path}",
                hint="name the Lua file to write: -o NAME.lua",
            )  # fmt: skip
    if output.is_dir():
        raise CallgateError("it is a folder", where=f"-o {output}", hint="name a file in it")
    if output.resolve() == beside.resolve():
        raise CallgateError("it is the file of -o, too", where=f"--definitions {beside}")


def _check_something(binding: Binding) -> None:
    sections = (*KINDS, "addresses", "aliases")
    if not any(binding.merged.common[kind] for kind in sections) and not binding.merged.deltas:
        for side in binding.sides:
            check_headers(side.parsed.sources)  # nothing may be left because of what is wrong
        raise CallgateError(
            "nothing is left to bind",
            where=", ".join(binding.request.headers),
            hint="by default that is what these headers themselves declare; --include GLOB takes "
            "names from those that they include, too",
        )


def _tell(binding: Binding, job: Job, options: argparse.Namespace, report: Reporter) -> None:
    """Print how much there is, and what was left out."""
    left: dict[str, str] = {}
    counts: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for side in binding.sides:
        left.update(side.chosen.left)
        for kind, names in counts.items():
            names.update(side.facts[kind])
        counts["constants"].update(side.facts["addresses"])
    data = {kind: len(names) for kind, names in counts.items()}
    if report.json:
        report.data(
            {"file": str(job.output), "definitions": str(job.beside), **data, "left_out": left}
        )
        return
    said = ", ".join(counted(count, KINDS[kind]) for kind, count in data.items() if count)
    report.result(f"{job.output}: {said}; {job.beside.name} for editors")
    if left and not options.verbose:
        report.result(f"{counted(len(left), 'name')} left out; --verbose lists them, and why")
    for name, reason in left.items() if options.verbose else ():
        report.result(f"  left out: {name}: {reason}")
