"""The first half of the way: header trees -> units -> ABI model; library.py goes on from there.

Each step is a plain function of values; the slow ones (parsing, the model, a clean verification)
are cached under a hash of everything they depend on, so an unchanged run does nothing twice.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import cache, paths
from callgate.files import atomic_file
from callgate.headers.trees import HeaderTree, open_tree
from callgate.models import Parsed, build_model, make_models, target_syscalls
from callgate.parse import parse_units
from callgate.parse.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from callgate.report import Reporter
    from callgate.targets import Target

KEPT_SETS = 8  # files of models beyond this many are dropped, oldest first; all targets take 25 MB
KEPT_KEYS = 400  # each with the name of the file that has its model
KEY = re.compile(r"[0-9a-f]{40}")
# Below headers/: no model is made of these, they are made of models or about them.
UNREAD = frozenset({"ledger", "libc.toml", "runs.toml", "tombstones.toml", "volatile.toml"})


def load_abi(target: Target, tree: HeaderTree, report: Reporter, *, jobs: int = 2) -> Parsed:
    """Return the model of ``target`` as seen in ``tree``, from the cache when nothing changed.

    Raises CallgateError when the headers cannot be preprocessed at all; what merely could not be
    parsed is in ``Parsed.failures``.
    """
    key = model_key(target, tree)
    cached = _cached([key]).get(key)
    if cached is not None:
        with report.stage("parse", "headers") as stage:
            stage.detail(f"unchanged: {len(cached.abi.records):,} records from the cache")
        return cached
    memo = Memo.load(paths.cache_dir() / "parsed")
    with report.stage("parse", "headers") as stage:
        units = parse_units(tree, jobs=jobs, memo=memo)
        stage.detail(
            f"{sum(len(unit.headers) for unit in units):,} headers, "
            f"{sum(len(unit.declarations) for unit in units):,} declarations, "
            f"{sum(len(unit.macros) for unit in units):,} macros"
        )
    with report.stage("model", "layouts and values") as stage:
        syscalls = target_syscalls(target)
        abi = build_model(target, tree.kernel_version(), units, syscalls, memo=memo, jobs=jobs)
        stage.detail(
            f"{len(abi.constants):,} constants, {len(abi.records):,} records, "
            f"{len(abi.syscalls):,} system calls"
        )
    parsed = Parsed(abi, tuple(failure for unit in units for failure in unit.failures), key)
    _store({key: parsed}, memo)
    return parsed


def load_abis(
    targets: Sequence[Target],
    open_tree: Callable[[Target], HeaderTree],
    report: Reporter,
    *,
    jobs: int = 2,
) -> dict[str, Parsed]:
    """Return what ``load_abi`` returns of each target, by its name; equal items are one object.

    Made together, models take a third of the processor time and a quarter of the memory: what
    several have is parsed and kept once. Raises CallgateError as ``load_abi`` does.
    """
    trees = {target.name: open_tree(target) for target in targets}
    keys = {target.name: model_key(target, trees[target.name]) for target in targets}
    with report.stage("model", "headers, layouts and values") as stage:
        found = _cached(keys.values())
        missing = {
            keys[target.name]: (target, trees[target.name])
            for target in targets
            if keys[target.name] not in found
        }
        if missing:
            memo = Memo.load(paths.cache_dir() / "parsed")
            found |= make_models(missing, memo, jobs=jobs, progress=stage.progress)
            _store(found, memo)
        said = f"{len(missing)} made" if missing else "unchanged"
        stage.detail(f"{len(keys)} targets, {said}")
    return {name: found[key] for name, key in keys.items()}


def model_key(target: Target, tree: HeaderTree) -> str:
    """Return the hash of everything that the model depends on."""
    return _digest("model", source_hash(), repr(target), tree.fingerprint(), _data_hash())


@functools.cache
def source_hash() -> str:
    """Return the hash of this package's own source: a changed generator shares no cache."""
    root = Path(str(resources.files("callgate")))
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".toml", ".j2", ".lua", ".h"} and path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.cache
def _data_hash() -> str:
    digest = hashlib.sha256()
    root = paths.data_dir("headers")
    for path in sorted(root.rglob("*")):
        if path.is_file() and not UNREAD.intersection(path.parts):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def _cached(keys: Collection[str]) -> dict[str, Parsed]:
    """Return those of the models that are in the cache, by key."""
    folder = paths.cache_dir() / "models"
    found: dict[str, Parsed] = {}
    for key in keys:
        if key in found:
            continue
        try:
            name = (folder / f"{key}.set").read_text(encoding="ascii")
            (folder / f"{key}.set").touch()
        except (OSError, ValueError):
            continue
        kept = cache.load(folder / f"{name}.pickle") if KEY.fullmatch(name) else None
        if isinstance(kept, dict):
            found |= {each: kept[each] for each in keys if each in kept}
    return found


def _store(models: dict[str, Parsed], memo: Memo) -> None:
    """Keep the models in one file, and beside it for each key in which file its model is."""
    folder = paths.cache_dir() / "models"
    name = _digest("set", *sorted(models))
    cache.store(folder / f"{name}.pickle", models, kept=KEPT_SETS)
    for key in models:
        with atomic_file(folder / f"{key}.set") as fresh:
            fresh.write_text(name, encoding="ascii")
    cache.prune(folder, "*.set", KEPT_KEYS)
    memo.save(paths.cache_dir() / "parsed")


__all__ = ["Parsed", "load_abi", "load_abis", "model_key", "open_tree", "source_hash"]
