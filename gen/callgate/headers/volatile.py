"""headers/volatile.toml: the names whose values each release may change."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Volatile:
    """The globs of such names, each with its reason."""

    patterns: tuple[tuple[str, str], ...]  # ex) (("*_MAX", "the last of an enumeration"),)

    def covers(self, name: str) -> bool:
        """Tell whether ``name`` is one of them."""
        return self._compiled.match(name) is not None

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        parts = [fnmatch.translate(pattern) for pattern, _ in self.patterns]
        return re.compile("|".join(parts) or r"(?!)")


def load_volatile(path: Path) -> Volatile:
    """Read the table; raises CallgateError for a row without a reason."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CallgateError(f"cannot read it: {error}", where=str(path)) from error
    rows = table.get("names", {})
    for pattern, reason in rows.items():
        if not isinstance(reason, str) or not reason:
            raise CallgateError(f"no reason given for {pattern!r}", where=str(path))
    return Volatile(tuple(rows.items()))
