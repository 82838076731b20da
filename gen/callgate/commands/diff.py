"""``callgate diff``: two targets, header trees or dumps compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.commands.common import chosen_targets, parsed
from callgate.commands.generate import numbered
from callgate.errors import CallgateError
from callgate.explore.diff import as_json, diff, is_known, nearest, select
from callgate.explore.difftext import diff_text
from callgate.explore.surface import Surface, read_surface, surface
from callgate.headers.volatile import load_volatile
from callgate.pipeline import open_tree
from callgate.targets import DEFAULT_TARGET

if TYPE_CHECKING:
    import argparse

    from callgate.model import Abi
    from callgate.report import Reporter

LIBC = "libc"  # the unit of a C library's own headers


def run(options: argparse.Namespace, report: Reporter) -> int:
    """Print what differs; return 0 when nothing does and 1 when something does, as diff(1)."""
    report.quiet = True
    if options.target is not None and not any(map(_is_path, (options.old, options.new))):
        raise CallgateError(
            "neither A nor B is a folder of headers", where=f"--target {options.target}"
        )
    sides = [_read(side, options.target, report) for side in (options.old, options.new)]
    old, new = _alike(sides, report)
    changes = diff(old, new, load_volatile(paths.data_dir("headers") / "volatile.toml"))
    changes = select(changes, options.only or (), options.name)
    if options.name is not None and not is_known(options.name, old, new):
        raise CallgateError(
            f"no name matches {options.name!r} on either side",
            hint=nearest(options.name, old, new) or "it is a glob: * stands for any letters",
        )
    if report.json:
        report.data(as_json(old, new, changes))
    else:
        for line in diff_text(old, new, changes):
            report.result(line)
    return 1 if changes else 0


def _read(side: str, target: str | None, report: Reporter) -> Surface | tuple[Abi, str]:
    """Return the surface of a dump, or the model of a target or of a folder's headers."""
    path = Path(side)
    if path.is_dir():
        (row,) = chosen_targets([target or DEFAULT_TARGET])
        data, cache = paths.data_dir("headers"), paths.cache_dir()
        result = parsed(row, report, tree=open_tree(row, data, cache, sysroot=path))
        for failure in result.failures:
            report.warn(f"{side}: {failure.where}: {failure.message}; it is not compared")
        # The kernel's tables are of one version; the headers tell the numbers of theirs.
        abi = numbered(result.abi)
        calls = tuple(call for call in abi.syscalls if not call.newer)
        return replace(abi, syscalls=calls), side
    if path.is_file():
        return read_surface(path)
    if _is_path(side):
        hint = "A and B are targets, folders that hold usr/include, or files of `callgate dump`"
        raise CallgateError("no such file or folder", where=side, hint=hint)
    (row,) = chosen_targets([side])
    return parsed(row, report).abi, side


def _is_path(side: str) -> bool:
    return "/" in side or side.endswith(".json") or Path(side).exists()


def _alike(sides: list[Surface | tuple[Abi, str]], report: Reporter) -> list[Surface]:
    """Return both as surfaces, without the C library's names where a side has no C library."""
    models = [side[0] for side in sides if isinstance(side, tuple)]
    bare = [abi for abi in models if not abi.headers.get(LIBC)]
    if bare and len(models) > len(bare):
        report.warn("one side has no C library's headers: only the kernel's names are compared")
        sides = [(without_libc(s[0]), s[1]) if isinstance(s, tuple) else s for s in sides]
    return [side if isinstance(side, Surface) else surface(*side) for side in sides]


def without_libc(abi: Abi) -> Abi:
    """Return the model of the kernel's headers alone."""
    return replace(
        abi,
        constants=tuple(item for item in abi.constants if item.location.unit != LIBC),
        records=tuple(item for item in abi.records if item.location.unit != LIBC),
        typedefs=tuple(item for item in abi.typedefs if item.location.unit != LIBC),
    )
