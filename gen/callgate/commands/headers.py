"""``callgate headers``: the header trees and the committed kernel tables."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from callgate import paths
from callgate.commands.common import chosen_targets
from callgate.headers.kernel import check_kernel, load_kernel
from callgate.headers.kernel_import import import_kernel
from callgate.pipeline import open_tree

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter


def run(options: argparse.Namespace, report: Reporter) -> int:
    """List, import or check."""
    return {"list": _list, "import": _import, "check": _check}[options.action](options, report)


def _list(_options: argparse.Namespace, report: Reporter) -> int:
    data = paths.data_dir("headers")
    kernel = load_kernel(data)
    rows = []
    for target in chosen_targets([], everything=True):
        tree = open_tree(target, data, paths.cache_dir())
        rows += [
            (target.name, unit.name, f"ziglang {tree.version}, Linux {tree.kernel_version()}",
             f"{len(tree.headers(unit)):,}")
            for unit in tree.units
        ]  # fmt: skip
    if report.json:
        report.data({
            "trees": [dict(zip(("target", "unit", "source", "headers"), row, strict=True)) for row in rows],
            "kernel_tables": {"version": kernel.version, **kernel.provenance},
        })  # fmt: skip
        return 0
    report.print_table(("target", "unit", "source", "headers"), rows, stream=sys.stdout)
    report.result(
        f"system call tables and prototypes: Linux {kernel.version} ({kernel.provenance['origin']})"
    )
    return 0


def _import(options: argparse.Namespace, report: Reporter) -> int:
    with report.stage("import", str(options.kernel_source)) as stage:
        found = import_kernel(
            options.kernel_source, paths.data_dir("headers") / "kernel", origin=options.origin
        )
        stage.detail(f"{sum(found.tables.values()):,} rows, {found.prototypes} prototypes")
    report.result(
        f"Linux {found.version}: {len(found.tables)} tables with {sum(found.tables.values()):,} rows, "
        f"{found.prototypes} prototypes, from {found.files} files"
    )
    return 0


def _check(_options: argparse.Namespace, report: Reporter) -> int:
    problems = check_kernel(
        load_kernel(paths.data_dir("headers")), chosen_targets([], everything=True)
    )
    if report.json:
        report.data({"problems": problems})
    for problem in problems:
        report.result(problem)
    if not problems:
        report.result("the kernel tables are complete and consistent")
    return 1 if problems else 0
