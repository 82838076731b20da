"""``callgate coverage``: which system calls the specs make the kernel do, and what came of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import luajit, paths
from callgate.errors import CallgateError
from callgate.explore.coverage import coverage, load_reasons, markdown, read_records
from callgate.headers.kernel import load_kernel
from callgate.spec.loader import load_spec
from callgate.targets import DEFAULT_TARGET, load_targets

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter

TIER = "native"
TIME_LIMIT = 120  # seconds for one spec


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Run the specs, or read what other runs recorded, and print the table as Markdown."""
    root = paths.checkout()
    if root is None:
        raise CallgateError("the specs are part of the checkout, not of the package")
    headers = paths.data_dir("headers")
    tiers = {}
    for word in options.records:
        tier, _, path = word.partition("=")
        if not path:
            raise CallgateError(f"expected TIER=FILE, got {word!r}")
        tiers[tier] = read_records(Path(path).read_text(encoding="utf-8").splitlines())
    if not tiers:
        tiers[TIER] = read_records(record(root / "tests" / "lua", report))
    target = load_targets(headers / "targets.toml")[DEFAULT_TARGET]
    calls = load_kernel(headers).syscalls(target.syscall_table, target.syscall_abis)
    rows = coverage(calls, load_spec(), tiers, load_reasons(headers))
    sys.stdout.write(markdown(rows, list(tiers)))
    return 0


def record(specs: Path, report: Reporter) -> list[str]:
    """Return what the specs recorded on this machine; those that fail are named."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "coverage"
        file.touch()
        for spec in sorted(specs.rglob("*_spec.lua")):
            folder = Path(scratch) / spec.stem
            folder.mkdir()
            environment = luajit.environment(paths.output_dir())
            environment |= {"CALLGATE_COVERAGE": str(file), "CALLGATE_TEST_TMP": str(folder)}
            done = subprocess.run(
                [*luajit.interpreter(), str(specs / "runner.lua"), "--jit", "off", str(spec)],
                env={**os.environ, **environment},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=TIME_LIMIT,
            )
            if done.returncode != 0:
                report.warn(f"{spec.name} fails while it is recorded; what it reached counts")
        return file.read_text(encoding="utf-8").splitlines()
