"""From the models of several targets to the files of one library, and those into a folder.

The text of a library is cached under a hash of everything it depends on, so that a run that changes
nothing needs no model.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from callgate import paths
from callgate.emit.calls import emit_calls
from callgate.emit.facts import Facts, facts
from callgate.emit.headers import emit_headers, emit_targets
from callgate.emit.luacats import emit_luacats
from callgate.emit.tables import emit_tables
from callgate.errors import CallgateError
from callgate.files import atomic_file
from callgate.spec.loader import load_spec
from callgate.verify.report import FILE as VERIFIED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from callgate.model import Abi
    from callgate.spec.model import Spec
    from callgate.targets import Target

LIBRARY = "callgate"  # output/callgate, `require "callgate"`
DEFINITIONS = "library/callgate"  # for editors, where `require` does not look
BESIDE = ".d.lua"  # ends the names of hand-written modules' definitions
KEPT = 8  # cached libraries beyond this many are dropped, oldest first


@dataclass(frozen=True, slots=True)
class Member:
    """A target of the library, and how its model is had."""

    target: Target
    model: Callable[[], Abi]


def library_files(
    members: Sequence[Member],
    *,
    kept: Sequence[Facts] = (),
    spec: Spec | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, str]:
    """Return ``path under output/ -> text`` of the library, hand-written part included.

    ``kept`` are facts of further C libraries (emit/kept.py), for architectures of the members;
    ``spec`` are the declared tables, by default the package's. Raises CallgateError when a row
    names what no target has, and when targets that the library cannot tell apart differ.
    """
    spec = spec or load_spec()
    first: dict[str, Member] = {}
    for member in members:
        first.setdefault(member.target.luajit_arch, member)
    whole = [first[member.target.luajit_arch] is member for member in members]
    every = [*_every(list(zip(members, whole, strict=True)), jobs, progress), *kept]
    abis = {arch: member.model() for arch, member in first.items()}
    targets = {arch: member.target for arch, member in first.items()}
    files = {
        **emit_headers(every, next(iter(abis.values())).kernel),
        **emit_targets(abis, targets, every),
        **emit_tables(every, spec),
        **emit_calls(abis, spec, targets),
    }
    definitions = emit_luacats(every, abis, spec, targets)
    runtime = resources.files("callgate") / "runtime"
    for path in sorted(Path(str(runtime)).rglob("*.lua")):
        name = path.relative_to(str(runtime)).as_posix()
        if name.endswith(BESIDE):  # of what `callgate bind` wrote
            definitions[name.removesuffix(BESIDE) + ".lua"] = path.read_text(encoding="utf-8")
            continue
        if name in files:
            raise CallgateError(f"runtime/{name} has the path of a generated module", where=name)
        files[name] = path.read_text(encoding="utf-8")
    written = resources.files("callgate") / "definitions"  # of modules whose Lua is written by hand
    for path in sorted(Path(str(written)).glob("*.lua")):
        definitions[f"modules/{path.name}"] = path.read_text(encoding="utf-8")
    return {
        **{f"{LIBRARY}/{name}": text for name, text in sorted(files.items())},
        **{f"{DEFINITIONS}/{name}": text for name, text in sorted(definitions.items())},
    }


def cached(key: str, make: Callable[[], tuple[dict[str, str], bool]]) -> dict[str, str]:
    """Return the files that ``make`` returns, from the cache where they were made for ``key``.

    ``make`` also tells whether they may be kept: what had failures must be made, and said, again.
    """
    name = hashlib.sha256(key.encode()).hexdigest()[:40]
    path = paths.cache_dir() / "libraries" / f"{name}.json"
    try:
        files = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        files = None
    if isinstance(files, dict) and files:
        return files
    files, keep = make()
    if not keep:
        return files
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as fresh:
        fresh.write_text(json.dumps(files), encoding="utf-8")
    stale = sorted(path.parent.glob("*.json"), key=lambda item: item.stat().st_mtime)
    for old in stale[:-KEPT]:
        old.unlink(missing_ok=True)
    return files


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


def _every(
    chosen: list[tuple[Member, bool]], jobs: int, progress: Callable[[int, int], None]
) -> list[Facts]:
    """Return the facts of each member; without the kernel's where the flag is false."""
    if jobs < 2 or len(chosen) < 2:  # noqa: PLR2004 - nothing to run side by side
        return [facts(member.model(), member.target, kernel=whole) for member, whole in chosen]
    global _chosen  # noqa: PLW0603 - what forked workers inherit: models cannot all be sent
    _chosen = chosen
    context = multiprocessing.get_context("fork")
    found: list[Facts] = []
    texts: dict[str, str] = {}
    with ProcessPoolExecutor(min(jobs, len(chosen)), mp_context=context) as pool:
        for number, data in enumerate(pool.map(_worker, range(len(chosen))), 1):
            found.append(_shared(pickle.loads(data), texts))  # noqa: S301 - from our own worker
            progress(number, len(chosen))
    return found


def _shared(own: Facts, texts: dict[str, str]) -> Facts:
    """Return ``own`` with each name and text that other targets have, too, in memory once."""

    def one(text: str) -> str:
        return texts.setdefault(text, text)

    return replace(
        own,
        modules={
            place: {
                section: {one(name): one(text) for name, text in entries.items()}
                for section, entries in sections.items()
            }
            for place, sections in own.modules.items()
        },
        tokens={one(token): place for token, place in own.tokens.items()},
    )


_chosen: list[tuple[Member, bool]] = []


def _worker(number: int) -> bytes:
    member, whole = _chosen[number]
    found = facts(member.model(), member.target, kernel=whole)
    return pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)
