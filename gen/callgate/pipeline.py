"""The way the data goes: header trees -> units -> ABI model -> library text -> output, verified.

Each step is a plain function of values; the slow ones (parsing, the model, a clean verification)
are cached under a hash of everything they depend on, so an unchanged run does nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.abi.build import build_abi
from callgate.emit.calls import emit_calls
from callgate.emit.headers import emit_headers, emit_numbers
from callgate.emit.macros import translate_macros
from callgate.errors import CallgateError
from callgate.files import atomic_file
from callgate.headers.kernel import load_kernel
from callgate.headers.trees import HeaderTree, open_tree
from callgate.parse import parse_units
from callgate.spec.loader import load_spec
from callgate.verify.report import FILE as VERIFIED

if TYPE_CHECKING:
    from callgate.model import Abi
    from callgate.report import Reporter
    from callgate.spec.model import Spec
    from callgate.targets import Target
    from callgate.tree import Failure

LIBRARY = "callgate"  # output/callgate, `require "callgate"`
KEPT_MODELS = 12  # cached models beyond this many are dropped, oldest first


@dataclass(frozen=True)
class Parsed:
    """A target's model and what could not be parsed on the way."""

    abi: Abi
    failures: tuple[Failure, ...]
    key: str  # the hash of everything the model depends on


def load_abi(target: Target, tree: HeaderTree, report: Reporter, *, jobs: int = 2) -> Parsed:
    """Return the model of ``target`` as seen in ``tree``, from the cache when nothing changed.

    Raises CallgateError when the headers cannot be preprocessed at all; what merely could not be
    parsed is in ``Parsed.failures``.
    """
    key = _digest("model", source_hash(), repr(target), tree.fingerprint(), _data_hash())
    path = paths.cache_dir() / "models" / f"{key}.pickle"
    cached = _unpickle(path)
    if cached is not None:
        with report.stage("parse", "headers") as stage:
            stage.detail(f"unchanged: {len(cached.abi.records):,} records from the cache")
        return cached
    with report.stage("parse", "headers") as stage:
        units = parse_units(tree, jobs=jobs, kept=paths.cache_dir() / "units")
        stage.detail(
            f"{sum(len(unit.headers) for unit in units):,} headers, "
            f"{sum(len(unit.declarations) for unit in units):,} declarations, "
            f"{sum(len(unit.macros) for unit in units):,} macros"
        )
    with report.stage("model", "layouts and values") as stage:
        kernel = load_kernel(paths.data_dir("headers"))
        syscalls = kernel.syscalls(target.syscall_table, target.syscall_abis)
        abi = build_abi(target, tree.kernel_version(), units, syscalls, jobs=jobs)
        abi = translate_macros(abi, units, target)
        stage.detail(
            f"{len(abi.constants):,} constants, {len(abi.records):,} records, "
            f"{len(abi.syscalls):,} system calls"
        )
    parsed = Parsed(abi, tuple(failure for unit in units for failure in unit.failures), key)
    _store(path, parsed)
    return parsed


def library_files(abi: Abi, target: Target, *, spec: Spec | None = None) -> dict[str, str]:
    """Return ``path under output/ -> text`` of the whole library, hand-written part included.

    ``spec`` are the declared tables, by default the package's. Raises CallgateError when a row
    names what ``abi`` does not have.
    """
    spec = spec or load_spec()
    files = {
        **emit_headers(abi, target),
        **emit_numbers(abi, target),
        **emit_calls(abi, spec, target),
    }
    runtime = resources.files("callgate") / "runtime"
    for path in sorted(Path(str(runtime)).rglob("*.lua")):
        name = path.relative_to(str(runtime)).as_posix()
        if name in files:
            raise CallgateError(f"runtime/{name} has the path of a generated module", where=name)
        files[name] = path.read_text(encoding="utf-8")
    return {f"{LIBRARY}/{name}": text for name, text in sorted(files.items())}


def fill(folder: Path, files: dict[str, str]) -> None:
    """Write ``files`` below ``folder``, which is empty."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def is_current(files: dict[str, str], out: Path) -> bool:
    """Tell whether ``out`` holds exactly ``files``, what the verification saved aside."""
    if not out.is_dir():
        return False
    present = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    return present - {VERIFIED} == set(files) and all(
        (out / name).read_bytes() == text.encode() for name, text in files.items()
    )


@cache
def source_hash() -> str:
    """Return the hash of this package's own source: a changed generator shares no cache."""
    root = Path(str(resources.files("callgate")))
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".toml", ".j2", ".lua", ".h"} and path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _data_hash() -> str:
    digest = hashlib.sha256()
    root = paths.data_dir("headers")
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def _unpickle(path: Path) -> Parsed | None:
    """Return the cached model; a damaged or foreign file counts as none."""
    try:
        with path.open("rb") as stream:
            value = pickle.load(stream)  # noqa: S301 - our own cache, in the user's own directory
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, TypeError):
        return None
    return value if isinstance(value, Parsed) else None


def _store(path: Path, value: Parsed) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as fresh:
        fresh.write_bytes(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))
    stale = sorted(path.parent.glob("*.pickle"), key=lambda item: item.stat().st_mtime)
    for old in stale[:-KEPT_MODELS]:
        old.unlink(missing_ok=True)


__all__ = ["Parsed", "fill", "is_current", "library_files", "load_abi", "open_tree", "source_hash"]
