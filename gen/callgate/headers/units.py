"""headers/units.toml: which headers are parsed together, and with what around them."""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from callgate.targets import Target

CONDITIONS = {"alone": ("beside",), "excluded": ("on", "targets", "needs")}
BYTE_ORDERS = ("little-endian", "big-endian")


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """One row of units.toml, or one header of its ``alone`` table."""

    name: str  # ex) "uapi"; "uapi:linux/coda.h" for a header parsed alone
    of: str  # "kernel" | "libc": which include directories it sees
    os: str = "linux"  # of the targets that have the unit
    defines: tuple[str, ...] = ()  # ex) "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"
    prelude: str = ""  # a file under headers/ whose text stands before the includes
    shims: str = ""  # a directory of stand-ins, searched first
    supplement: str = ""  # a directory of our own headers, searched after it
    first: tuple[str, ...] = ()  # headers included before all others
    discover: tuple[str, ...] = ()  # directories all of whose headers are included
    include: tuple[str, ...] = ()  # headers by name; one that the tree lacks is passed over
    through: Mapping[str, str] = field(default_factory=dict)  # pattern -> why others include it
    alone: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # header -> reason, beside
    excluded: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # see excluded_on

    def excluded_on(self, target: Target, exists: Callable[[str], bool]) -> dict[str, str]:
        """Return the headers that are excluded on a target, and why; ``exists`` is of its tree.

        A row holds everywhere, or on machines of one byte order (``on``), on some targets
        (``targets``, patterns), in trees without another header (``needs``).
        """
        order = BYTE_ORDERS[target.data_model.big_endian]
        return {
            header: row["reason"]
            for header, row in self.excluded.items()
            if row.get("on", order) == order
            and any(fnmatch.fnmatchcase(target.name, each) for each in row.get("targets", ["*"]))
            and not ("needs" in row and exists(row["needs"]))
        }

    def reached_through(self, header: str) -> str | None:
        """Return why ``header`` is included by others only, or None when it is not."""
        for pattern, reason in self.through.items():
            if fnmatch.fnmatchcase(header, pattern):
                return reason
        return None

    def split(self, exists: Callable[[str], bool]) -> tuple[UnitSpec, ...]:
        """Return this unit, and one for each header that has to be parsed alone.

        One that is alone because of a header ``beside`` it is so only where that exists.
        """
        alone = {
            header: row
            for header, row in self.alone.items()
            if exists(header) and exists(row.get("beside", header))
        }
        own = replace(self, first=(), discover=(), through={}, alone={}, excluded={})
        others = (replace(own, name=f"{self.name}:{header}", include=(header,)) for header in alone)
        return replace(self, alone=alone), *others


def load_units(path: Path) -> tuple[UnitSpec, ...]:
    """Read the unit table; raises CallgateError naming the row and the key that is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CallgateError(f"cannot read the unit table: {error}", where=str(path)) from error
    return tuple(_unit(name, row, path) for name, row in table.items())


def _unit(name: str, row: dict[str, Any], path: Path) -> UnitSpec:
    where = f"{path}: [{name}]"
    known = {item.name: str(item.type) for item in fields(UnitSpec) if item.name != "name"}
    unknown = sorted(set(row) - set(known))
    if unknown:
        message = f"unknown key {unknown[0]!r}; keys are {', '.join(known)}"
        raise CallgateError(message, where=where)
    if row.get("of") not in {"kernel", "libc"}:
        raise CallgateError('of must be "kernel" or "libc"', where=where)
    values: dict[str, Any] = {}
    for key, value in row.items():
        if not isinstance(value, _SHAPES[known[key].partition("[")[0]]):
            raise CallgateError(f"{key}: expected {known[key]}, not {value!r}", where=where)
        values[key] = tuple(value) if isinstance(value, list) else value
    for key in ("through", "alone", "excluded"):
        for header, why in row.get(key, {}).items():
            plain = why.get("reason") if key != "through" and isinstance(why, dict) else why
            if not plain or not isinstance(plain, str):
                raise CallgateError("no reason given", where=f"{path}: [{name}.{key}] {header}")
            if isinstance(why, dict):
                _check_conditions(why, CONDITIONS[key], f"{path}: [{name}.{key}] {header}")
    return UnitSpec(name=name, **values)


def _check_conditions(row: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(row) - {"reason", *keys})
    if unknown:
        message = f"unknown key {unknown[0]!r}; keys are reason, {', '.join(keys)}"
        raise CallgateError(message, where=where)
    if row.get("on", BYTE_ORDERS[0]) not in BYTE_ORDERS:
        raise CallgateError(f"on: expected one of {', '.join(BYTE_ORDERS)}", where=where)
    if not isinstance(row.get("targets", []), list):
        raise CallgateError("targets: expected a list of patterns", where=where)


_SHAPES: dict[str, type] = {"str": str, "tuple": list, "Mapping": dict}
