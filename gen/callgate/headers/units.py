"""headers/units.toml: which headers are parsed together, and with what around them."""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """One row of units.toml."""

    name: str  # ex) "uapi"
    of: str  # "kernel" | "libc": which include directories it sees
    prelude: str = ""  # a file under headers/ whose text stands before the includes
    shims: str = ""  # a directory searched last
    supplement: str = ""  # a directory of our own headers, searched first
    first: tuple[str, ...] = ()  # headers included before all others
    discover: tuple[str, ...] = ()  # directories all of whose headers are included
    include: tuple[str, ...] = ()  # headers by name
    through: tuple[str, ...] = ()  # patterns of headers that others include
    defines: tuple[str, ...] = ()  # ex) "_GNU_SOURCE"
    excluded: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # header -> on, reason

    def excluded_here(self, *, big_endian: bool) -> dict[str, str]:
        """Return the excluded headers and why, for a machine's byte order."""
        order = "big-endian" if big_endian else "little-endian"
        return {
            header: row["reason"]
            for header, row in self.excluded.items()
            if row.get("on", order) == order
        }

    def is_through(self, header: str) -> bool:
        """Tell whether ``header`` is only reached through another one."""
        return any(fnmatch.fnmatchcase(header, pattern) for pattern in self.through)


def load_units(path: Path) -> tuple[UnitSpec, ...]:
    """Read the unit table; raises CallgateError naming the row and the key that is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CallgateError(f"cannot read the unit table: {error}", where=str(path)) from error
    return tuple(_unit(name, row, path) for name, row in table.items())


def _unit(name: str, row: dict[str, Any], path: Path) -> UnitSpec:
    known = set(UnitSpec.__dataclass_fields__)
    unknown = sorted(set(row) - known)
    if unknown:
        message = f"unknown key {unknown[0]!r}; keys are {', '.join(sorted(known))}"
        raise CallgateError(message, where=f"{path}: [{name}]")
    if row.get("of") not in {"kernel", "libc"}:
        raise CallgateError('of must be "kernel" or "libc"', where=f"{path}: [{name}]")
    for header, why in row.get("excluded", {}).items():
        if not why.get("reason"):
            raise CallgateError("no reason given", where=f"{path}: [{name}.excluded] {header}")
    values = {key: tuple(item) if isinstance(item, list) else item for key, item in row.items()}
    return UnitSpec(name=name, **values)
