"""A C library's own records and constants against the kernel's of the same meaning.

The library that is generated uses the kernel's. Who passes its records to functions of a C library,
or the other way round, must know where the two differ.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.explore.difftext import number_text
from callgate.model import Array, Record, RecordName, Typedef

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from callgate.model import Abi, Constant, Field, TypeRef

LIBC = "libc"  # the unit of a C library's own headers
NAMED = 3  # fields that a line names; the others are counted
_FILLER = re.compile(r"_.*|(.*_)?pad(ding)?\d*|.*(unused|reserved|spare).*|res\d*", re.IGNORECASE)
_GUARDS = "__UAPI_DEF_"  # linux/libc-compat.h's: made to be different

_KEYS = {"kernel": str, "prefix": str, "registers": int}

SAME = "same"  # the same bytes and names
RENAMED = "renamed"  # the same bytes: some fields have other names
DIFFERS = "differs"  # a program that mixes both breaks


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of headers/libc.toml."""

    libc: str  # ex) "struct dirent"
    kernel: str  # ex) "struct linux_dirent64"
    prefix: str = ""  # ex) "sa_": sa_handler is the kernel's handler
    registers: int | None = None  # 32 or 64: only on such machines


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field stands; a flexible array has size 0."""

    offset: int  # in bits
    size: int  # in bits


@dataclass(frozen=True, slots=True)
class RecordComparison:
    """One record of a C library beside the kernel's."""

    name: str  # the C library's
    kernel: str  # the kernel's
    header: str  # the C library's, or "" where it defines the record just as the kernel does
    size: tuple[int, int]  # the C library's, the kernel's
    align: tuple[int, int]
    moved: tuple[tuple[str, Place, Place], ...] = ()  # fields of both at other places or sizes
    own: tuple[str, ...] = ()  # fields of the C library's alone
    missing: tuple[str, ...] = ()  # fields of the kernel's alone

    @property
    def verdict(self) -> str:
        """SAME, RENAMED or DIFFERS."""
        if self.size[0] != self.size[1] or self.align[0] != self.align[1] or self.moved:
            return DIFFERS
        return RENAMED if self.own or self.missing else SAME

    @property
    def text(self) -> str:
        """What a user has to know: ``60 bytes, not 44; c_cc 32 bytes, not 19``."""
        if self.verdict == SAME:
            return "the same"
        if self.verdict == RENAMED:
            return f"the same bytes, other names: {_others(self.own, self.missing)}"
        parts = []
        if self.size[0] != self.size[1]:
            parts.append(f"{self.size[0]} bytes, not {self.size[1]}")
        if self.align[0] != self.align[1]:
            parts.append(f"aligned to {self.align[0]}, not {self.align[1]}")
        parts += [_moved(*item) for item in self.moved[:NAMED]]
        if len(self.moved) > NAMED:
            parts.append(f"{len(self.moved) - NAMED} more")
        if not self.moved and (self.own or self.missing):
            parts.append(f"other names: {_others(self.own, self.missing)}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class ConstantComparison:
    """A constant that a C library defines otherwise than the kernel."""

    name: str
    header: str  # the C library's
    value: int | str | float  # the C library's
    kernel: int | str | float

    @property
    def text(self) -> str:
        """``32, not 19``."""
        return f"{number_text(self.value)}, not {number_text(self.kernel)}"


def load_pairs(path: Path) -> tuple[Pair, ...]:
    """Read headers/libc.toml; raises CallgateError naming the row that is wrong."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("records", {})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CallgateError(f"cannot read it: {error}", where=str(path)) from error
    pairs = []
    for name, row in rows.items():
        shapes = {key: type(value) for key, value in row.items()}
        if "kernel" not in row or not shapes.items() <= _KEYS.items():
            hint = 'a row is: "struct dirent" = { kernel = "struct linux_dirent64" }'
            raise CallgateError(f"{name}: not a pair of names", where=str(path), hint=hint)
        pairs.append(Pair(name, **row))
    return tuple(pairs)


def has_libc(abi: Abi) -> bool:
    """Tell whether the model is of a target with a C library's headers."""
    return bool(abi.headers.get(LIBC))


def compare_records(abi: Abi, pairs: Iterable[Pair]) -> list[RecordComparison]:
    """Return every record that both have, by the C library's name, alike ones included."""
    sides = _Sides(abi)
    width = abi.typedef["__kernel_long_t"].type if "__kernel_long_t" in abi.typedef else None
    registers = 8 * _size(width) if width else None
    wanted = [each for each in pairs if each.registers in {None, registers}]
    wanted += [Pair(name, name) for name in sorted(sides.common())]
    found: dict[tuple[str, str], RecordComparison] = {}
    for pair in wanted:
        comparison = sides.compare(pair)
        if comparison is not None:
            found.setdefault((pair.libc, comparison.kernel), comparison)
    return [found[key] for key in sorted(found)]


def compare_constants(abi: Abi) -> list[ConstantComparison]:
    """Return the constants that the C library's own headers define otherwise, by name."""
    kernel_headers = _kernel_headers(abi)
    return sorted(
        (
            ConstantComparison(
                item.name, item.location.header, item.value, abi.constant[item.name].value
            )
            for item in abi.constants
            if _is_own(item, kernel_headers) and not item.primary
        ),
        key=lambda item: item.name,
    )


def _kernel_headers(abi: Abi) -> frozenset[str]:
    return frozenset(
        header for unit, headers in abi.headers.items() if unit != LIBC for header in headers
    )


def _is_own(item: Constant, kernel_headers: frozenset[str]) -> bool:
    is_libc = item.location.unit == LIBC and item.location.header not in kernel_headers
    return is_libc and not item.name.startswith(_GUARDS)


@dataclass(frozen=True, slots=True)
class _Type:
    header: str
    kind: TypeRef


class _Sides:
    """The records, and the typedefs of what is no record, of both."""

    def __init__(self, abi: Abi) -> None:
        self.kernel: dict[str, _Type] = {}
        self.libc: dict[str, _Type] = {}
        self._records: dict[tuple[bool, str], Record] = {}
        kernel_headers = _kernel_headers(abi)
        items: list[Typedef | Record] = [*abi.typedefs, *abi.records]
        for item in items:
            is_libc = item.location.unit == LIBC
            if is_libc and item.location.header in kernel_headers:
                continue  # the kernel's headers as the C library's include them
            kind: TypeRef = item if isinstance(item, Record) else item.type
            if isinstance(item, Record):
                self._records[is_libc, item.name] = item
            (self.libc if is_libc else self.kernel)[item.name] = _Type(item.location.header, kind)
        for name in abi.repeated.get(LIBC, ()):
            if name in self.kernel:
                self.libc.setdefault(name, _Type("", self.kernel[name].kind))

    def common(self) -> Iterator[str]:
        """Yield the names of records that both define."""
        for name, item in self.libc.items():
            if name in self.kernel and self._record(item.kind, is_libc=True) is not None:
                yield name

    def compare(self, pair: Pair) -> RecordComparison | None:
        libc, kernel, prefix = pair.libc, pair.kernel, pair.prefix
        if libc not in self.libc or kernel not in self.kernel:
            return None
        ours, theirs = self.libc[libc], self.kernel[kernel]
        one, other = self._record(ours.kind, is_libc=True), self._record(theirs.kind, is_libc=False)
        sizes = (_size(one or ours.kind), _size(other or theirs.kind))
        aligns = (_align(one or ours.kind), _align(other or theirs.kind))
        if one is None or other is None:
            return RecordComparison(libc, kernel, ours.header, sizes, aligns)
        kernel = other.name or kernel  # siginfo_t is struct siginfo
        left, right = _leaves(one, ""), _leaves(other, prefix)
        moved = [
            (name, min(places, key=_order), min(right[name], key=_order))
            for name, places in left.items()
            if name in right and not _meet(places, right[name])
        ]
        moved.sort(key=lambda item: (item[1].offset, item[0]))
        return RecordComparison(
            libc,
            kernel,
            ours.header,
            sizes,
            aligns,
            tuple(moved),
            tuple(name for name in left if name not in right),
            tuple(name for name in right if name not in left),
        )

    def _record(self, kind: TypeRef, *, is_libc: bool) -> Record | None:
        """Return the record that a type is, as its own side defines it."""
        if isinstance(kind, Record):
            return kind
        if isinstance(kind, RecordName):
            own = self._records.get((is_libc, kind.name))
            return own or self._records.get((not is_libc, kind.name))
        return None


def _leaves(record: Record, prefix: str) -> Mapping[str, set[Place]]:
    """Return the places of the fields by their last names, without padding."""
    found: dict[str, set[Place]] = {}
    for path, bits, item in record.walk():
        name = path.rpartition(".")[2]
        if not _FILLER.fullmatch(name):
            found.setdefault(prefix + name, set()).add(Place(bits, _bits(item)))
    return found


def _meet(left: set[Place], right: set[Place]) -> bool:
    return any(
        one.offset == other.offset and (one.size == other.size or 0 in {one.size, other.size})
        for one in left
        for other in right
    )


def _order(place: Place) -> tuple[int, int]:
    return (place.offset, place.size)


def _bits(item: Field) -> int:
    if item.bit_width is not None:
        return item.bit_width
    if isinstance(item.type, Array) and item.type.length is None:
        return 0
    return _size(item.type) * 8


def _size(kind: TypeRef) -> int:
    return int(getattr(kind, "size", 0))


def _align(kind: TypeRef) -> int:
    return int(getattr(kind, "align", 1))


def _moved(name: str, libc: Place, kernel: Place) -> str:
    parts = []
    if libc.offset != kernel.offset:
        parts.append(f"at {_at(libc)}, not {_at(kernel)}")
    if libc.size != kernel.size and 0 not in {libc.size, kernel.size}:
        parts.append(_longs(libc.size, kernel.size))
    return f"{name} {', '.join(parts)}"


def _at(place: Place) -> str:
    return f"{place.offset // 8}:{place.offset % 8}" if place.offset % 8 else str(place.offset // 8)


def _longs(libc: int, kernel: int) -> str:
    if libc % 8 or kernel % 8:
        return f"{libc} bits, not {kernel}"
    return f"{libc // 8} bytes, not {kernel // 8}"


def _others(own: tuple[str, ...], missing: tuple[str, ...]) -> str:
    def listed(names: tuple[str, ...]) -> str:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return ", ".join(names[:NAMED]) + more

    if not own:
        return f"without {listed(missing)}"
    return f"{listed(own)}" + (f", not {listed(missing)}" if missing else " as well")
