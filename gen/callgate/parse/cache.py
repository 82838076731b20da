"""Parsed units kept between runs, under a hash of everything that they depend on."""

from __future__ import annotations

import copyreg
import dataclasses
import gc
import hashlib
import io
import operator
import pickle
import sys
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callgate import tree
from callgate.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEPT = 16  # units beyond this many are dropped, those unused for longest first


def key(*parts: str) -> str:
    """Return the hash under which a unit that follows from ``parts`` is kept."""
    digest = hashlib.sha256(_program().encode())
    for part in parts:
        digest.update(hashlib.sha256(part.encode("utf-8", errors="surrogateescape")).digest())
    return digest.hexdigest()[:40]


@cache
def _program() -> str:
    """Return a hash of the parser itself: its source, pycparser's version, Python's version."""
    digest = hashlib.sha256(f"{version('pycparser')} {sys.version_info[:2]}".encode())
    folder = Path(__file__).parent
    for path in (Path(tree.__file__), *sorted(folder.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load(folder: Path, name: str) -> tree.Unit | None:
    """Return the unit kept under ``name``; a damaged or foreign file counts as none."""
    path = folder / f"{name}.pickle"
    try:
        unit = loads(path.read_bytes())
        path.touch()
    except Exception:  # noqa: BLE001 - a damaged pickle can raise anything
        return None
    return unit if isinstance(unit, tree.Unit) else None


def store(folder: Path, name: str, unit: tree.Unit) -> None:
    """Keep the unit; raises CallgateError when the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / f"{name}.pickle") as fresh:
        fresh.write_bytes(dumps(unit))
    stale = sorted(folder.glob("*.pickle"), key=lambda path: path.stat().st_mtime)
    for old in stale[:-KEPT]:
        old.unlink(missing_ok=True)


def dumps(value: object) -> bytes:
    """Pickle ``value``, with its tree nodes as calls of their classes: read three times faster."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(value)
    return stream.getvalue()


def loads(data: bytes) -> Any:  # noqa: ANN401 - whatever was given to dumps
    """Return what ``dumps`` was given."""
    with no_collection():
        return pickle.loads(data)  # noqa: S301 - our own cache, in the user's own directory


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the cycle collector from looking at hundreds of thousands of nodes again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _reducer(kind: type) -> Callable[[object], tuple[type, tuple[object, ...]]]:
    names = [item.name for item in dataclasses.fields(kind)]
    values = operator.attrgetter(*names)
    if len(names) == 1:
        return lambda node: (kind, (values(node),))
    return lambda node: (kind, values(node))


_REDUCERS = copyreg.dispatch_table | {
    kind: _reducer(kind)
    for kind in vars(tree).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}
