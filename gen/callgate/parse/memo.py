"""What has been parsed before: the same text, with the same names as types, means the same.

97 to 99.5 percent of the kernel's declarations are the same text at the same place on every
architecture, so that all but the first find almost everything here.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callgate import cache, tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WORD = re.compile(r"[A-Za-z_$][\w$]*")
ROLES = {True: "t", False: "n", None: "-"}  # of a word: a type's name, another's, none so far
MISSING = object()  # what find returns for what is not there; None is an answer
# All Linux targets together have 90,000 entries, in 25 MB.
MAX_ENTRIES = 200_000
KEPT_FILES = 2  # of other versions of the parser


class Memo:
    """Results of parsing by a hash of all they depend on: text, place, and which words are types.

    The values are immutable and shared by all who find them.
    """

    def __init__(self, entries: dict[bytes, Any] | None = None) -> None:
        """``entries`` are those of an earlier run."""
        self._entries = entries or {}
        self._used: set[bytes] = set()
        self._fresh: dict[bytes, Any] = {}  # those that no earlier run had

    @classmethod
    def load(cls, folder: Path) -> Memo:
        """Return what ``save`` kept in the folder; nothing from a damaged or foreign file."""
        entries = cache.load(_file(folder))
        return cls(entries if isinstance(entries, dict) else None)

    def save(self, folder: Path) -> None:
        """Keep everything for later runs; when that is too much, only what this run used."""
        if not self._fresh:
            return
        entries = self._entries
        if len(entries) > MAX_ENTRIES:
            entries = {key: value for key, value in entries.items() if key in self._used}
        cache.store(_file(folder), entries, kept=KEPT_FILES)

    def find(self, key: bytes) -> Any:  # noqa: ANN401 - a parser's result, known to who asks
        """Return the result kept under ``key``, or MISSING."""
        self._used.add(key)
        return self._entries.get(key, MISSING)

    def keep(self, key: bytes, value: object) -> None:
        """Keep a result."""
        self._entries[key] = self._fresh[key] = value

    def fresh(self, seen: Iterable[bytes] = ()) -> dict[bytes, Any]:
        """Return the results that are new in this run, but for those in ``seen``."""
        left = set(seen)
        return {key: value for key, value in self._fresh.items() if key not in left}

    def update(self, entries: Mapping[bytes, Any]) -> None:
        """Take over what another process found."""
        for key, value in entries.items():
            if key not in self._entries:
                self.keep(key, value)
        self._used.update(entries)


def hashed(kind: str, text: str, names: Mapping[str, bool], *place: str) -> bytes:
    """Return the key of ``text``; ``names`` tells which words are types, as the parser asks it."""
    roles = "".join([ROLES[names.get(word)] for word in WORD.findall(text)])
    whole = "\0".join((kind, text, roles, *place)).encode("utf-8", errors="surrogateescape")
    return hashlib.blake2b(whole, digest_size=16).digest()


def _file(folder: Path) -> Path:
    return folder / f"{_program()}.pickle"


@functools.cache
def _program() -> str:
    """Return a hash of the parser itself: its source, pycparser's version, Python's version."""
    digest = hashlib.sha256(f"{version('pycparser')} {sys.version_info[:2]}".encode())
    folder = Path(__file__).parent
    for path in (Path(tree.__file__), *sorted(folder.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:40]
