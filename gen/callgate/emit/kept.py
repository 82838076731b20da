"""Facts of C libraries that no bundle has: kept as data, so that a library is made without them.

headers/uclibc/ARCH.json holds what `callgate headers build-uclibc --record` read from the headers
that it had built, one name a line; `callgate verify --run` compares the library with those headers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from callgate.emit.facts import Facts
from callgate.errors import CallgateError
from callgate.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

FOLDER = "uclibc"  # below headers/


def keep(found: Facts, path: Path) -> None:
    """Write a C library's own facts (``emit.facts.facts`` without the kernel's)."""
    data = {
        "arch": found.arch,
        "libc": found.libc,
        "modules": {"/".join(place): module for place, module in sorted(found.modules.items())},
        "tokens": {token: "/".join(place) for token, place in sorted(found.tokens.items())},
        "valueless": sorted(found.valueless),
        "sizes": dict(sorted(found.sizes.items())),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as fresh:
        fresh.write_text(json.dumps(data, indent=0) + "\n", encoding="utf-8")


def kept_facts(folder: Path, archs: Collection[str]) -> list[Facts]:
    """Return what is kept for these architectures (LuaJIT's names), in the order of the files.

    Raises CallgateError naming a file that cannot be read.
    """
    found = [_read(path) for path in sorted(folder.glob("*.json"))]
    return [facts for facts in found if facts.arch in archs]


def _read(path: Path) -> Facts:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Facts(
            data["arch"],
            data["libc"],
            {_place(name): module for name, module in data["modules"].items()},
            {token: _place(name) for token, name in data["tokens"].items()},
            frozenset(data["valueless"]),
            data["sizes"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CallgateError(
            f"cannot read the facts of a C library: {error}",
            where=str(path),
            hint="git checkout it, or make it again: callgate headers build-uclibc --record",
        ) from error


def _place(name: str) -> tuple[str, str]:
    unit, _, header = name.partition("/")
    return unit, header
