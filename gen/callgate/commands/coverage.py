"""``callgate coverage``: which system calls the specs make the kernel do, and what came of them."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.emit.reference import architectures
from callgate.errors import CallgateError
from callgate.explore.coverage import (
    EVERYWHERE,
    FOLDER,
    RECORD,
    Record,
    load_records,
    load_table,
    lost,
    markdown,
    merged,
    problems,
    record_text,
    rows,
)
from callgate.files import atomic_file
from callgate.headers.kernel import load_kernel
from callgate.machines.model import FOLDER as SHOWN
from callgate.machines.model import LUAJIT, SCRATCH, Job, Lacking
from callgate.machines.prepare import prepare
from callgate.machines.table import choose_runs, load_runs
from callgate.spec.loader import load_spec
from callgate.targets import load_targets
from callgate.verify.running import RUNNER, SECONDS, SPECS, spec_folder

if TYPE_CHECKING:
    import argparse

    from callgate.explore.coverage import Row, Table
    from callgate.machines.model import Run
    from callgate.report import Reporter

PAGE = "docs/coverage.md"  # of the checkout
RELEASE = 'print((io.open("/proc/sys/kernel/osrelease"):read()))'


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Print the page, renew what it is made of (--update), or compare (--check)."""
    specs = spec_folder()
    root, headers = specs.parents[1], paths.data_dir("headers")
    table = load_table(headers)
    records = load_records(headers, table)
    library = options.library or paths.output_dir()
    wrong: list[str] = []
    if options.update or options.check:
        tier = "native" if options.check else options.tier
        for row in _runs(headers, table, options.runs, tier):
            try:
                found, failed = record(row, specs, library, report)
            except Lacking as error:
                lack = f"{row.name}: cannot run here, for want of: {error.what}"
                report.warn(lack)
                wrong += [lack] if options.update or options.strict else []
                continue
            wrong += failed
            if options.update:
                _write(headers / FOLDER / f"{row.name}.json", record_text(found))
                records[row.name] = found
            else:
                wrong += _compared(row.name, found, records, table, headers)
    page_rows = _rows(headers, table, records)
    wrong += problems(page_rows, table)
    text, page = markdown(page_rows, table, records), root / PAGE
    if options.update:
        _write(page, text)
    elif options.check and (not page.is_file() or page.read_text(encoding="utf-8") != text):
        wrong.append(f"{PAGE} is not what headers/{FOLDER} says: run `callgate coverage --update`")
    if not (options.update or options.check):
        sys.stdout.write(text)
    for line in dict.fromkeys(wrong):
        report.result(line)
    report.result(f"{len(page_rows)} calls, {len(wrong)} wrong")
    return 1 if wrong else 0


def record(run: Run, specs: Path, library: Path, report: Reporter) -> tuple[Record, list[str]]:
    """Run the specs on a machine; return what they came to there, and what went wrong.

    A spec with a test that fails is run a second time and counts, with a warning; one that does not
    come to its end is wrong, as what it reached is lost. Raises Lacking.
    """
    names = sorted(path.relative_to(specs).as_posix() for path in specs.rglob("*_spec.lua"))
    machine = prepare(run, report)
    with (
        report.stage("record", run.name) as stage,
        tempfile.TemporaryDirectory(prefix="callgate-") as temporary,
    ):
        folder = Path(temporary)
        folder.chmod(0o755)  # a spec may give up its rights, and load the library's next module
        shutil.copytree(library, folder / "output")
        shutil.copytree(specs, folder / SPECS)
        jobs = [Job("kernel", (LUAJIT, "-e", RELEASE), seconds=SECONDS[run.tier])]
        jobs += [_job(run, name) for name in names]
        said, *outcomes = machine.execute(jobs, folder, stage.progress)
        again = [one.job for one in outcomes if one.status != 0]  # some need a quiet machine
        second = machine.execute(again, folder) if again else []
    pairs = [pair for one in (*outcomes, *second) for pair in RECORD.findall(one.stdout)]
    wrong = []
    for one in second:
        ended = RECORD.search(one.stdout) is not None
        if one.status != 0 and ended:
            report.warn(f"{run.name}: {one.job.name}: a test fails while it is recorded")
        elif one.status != 0:
            ending = (one.stderr.strip().splitlines() or [f"status {one.status}"])[-1]
            wrong.append(f"{run.name}: {one.job.name} did not come to its end: {ending}")
    kernel = ".".join(said.stdout.split(".")[:2])
    return Record(kernel, merged(pairs)), wrong


def _job(run: Run, spec: str) -> Job:
    folder = f"{SHOWN}/{SPECS}"
    environment = (
        ("LUA_PATH", f"{SHOWN}/output/?.lua;{SHOWN}/output/?/init.lua;;"),
        ("CALLGATE_TEST_TMP", SCRATCH),
        ("CALLGATE_COVERAGE", "1"),
    )
    words = (LUAJIT, f"{folder}/{RUNNER}", "--jit", "off", f"{folder}/{spec}")
    return Job(spec, words, environment, SECONDS[run.tier])


def _runs(headers: Path, table: Table, names: list[str], tier: str | None) -> list[Run]:
    """Return the machines to ask: those of the table, as far as they are wanted."""
    every = [run for runs in table.columns.values() for run in runs]
    known = load_runs(headers / "runs.toml")
    for name in (*every, *names):
        if name not in known or name not in every:
            raise CallgateError(f"no column of the coverage table has the run {name!r}")
    return choose_runs(known, names or every, tier=tier)


def _rows(headers: Path, table: Table, records: dict[str, Record]) -> list[Row]:
    kernel, targets = load_kernel(headers), load_targets(headers / "targets.toml")
    runs = load_runs(headers / "runs.toml", targets)
    calls = {
        arch: frozenset(
            call.name
            for call in kernel.syscalls(target.syscall_table, target.syscall_abis)
            if call.entry is not None
        )
        for arch, target in architectures(targets.values()).items()
    }
    known = {
        name: calls[targets[run.target].luajit_arch]
        for name, run in runs.items()
        if targets[run.target].luajit_arch in calls
    }
    known[EVERYWHERE] = frozenset().union(*calls.values())
    return rows(table, records, known, load_spec().inference.excluded)


def _compared(
    name: str, found: Record, records: dict[str, Record], table: Table, headers: Path
) -> list[str]:
    """Return what is wrong with the committed record of a machine that was just asked."""
    if name not in records:
        return [f"headers/{FOLDER}/{name}.json is missing: run `callgate coverage --update`"]
    wrong = [
        f"{name}: {call} succeeded when it was recorded, and no spec reaches it any more"
        for call in lost(records[name], found)
    ]
    fresh = _rows(headers, table, {name: found})
    return wrong + [line for line in problems(fresh, table) if "remove the reason" in line]


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as fresh:
        fresh.write_text(text, encoding="utf-8")
