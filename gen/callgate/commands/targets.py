"""``callgate targets``: the target table."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from callgate import paths
from callgate.targets import load_targets

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter


def run(_options: argparse.Namespace, report: Reporter) -> int:
    """Print every target: what it is, and what it is made and checked with."""
    targets = load_targets(paths.data_dir("headers") / "targets.toml")
    if report.json:
        report.data([asdict(target) for target in targets.values()])
        return 0
    rows = [
        (target.name, target.arch, target.libc, f"zig cc -target {target.zig}", target.gcc[0])
        for target in targets.values()
    ]
    report.print_table(
        ("target", "arch", "libc", "headers and witness", "second witness"), rows, stream=sys.stdout
    )
    return 0
