"""``callgate targets``: the matrix of targets, and the files that are made from it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from callgate import paths
from callgate.errors import CallgateError
from callgate.files import atomic_file
from callgate.matrix import files, matrix

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Print every target: what it is, and how it is generated, verified and run."""
    rows = matrix(paths.data_dir("headers"))
    if options.write:
        root = paths.checkout()
        if root is None:
            raise CallgateError("these files are the checkout's", where="--write")
        for name, text in files(rows, root).items():
            with atomic_file(root / name) as fresh:
                fresh.write_text(text, encoding="utf-8")
            report.note(f"{name}: written")
        return 0
    if report.json:
        report.data([row.data() for row in rows])
        return 0
    shown = [
        (row.target.name, f"{row.target.registers}-bit, {_order(row.target.data_model.big_endian)}",
         row.target.libc, row.ran)
        for row in rows
    ]  # fmt: skip
    report.print_table(("target", "machine", "libc", "run"), shown, stream=sys.stdout)
    return 0


def _order(big_endian: bool) -> str:
    return "big" if big_endian else "little"
