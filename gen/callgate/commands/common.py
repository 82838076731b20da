"""What several commands begin with: the targets meant, and their models."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from callgate import paths
from callgate.machines.model import Lacking
from callgate.pipeline import Parsed, load_abi, load_abis, open_tree
from callgate.targets import DEFAULT_TARGET, Target, find_target, load_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callgate.headers.trees import HeaderTree
    from callgate.report import Reporter


def chosen_targets(names: Sequence[str], *, everything: bool = False) -> list[Target]:
    """Return the named rows, all rows, or this machine's; raises CallgateError on a wrong name."""
    table = load_targets(paths.data_dir("headers") / "targets.toml")
    if everything:
        return list(table.values())
    return [find_target(table, name) for name in names or [DEFAULT_TARGET]]


def parsed(
    target: Target, report: Reporter, *, tree: HeaderTree | None = None, jobs: int | None = None
) -> Parsed:
    """Return the model of ``target``, from the cache where nothing changed."""
    tree = tree or open_tree(target, paths.data_dir("headers"), paths.cache_dir())
    return load_abi(target, tree, report, jobs=jobs or os.cpu_count() or 1)


def parsed_all(
    targets: Sequence[Target], report: Reporter, *, jobs: int | None = None
) -> dict[str, Parsed]:
    """Return the models of several targets by name, in a third of the time of one by one."""
    data, cache = paths.data_dir("headers"), paths.cache_dir()
    return load_abis(
        targets, lambda row: open_tree(row, data, cache), report, jobs=jobs or os.cpu_count() or 1
    )


def at_hand(targets: Sequence[Target], report: Reporter) -> list[Target]:
    """Return the targets whose headers are here; warn of each other one, and what mends it."""
    data, cache = paths.data_dir("headers"), paths.cache_dir()
    found = []
    for target in targets:
        try:
            open_tree(target, data, cache)
        except Lacking as lacking:
            report.warn(f"{target.name} is left out: {lacking}")
        else:
            found.append(target)
    return found
