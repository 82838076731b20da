"""What of a model can be compared: names with their values, layouts, texts and numbers.

Two models, of two targets or of two versions, have different lines, bodies and units; a surface
leaves out what no caller sees. It is made of a dump (docs/dump.md), so that what another run or
another machine dumped compares as well as what is parsed now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError
from callgate.explore.dump import dump

if TYPE_CHECKING:
    from pathlib import Path

    from callgate.model import Abi

CALLS = "system calls"  # what they stand under in place of a header


@dataclass(frozen=True, slots=True)
class Value:
    """A constant."""

    value: int | str | float
    header: str  # ex) "linux/fcntl.h"


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a record."""

    name: str  # ex) "data", "inner.x"
    type: str  # ex) "__u64"
    offset: int  # in bytes
    size: int  # in bytes; of a bit-field, its type's
    bits: tuple[int, int] | None = None  # a bit-field's offset after ``offset`` and its width


@dataclass(frozen=True, slots=True)
class Layout:
    """A record."""

    size: int
    align: int
    fields: tuple[Member, ...]
    header: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A typedef."""

    text: str  # ex) "typedef unsigned int __u32"
    size: int
    header: str


@dataclass(frozen=True, slots=True)
class Call:
    """A system call."""

    number: int
    prototype: str  # ex) "long read(unsigned int fd, char *buf, size_t count)"
    header: str = CALLS


Entry = Value | Layout | Alias | Call


@dataclass(frozen=True)
class Surface:
    """Everything of a model that can be compared."""

    name: str  # as the user calls it: a target, a folder, a file
    target: str
    kernel: str  # ex) "7.2.0"
    constants: Mapping[str, Value]
    records: Mapping[str, Layout]
    typedefs: Mapping[str, Alias] | None  # None: not known, a dump of an earlier version
    syscalls: Mapping[str, Call]

    @cached_property
    def headers(self) -> frozenset[str]:
        """The headers that define something."""
        tables = (self.constants, self.records, self.typedefs or {}, self.syscalls)
        return frozenset(entry.header for table in tables for entry in table.values())


def surface(abi: Abi, name: str) -> Surface:
    """Return the surface of ``abi``, called ``name``."""
    return from_dump(dump(abi), name)


def read_surface(path: Path) -> Surface:
    """Return the surface of the file that `callgate dump` wrote.

    Raises CallgateError, naming the file, when it cannot be read or is no such file.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return from_dump(value, str(path))
    except OSError as error:
        raise CallgateError(f"cannot read it: {error.strerror}", where=str(path)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise CallgateError(
            f"not what `callgate dump` writes: {said}",
            where=str(path),
            hint="make it with: callgate dump TARGET -o FILE.json",
        ) from error


def from_dump(value: Mapping[str, Any], name: str) -> Surface:
    """Return the surface of a dump; raises KeyError or TypeError where it is none."""
    typedefs = value.get("typedefs")
    return Surface(
        name,
        value["target"],
        value["kernel"],
        {key: Value(row["value"], row["header"]) for key, row in value["constants"].items()},
        {key: _layout(row) for key, row in value["records"].items()},
        None
        if typedefs is None
        else {key: Alias(row["text"], row["size"], row["header"]) for key, row in typedefs.items()},
        {key: Call(row["number"], _prototype(key, row)) for key, row in value["syscalls"].items()},
    )


def _layout(row: Mapping[str, Any]) -> Layout:
    fields = tuple(
        Member(
            item["name"],
            item["type"],
            item["offset"],
            item["size"],
            (item["bit_offset"], item["bit_width"]) if "bit_width" in item else None,
        )
        for item in row["fields"]
    )
    return Layout(row["size"], row["align"], fields, row["header"])


def _prototype(name: str, row: Mapping[str, Any]) -> str:
    inside = ", ".join(
        item["type"] + ("" if item["type"].endswith("*") else " ") + item["name"]
        for item in row["arguments"]
    )
    return f"{row['returns']} {name}({inside or 'void'})"
