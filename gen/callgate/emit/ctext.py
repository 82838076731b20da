"""The C text of a record as LuaJIT's cdef takes it, and what had to be lowered to get there.

LuaJIT lays records out itself, by the rules of the target's C compiler, so the text says what the
header said: member types, packing, alignment. What its parser does not take (lj_cparse.c) is
lowered, never lost:

* bit-fields of a 64-bit type become one ``uint64_t`` per storage unit and accessors;
* ``__int128``, ``long double``, ``_Float128``, ``_Complex`` and vectors become arrays of the same
  size and alignment, ``_Float16`` an array of one ``uint16_t``;
* a flexible array that is not the last member of the outermost record becomes ``[0]``;
* ``#pragma pack(N)`` becomes packed with an explicit alignment on each member;
* enums become their underlying integer, pointers to functions or arrays become ``void *``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.model import (
    Array,
    Field,
    Function,
    Pointer,
    Record,
    RecordName,
    Scalar,
    TypeRef,
    Vector,
)

if TYPE_CHECKING:
    from collections.abc import Callable

INDENT = "  "
WORD = 8  # bytes of the largest number that cdef takes as such
FLOAT = 4  # bytes of the smallest floating type that it takes
UNIT_BITS = 64  # of the storage unit that replaces bit-fields of 64-bit types


@dataclass(frozen=True, slots=True)
class Accessor:
    """A lowered bit-field: ``width`` bits of a ``uint64_t`` member, from ``shift`` upwards."""

    name: str  # ex) "disabled"
    unit: str  # ex) "_bits40": the member that holds it
    shift: int  # of its least significant bit
    width: int
    signed: bool
    boolean: bool = False


@dataclass(frozen=True, slots=True)
class RecordText:
    """A record ready for cdef: everything after the tag, and its lowered bit-fields."""

    text: str
    accessors: tuple[Accessor, ...]


class RecordWriter:
    """Renders records of one target; ``spell`` gives the ``struct NAME`` of a named record."""

    def __init__(self, spell: Callable[[str], str], *, big_endian: bool) -> None:
        """Remember how names are spelled and where bit 0 of a storage unit is."""
        self._spell = spell
        self._big_endian = big_endian

    def render(self, record: Record) -> RecordText:
        """Return the text after ``struct TAG`` and the accessors of lowered bit-fields."""
        accessors: list[Accessor] = []
        text = self._body(record, 0, "", accessors, tail=record.kind == "struct")
        return RecordText(text, tuple(accessors))

    def type_text(self, kind: TypeRef) -> str:
        """Return the C text of a type that is not an array: ``const char *``, ``uint32_t``."""
        declaration = self._declare(kind, "", 0, "", [], tail=False)
        return declaration.strip()

    # --- members ---------------------------------------------------------------------------------

    def _body(
        self, record: Record, base: int, prefix: str, accessors: list[Accessor], *, tail: bool
    ) -> str:
        inner = INDENT * (prefix.count("/") + 1)
        lines = []
        units: set[int] = set()
        last = len(record.fields) - 1
        for index, item in enumerate(record.fields):
            if _is_wide_bit_field(item):
                line = self._lower(item, base, prefix, units, accessors)
                if line is None:
                    continue
                line = line.format(_storage(record, index))
            elif item.bit_width is not None:
                name = f"{item.name} " if item.name else ""
                line = f"{self.type_text(item.type)} {name}: {item.bit_width}"
            else:
                line = self._declare(
                    item.type,
                    item.name or "",
                    base + item.offset,
                    prefix,
                    accessors,
                    tail=tail and index == last,
                )
            lines.append(f"{inner}{line}{member_attributes(record, item)};\n")
        return "{\n" + "".join(lines) + INDENT * prefix.count("/") + "}" + _attributes(record)

    def _lower(
        self, item: Field, base: int, prefix: str, units: set[int], accessors: list[Accessor]
    ) -> str | None:
        """Note the accessor; return the storage unit's declaration the first time it is met."""
        width, shift = item.bit_width or 0, item.bit_offset or 0
        unit = f"_bits{base + item.offset}"
        if item.name:
            if self._big_endian:
                shift = UNIT_BITS - shift - width
            path = ".".join([*[part for part in prefix.split("/") if part], item.name])
            signed = isinstance(item.type, Scalar) and item.type.signed
            accessors.append(Accessor(path, unit, shift, width, signed))
        if item.offset in units or width == 0:
            return None
        units.add(item.offset)
        return f"{{}} {unit}"

    def _declare(
        self,
        kind: TypeRef,
        name: str,
        offset: int,
        prefix: str,
        accessors: list[Accessor],
        *,
        tail: bool,
    ) -> str:
        suffix = ""
        align = _align(kind)
        while isinstance(kind, Array):
            if kind.length is None:
                suffix += "[]" if tail and not suffix else "[0]"
            else:
                suffix += f"[{kind.length}]"
            kind = kind.element
        if suffix and align > _align(kind):  # of a typedef: arm's __jmp_buf
            suffix += f" __attribute__((aligned({align})))"
        if isinstance(kind, Vector):
            element = kind.element
            count = kind.size // max(1, _size(element))
            suffix += f"[{count}] __attribute__((aligned({kind.align})))"
            kind = element
        elif isinstance(kind, Scalar) and self._is_lowered(kind):
            # i386's long double has 12 bytes, aligned to 4
            unit = next(unit for unit in _UNITS if kind.align % unit.size == 0)
            suffix += f"[{kind.size // unit.size}] __attribute__((aligned({kind.align})))"
            kind = unit
        if isinstance(kind, Record):
            body = self._body(kind, offset, f"{prefix}{name}/", accessors, tail=tail and not suffix)
            return f"{kind.kind} {body} {name}{suffix}".rstrip()
        return self._named(kind, f"{name}{suffix}").rstrip()

    def _is_lowered(self, kind: Scalar) -> bool:
        """Tell whether a member is written as an array of words."""
        return kind.kind == "complex" or is_unknown(kind)

    def _named(self, kind: TypeRef, declarator: str) -> str:
        """Return the declaration of what is no array as ``declarator``, a name and what follows."""
        return f"{self._plain(kind)}{declarator}"

    def _plain(self, kind: TypeRef) -> str:
        """Return the text before the declarator, ready for a name: ``char *`` or ``int32_t ``."""
        if isinstance(kind, Pointer):
            target = kind.target
            if target is None or isinstance(target, Function | Array | Vector | Record):
                return "const void *" if kind.const else "void *"
            if isinstance(target, Scalar) and (
                target.kind in {"void", "complex"} or is_unknown(target)
            ):
                return "const void *" if kind.const else "void *"
            const = "const " if kind.const and not isinstance(target, Pointer) else ""
            return f"{const}{self._plain(target)}*"
        if isinstance(kind, RecordName):
            return f"{self._spell(kind.name)} "
        if isinstance(kind, Scalar):
            return f"{scalar_text(kind)} "
        return "void *"


_UNITS = (
    Scalar("integer", "unsigned long long", 8, 8),
    Scalar("integer", "unsigned int", 4, 4),
    Scalar("integer", "unsigned short", 2, 2),
)


def is_unknown(kind: TypeRef) -> bool:
    """Tell whether LuaJIT has no such scalar: wider than 64 bits, of half a float, or a vector."""
    if not isinstance(kind, Scalar):
        return isinstance(kind, Vector)
    size = kind.size // 2 if kind.kind == "complex" else kind.size  # it has two parts
    return size > WORD or (kind.kind in {"float", "complex"} and size < FLOAT)


def scalar_text(kind: Scalar) -> str:
    """Return LuaJIT's name of a scalar: stdint's, but for char, long and floating types."""
    if kind.kind in {"void", "float"}:
        return kind.c_name
    if kind.kind == "bool":
        return "bool"
    if kind.c_name in {"char", "long", "unsigned long"}:
        return kind.c_name
    return f"{'' if kind.signed else 'u'}int{kind.size * 8}_t"


def _storage(record: Record, index: int) -> str:
    """Return the type that holds the bit-fields of a unit: smaller where a member shares it."""
    item = record.fields[index]
    later = [other.offset for other in record.fields[index:] if other.bit_width is None]
    room = min(later, default=item.offset + WORD) - item.offset
    size = next(size for size in (8, 4, 2, 1) if size <= room)
    if size == WORD or record.packed or record.kind == "union":
        return "uint64_t"
    return f"__attribute__((aligned({_align(item.type)}))) uint{8 * size}_t"


def _is_wide_bit_field(item: Field) -> bool:
    return item.bit_width is not None and _size(item.type) == UNIT_BITS // 8


def member_attributes(record: Record, item: Field) -> str:
    """Return the attributes that a member's declaration ends with."""
    align = item.aligned
    if item.bit_width is None and (align or record.pack):
        # C takes the strictest (GCC: aligned "can only increase"), LuaJIT what stands here.
        align = max(align, 1 if record.packed or item.packed else _align(item.type))
        align = min(align, record.pack or align)
        align = 0 if record.pack == 1 else align
    # A typedef may lower the alignment of its type; `aligned` on the member alone only raises it.
    lowered = item.bit_width is None and _align(item.type) <= align < _size(_element(item.type))
    parts = ["packed"] if item.packed or lowered else []
    if align:
        parts.append(f"aligned({align})")
    return f" __attribute__(({', '.join(parts)}))" if parts else ""


def _attributes(record: Record) -> str:
    parts = ["packed"] if record.packed or record.pack else []
    if record.aligned:
        parts.append(f"aligned({record.aligned})")
    return f" __attribute__(({', '.join(parts)}))" if parts else ""


def _element(kind: TypeRef) -> TypeRef:
    while isinstance(kind, Array):
        kind = kind.element
    return kind


def _size(kind: TypeRef) -> int:
    return 0 if isinstance(kind, Function) else kind.size


def _align(kind: TypeRef) -> int:
    return 1 if isinstance(kind, Function) else kind.align
