"""Reading the answers out of an object file: it is never run, so any machine's will do."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from pathlib import Path

_STRUCT = {4: "f", 8: "d"}
X87_FRACTION, QUAD_FRACTION = 63, 112  # bits after the leading one
LONG_EXPONENT, LONG_BIAS = 0x7FFF, 16383  # of both formats of long double


@dataclass(frozen=True)
class DataObjects:
    """The constant data of one object file by symbol."""

    data: dict[str, bytes]
    big_endian: bool

    def numbers(self, symbol: str) -> tuple[int, ...]:
        """Return an array of 64-bit numbers."""
        content = self.data[symbol]
        order = ">" if self.big_endian else "<"
        return struct.unpack(f"{order}{len(content) // 8}Q", content)


def read_objects(path: Path, prefix: str) -> DataObjects:
    """Return the data of every symbol whose name starts with ``prefix``.

    Raises CallgateError when the file is no ELF object, or the data is not constant: a relocation
    in it means that the compiler left a value to the linker.
    """
    try:
        with path.open("rb") as stream:
            return _read(ELFFile(stream), prefix)
    except (OSError, ELFError) as error:
        raise CallgateError(f"cannot read the compiler's object file: {error}") from error


def _read(elf: ELFFile, prefix: str) -> DataObjects:
    found: dict[str, bytes] = {}
    sections: dict[int, bytes] = {}
    relocated: dict[int, list[int]] = {}
    for section in elf.iter_sections():
        if isinstance(section, RelocationSection):
            places = [item["r_offset"] for item in section.iter_relocations()]
            relocated.setdefault(section["sh_info"], []).extend(places)
    table = elf.get_section_by_name(".symtab")
    for symbol in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
        if not symbol.name.startswith(prefix):
            continue
        index, start, size = symbol["st_shndx"], symbol["st_value"], symbol["st_size"]
        if index not in sections:
            sections[index] = _content(elf.get_section(index))
        if any(start <= place < start + size for place in relocated.get(index, ())):
            raise CallgateError(f"{symbol.name}: the compiler left a value to the linker")
        found[symbol.name] = sections[index][start : start + size]
    return DataObjects(found, not elf.little_endian)


def _content(section: object) -> bytes:
    """Return a section's bytes; one that holds only zeros (.bss) has none in the file."""
    if section["sh_type"] == "SHT_NOBITS":  # type: ignore[index]
        return bytes(section["sh_size"])  # type: ignore[index]
    return section.data()  # type: ignore[attr-defined, no-any-return]


def extent(content: bytes, *, big_endian: bool) -> tuple[int, int] | None:
    """Return position and width of the run of set bits, or None where there is not one run.

    Positions count as ``model.Field.bit_offset`` does: from the first byte's least significant
    bit, on big-endian machines from its most significant one.
    """
    value = int.from_bytes(content, "big" if big_endian else "little")
    if not value:
        return None
    low = (value & -value).bit_length() - 1
    width = value.bit_length() - low
    if value >> low != (1 << width) - 1:
        return None
    return (len(content) * 8 - low - width if big_endian else low), width


def floating(content: bytes, *, big_endian: bool, x87: bool) -> float:
    """Return the value of a float, double or long double as the nearest Python float.

    ``x87`` tells that values of 12 and 16 bytes are in the 80-bit format of the x87 (System V ABI,
    x86-64 supplement 3.1.2); elsewhere they are IEEE 754 binary128.
    """
    if len(content) in _STRUCT:
        order = ">" if big_endian else "<"
        value: float = struct.unpack(order + _STRUCT[len(content)], content)[0]
        return value
    bits = int.from_bytes(content, "big" if big_endian else "little")
    width = X87_FRACTION if x87 else QUAD_FRACTION
    # the x87 stores the leading bit of the fraction, binary128 implies it
    stored = width + 1 if x87 else width
    exponent = bits >> stored & LONG_EXPONENT
    negative = bits >> stored + 15 & 1
    fraction = bits & ((1 << width) - 1)
    if exponent == LONG_EXPONENT:
        value = math.nan if fraction else math.inf
    else:
        whole = fraction | (exponent != 0) << width
        try:
            value = math.ldexp(whole, max(exponent, 1) - LONG_BIAS - width)
        except OverflowError:
            value = math.inf
    return -value if negative else value
