"""Records whose bit-fields LuaJIT would lay out otherwise than C, or does not take at all.

LuaJIT has one rule for all targets (lj_cparse.c: cp_struct_layout): a bit-field that does not fit
into what is left of its type's unit begins a new one. It has none of 64-bit types and does not read
those that leave their unit ("NYI: packed bit fields"). The ABIs have other rules where types are
mixed, unnamed, of no width, or packed.
"""

from __future__ import annotations

from callgate.model import Array, Field, Function, Record, TypeRef

BYTE = 8  # bits
WORD = 8  # bytes of the types of which LuaJIT has no bit-fields


def takes(record: Record) -> bool:
    """Tell whether LuaJIT reads all bit-fields of a record, and where C has them."""
    bits, align = 0, max(1, record.aligned)
    is_packed = record.packed or record.pack > 0
    after_bits = False
    for item in record.fields:
        if record.kind == "union":
            bits = 0
        own = _align(item, record)
        align = max(align, own)
        if item.bit_width is None:
            start = -(-bits // (own * BYTE)) * own
            if after_bits and start != item.offset:
                return False
            bits, after_bits = (item.offset + _size(item.type)) * BYTE, False
            continue
        unit, width, after_bits = _size(item.type) * BYTE, item.bit_width, True
        if unit >= WORD * BYTE:
            return False
        is_free = is_packed or item.packed
        if width == 0 or item.aligned or (not is_free and bits % (own * BYTE) + width > unit):
            bits = -(-bits // (own * BYTE)) * own * BYTE
        place = item.offset * BYTE + (item.bit_offset or 0)
        if bits % unit + width > unit or (item.name and bits != place):
            return False
        bits += width
    if not any(item.bit_width is not None for item in record.fields):
        return True
    bits = max(bits, record.size * BYTE) if record.kind == "union" else bits
    return align == record.align and -(-bits // (align * BYTE)) * align == record.size


def needs_accessors(record: Record) -> bool:
    """Tell whether LuaJIT does not take bit-fields of a record, or of an anonymous one in it."""
    inner = (item.type for item in record.fields if not item.name)
    return not takes(record) or any(isinstance(k, Record) and needs_accessors(k) for k in inner)


def spans(record: Record) -> list[tuple[int, int]]:
    """Return where the bit-fields of each run lie: its first byte, and the one after its last.

    It is all that the members before and after leave free. Of a union it is one span.
    """
    if record.kind == "union":
        ends = [_end(item) for item in record.fields if item.bit_width]
        return [(0, max(ends))] if ends else []
    found: list[tuple[int, int]] = []
    end, is_open = 0, False
    for item in record.fields:
        if item.bit_width is not None:
            is_open = True
            continue
        if is_open and item.offset > end:
            found.append((end, item.offset))
        end, is_open = item.offset + _size(item.type), False
    if is_open and record.size > end:
        found.append((end, record.size))
    return found


def is_naturally_aligned(record: Record) -> bool:
    """Tell whether a record has its alignment of its members' types alone."""
    if record.packed or record.pack or record.aligned or record.align > WORD:
        return False
    return not any(item.aligned or item.packed for item in record.fields)


def is_open(record: Record) -> bool:
    """Tell whether a record ends in a flexible array."""
    kind = record.fields[-1].type
    return isinstance(kind, Array) and kind.length is None


def _end(item: Field) -> int:
    return item.offset + -(-((item.bit_offset or 0) + (item.bit_width or 0)) // BYTE)


def _align(item: Field, record: Record) -> int:
    """Return the alignment that LuaJIT gives a member, by the text that it gets."""
    natural = 1 if isinstance(item.type, Function) else item.type.align
    if item.packed or record.packed or (record.pack and item.bit_width is not None):
        natural = 1
    align = max(1, item.aligned, natural)
    return min(align, record.pack) if record.pack and item.bit_width is None else align


def _size(kind: TypeRef) -> int:
    if isinstance(kind, Array) and kind.length is None:
        return 0
    return 0 if isinstance(kind, Function) else kind.size
