"""``callgate headers``: the header trees, those that are built, the committed kernel tables."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.commands.common import chosen_targets
from callgate.emit.facts import facts
from callgate.emit.kept import FOLDER, keep
from callgate.files import atomic_directory
from callgate.headers.kernel import load_kernel
from callgate.headers.kernel_check import check_kernel, coverage
from callgate.headers.kernel_import import import_kernel
from callgate.headers.trees import BUNDLE
from callgate.machines.model import Lacking
from callgate.machines.uclibc import build_uclibc
from callgate.pipeline import load_abi, open_tree

if TYPE_CHECKING:
    import argparse

    from callgate.report import Reporter

SYSROOT_MARKER = "usr/include/stdio.h"  # a folder that has it may be replaced by another sysroot


def run(options: argparse.Namespace, report: Reporter) -> int:
    """List, import, check or build."""
    actions = {"list": _list, "import": _import, "check": _check, "build-uclibc": _build_uclibc}
    return actions[options.action](options, report)


def _list(_options: argparse.Namespace, report: Reporter) -> int:
    data = paths.data_dir("headers")
    kernel = load_kernel(data)
    columns = ("target", "unit", "source", "headers")
    rows = []
    for target in chosen_targets([], everything=True):
        try:
            tree = open_tree(target, data, paths.cache_dir())
        except Lacking as error:
            rows.append((target.name, "", f"not built: {error.hint}", "0"))
            continue
        origin = f"ziglang {tree.version}" if tree.name == BUNDLE else Path(tree.name).parent.name
        source = f"{origin}, Linux {tree.kernel_version()}"
        rows += [
            (target.name, unit.name, source, f"{len(tree.headers(unit)):,}") for unit in tree.units
        ]
    if report.json:
        tables = {"version": kernel.version, **kernel.provenance}
        trees = [dict(zip(columns, row, strict=True)) for row in rows]
        report.data({"trees": trees, "kernel_tables": tables})
        return 0
    report.print_table(columns, rows, stream=sys.stdout)
    origin = kernel.provenance["origin"]
    report.result(f"system call tables and prototypes: Linux {kernel.version} ({origin})")
    return 0


def _build_uclibc(options: argparse.Namespace, report: Reporter) -> int:
    sysroot = build_uclibc(options.arch, report)
    if options.output is not None:
        with atomic_directory(options.output, marker=SYSROOT_MARKER) as fresh:
            shutil.copytree(sysroot, fresh, symlinks=True, dirs_exist_ok=True)
        sysroot = options.output
    if options.record:
        _record(options.arch, report)
    report.result(str(sysroot))
    return 0


def _record(arch: str, report: Reporter) -> None:
    """Write what the headers of uClibc-ng say into the data that libraries are made from."""
    every = chosen_targets([], everything=True)
    target = next(item for item in every if item.sysroot == f"uclibc:{arch}")
    data = paths.data_dir("headers")
    abi = load_abi(target, open_tree(target, data, paths.cache_dir()), report).abi
    path = data / FOLDER / f"{arch}.json"
    keep(facts(abi, target, kernel=False), path)
    report.note(f"{path}: written")


def _import(options: argparse.Namespace, report: Reporter) -> int:
    with report.stage("import", str(options.kernel_source)) as stage:
        found = import_kernel(
            options.kernel_source, paths.data_dir("headers") / "kernel", origin=options.origin
        )
        counts = f"{sum(found.tables.values()):,} rows, {found.prototypes} prototypes"
        stage.detail(counts)
    report.result(
        f"Linux {found.version}: {len(found.tables)} tables, {counts}, from {found.files} files"
    )
    return 0


def _check(_options: argparse.Namespace, report: Reporter) -> int:
    kernel = load_kernel(paths.data_dir("headers"))
    problems = check_kernel(kernel, chosen_targets([], everything=True))
    counts = coverage(kernel)
    if report.json:
        report.data({"problems": problems, "architectures": [asdict(item) for item in counts]})
        return 1 if problems else 0
    columns = tuple(item.name for item in fields(counts[0])) if counts else ()
    rows = [tuple(str(getattr(item, name)) for name in columns) for item in counts]
    titles = tuple(name.replace("_", " ") for name in columns)
    report.print_table(titles, rows, stream=sys.stdout)
    for problem in problems:
        report.result(problem)
    if not problems:
        report.result("the kernel tables are complete and consistent")
    return 1 if problems else 0
