"""``callgate bench``: what calls, loading and a server cost, beside C and ljsyscall."""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callgate import files, paths, tools
from callgate.errors import CallgateError
from callgate.explore.bench import Bench, Row, chosen, everything, measure

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter

ROUNDS = 9
PRECISE = 1000  # figures from here on are shown without decimals
HEADER = ("what", "", "C", "ours", "ljs", "figure", "limit", "")


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Measure and print a table; what is over its limit is marked, and no failure.

    Columns: nanoseconds per call (requests per second of a server) in C, of Callgate ("ours") and
    of ljsyscall ("ljs"). The figure is ours to C; interpreted, what ours costs beyond C to what
    ljsyscall costs beyond it.

    Other programs on the machine slow what is measured: only a figure that stays over its limit
    when it is measured again, alone, says something.
    """
    root = paths.checkout()
    if root is None:
        raise CallgateError("the programs of bench/ are part of the checkout, not of the package")
    library = options.library or paths.output_dir()
    if not (library / files.LIBRARY_ENTRY).is_file():
        hint = "run `callgate generate` first"
        raise CallgateError("there is no library here", where=str(library), hint=hint)
    if tools.luajit() is None:
        hint = tools.install_command(list(tools.LUAJIT.packages))
        raise CallgateError("LuaJIT is not installed, and the embedded one has no -joff", hint=hint)
    theirs = tools.has_ljsyscall()
    if not theirs:
        command = tools.install_command([tools.LJSYSCALL_PACKAGE])
        report.warn(f"ljsyscall is not installed, so nothing is compared with it: {command}")
    with tempfile.TemporaryDirectory(prefix="callgate-bench-") as built:
        bench = Bench(
            folder=root / "bench",
            examples=root / "examples",
            library=library,
            built=Path(built),
            rounds=options.rounds or (1 if options.quick else ROUNDS),
            quick=options.quick,
            note=lambda _text: None if report.quiet or report.json else report.note(_text),
            warn=report.warn,
        )
        names = chosen(options.names, everything(bench))
        rows = list(measure(bench, names, theirs=theirs))
    if report.json:
        report.data([_plain(row) for row in rows])
    else:
        for _, group in itertools.groupby(rows, lambda row: row.group):  # a width of its own each
            report.print_table(HEADER, [_cells(row) for row in group], stream=sys.stdout)
    return 0


def _plain(row: Row) -> dict[str, Any]:
    return {
        "group": row.group,
        "name": row.name,
        "what": row.what,
        "values": {name: round(value, 3) for name, value in row.values.items()},
        "figure": None if row.figure is None else round(row.figure, 3),
        "limit": row.limit,
        "least": row.least,
        "mark": row.mark,
    }


def _cells(row: Row) -> tuple[str, ...]:
    suffix = "_off" if row.interpreted else ""
    keys = ("c", f"callgate{suffix}", f"ljsyscall{suffix}")
    values = [_shown(row.values[key]) if key in row.values else "" for key in keys]
    figure = "" if row.figure is None else f"{row.figure:.2f}"
    return row.name, row.what, *values, figure, f"{row.limit:g}", row.mark


def _shown(value: float) -> str:
    return f"{value:.0f}" if value >= PRECISE else f"{value:.4g}"
