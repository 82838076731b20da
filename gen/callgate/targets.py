"""The target table: headers/targets.toml as frozen values."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataModel:
    """Sizes and alignments of C's types as ``(size, align)`` in bytes.

    ``char``, ``short``, ``int`` and ``float`` are 1, 2, 4 and 4 bytes, self-aligned, on every
    machine that runs Linux.
    """

    pointer: tuple[int, int]
    long: tuple[int, int]
    long_long: tuple[int, int]  # ex) (8, 4) on i386 inside records
    double: tuple[int, int]
    long_double: tuple[int, int]
    int128: tuple[int, int]  # (0, 0) where the compiler has none
    float128: tuple[int, int]
    max_align: int
    char_signed: bool
    unnamed_bitfields_align: bool
    big_endian: bool


@dataclass(frozen=True, slots=True)
class Target:
    """One row: how the target's headers are found, laid out, called and run."""

    name: str  # ex) "x86_64-linux-gnu"
    arch: str  # ex) "x86_64"
    os: str  # ex) "linux"
    libc: str  # ex) "glibc"
    data_model: DataModel
    zig: str
    kernel_includes: tuple[str, ...]
    libc_includes: tuple[str, ...]
    gcc: tuple[str, ...]
    gcc_machine: str
    syscall_table: str
    syscall_abis: tuple[str, ...]
    registers: int
    pair_alignment: bool
    luajit_arch: str
    luajit_os: str
    sysroot: str = ""  # ex) "uclibc:x86_64": made by `callgate headers build-uclibc`, no bundle's

    @property
    def in_library(self) -> bool:
        """Tell whether the Lua library has a place for it: Linux's calls, the bundle's headers."""
        return self.os == "linux" and not self.sysroot


T = TypeVar("T")

DEFAULT_TARGET = "x86_64-linux-gnu"


def load_targets(path: Path) -> dict[str, Target]:
    """Read the target table.

    Raises CallgateError, naming the row and the key, on an unknown, missing or mistyped one.
    """
    table = _read(path)
    models = _data_models(table, path)
    architectures = table.get("architectures", {})
    targets = {}
    for name, own in table.get("targets", {}).items():
        where = f"{path}: [targets.{name}]"
        row = dict(own)
        if (architecture := row.pop("architecture", None)) is not None:
            if architecture not in architectures:
                raise CallgateError(
                    f"architecture {architecture!r} is not one of {', '.join(architectures)}",
                    where=where,
                )
            row = {**architectures[architecture], **row}
        if row.get("data_model") not in models:
            raise CallgateError(
                f"data_model {row.get('data_model')!r} is not one of {', '.join(models)}",
                where=where,
            )
        values = {**row, "name": name, "data_model": models[row["data_model"]]}
        targets[name] = _build(Target, values, where)
    return targets


def load_data_models(path: Path) -> dict[str, DataModel]:
    """Read the table's data models, those of machines without a target row included."""
    return _data_models(_read(path), path)


def find_target(targets: dict[str, Target], name: str) -> Target:
    """Return the row called ``name``; raises CallgateError with the nearest names."""
    if name in targets:
        return targets[name]
    near = difflib.get_close_matches(name, targets, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "`callgate targets` lists them"
    raise CallgateError(f"unknown target {name!r}", hint=hint)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        message = f"cannot read the target table: {error}"
        raise CallgateError(message, where=str(path)) from error


def _data_models(table: dict[str, Any], path: Path) -> dict[str, DataModel]:
    return {
        name: _build(DataModel, row, f"{path}: [data_models.{name}]")
        for name, row in table.get("data_models", {}).items()
    }


def _build(kind: type[T], row: dict[str, Any], where: str) -> T:
    known = {item.name: str(item.type) for item in fields(kind)}  # type: ignore[arg-type]
    needed = {item.name for item in fields(kind) if item.default is MISSING}  # type: ignore[arg-type]
    unknown = sorted(set(row) - set(known))
    missing = sorted(needed - set(row))
    if unknown or missing:
        parts = [f"unknown key {key!r}" for key in unknown] + [f"no {key!r}" for key in missing]
        raise CallgateError(", ".join(parts), where=where, hint=f"keys: {', '.join(known)}")
    values = {}
    for key, value in row.items():
        expected = _SHAPES.get(known[key])
        if expected is not None and not isinstance(value, expected):
            raise CallgateError(f"{key}: expected {known[key]}, not {value!r}", where=where)
        values[key] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


_SHAPES: dict[str, type] = {
    "int": int,
    "bool": bool,
    "str": str,
    "tuple[int, int]": list,
    "tuple[str, ...]": list,
}
