"""Where the members of a struct or union stand, as GCC and clang place them.

The rules are those of the System V ABIs, under which bit-fields take the alignment of their type
and do not straddle a storage unit of it (PCC_BITFIELD_TYPE_MATTERS): ``packed`` takes alignments
away, ``aligned`` gives them back, ``#pragma pack`` bounds all but the record's own. Where the
manuals are silent the order of the steps is that of clang's ItaniumRecordLayoutBuilder, which
agrees with update_alignment_for_field and place_field in GCC's stor-layout.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate import model, tree

if TYPE_CHECKING:
    from callgate.abi.layout import Layout

BYTE = 8  # bits


class RecordLayout:
    """The state of laying out one record; all positions in bits, all alignments too."""

    def __init__(self, layout: Layout, kind: tree.Record) -> None:
        """Types, attributes and expressions are those of ``layout``."""
        self._layout = layout
        self._kind = kind
        self._packed = _has(kind, "packed")
        self._pack = BYTE * kind.pack
        self._end = 0  # of the last member, where the next bit-field may begin
        self._size = 0
        self._align = BYTE
        self._fields: list[model.Field] = []

    def run(self) -> model.Record:
        """Place every member; raises Incomplete, NoValue, or ValueError with a reason."""
        kind = self._kind
        for item in kind.fields:
            self._place(item)
        explicit = self._explicit(kind)
        align = max(self._align, explicit)
        where = kind.where or tree.Where("", "", 0)
        return model.Record(
            self._layout.name_of(kind),
            kind.kind,
            round_up(self._size, align) // BYTE,
            align // BYTE,
            tuple(self._fields),
            model.Location(where.unit, where.header, where.line),
            self._packed,
            explicit // BYTE,
            kind.pack,
        )

    def _explicit(self, item: tree.Field | tree.Record) -> int:
        """Return the strictest ``aligned`` of a field or of the record, 0 for none."""
        given = [each for each in item.attributes if each.name == "aligned"]
        return BYTE * max((self._layout.alignment(each) for each in given), default=0)

    def _place(self, item: tree.Field) -> None:
        kind = self._layout.type(item.type)
        others = [
            each
            for each in item.attributes
            if each.name in {"mode", "vector_size", "neon_vector_type"}
        ]
        kind = self._layout.attributed(kind, others)
        if item.width is None:
            self._member(item, kind)
        else:
            self._bit_field(item, kind, self._layout.evaluator.integer(item.width))

    def _member(self, item: tree.Field, kind: model.TypeRef) -> None:
        if isinstance(kind, model.Function) or kind == self._layout.scalars["void"]:
            raise ValueError(f"member {item.name} of a type without objects")
        size, natural = (BYTE * part for part in measure(kind))
        explicit = self._explicit(item)
        own_packed = _has(item, "packed")
        packed = self._packed or own_packed
        align = max(BYTE if packed else natural, explicit)
        if self._pack:
            align = min(align, self._pack)
        start = 0 if self._kind.kind == "union" else round_up(self._end, align)
        if not packed and not explicit and _is_realigned(kind, self._layout):
            explicit = natural  # by its typedef, which is not written with the type
        self._fields.append(
            model.Field(item.name, kind, start // BYTE, aligned=explicit // BYTE, packed=own_packed)
        )
        self._advance(start + size, align)

    def _bit_field(self, item: tree.Field, kind: model.TypeRef, width: int) -> None:
        if not isinstance(kind, model.Scalar) or kind.kind not in {"integer", "bool"}:
            raise ValueError(f"bit-field {item.name} of a type that is no integer")
        size, natural = (BYTE * part for part in measure(kind))
        limit = 1 if kind.kind == "bool" else size
        if not 0 <= width <= limit:
            raise ValueError(f"bit-field {item.name} of {width} bits in a type of {limit}")
        explicit = self._explicit(item)
        own_packed = _has(item, "packed")
        packed = self._packed or own_packed
        unpacked = max(natural, explicit)
        align = max(1 if packed and width else natural, explicit)
        if self._pack and width:
            # Packed takes the type's alignment away only to the extent of the pragma.
            align = min(unpacked if packed else align, self._pack)
        start = 0 if self._kind.kind == "union" else self._end
        straddles = not self._pack and start % align + width > size
        if width == 0 or straddles:
            start = round_up(start, align)
        elif explicit and (not self._pack or explicit <= self._pack):
            start = round_up(start, explicit)
        unit = start // size * size
        self._fields.append(
            model.Field(
                item.name, kind, unit // BYTE, start - unit, width, explicit // BYTE, own_packed
            )
        )
        if item.name is None and not self._layout.data_model.unnamed_bitfields_align:
            align = BYTE
        self._advance(start + width, align)

    def _advance(self, end: int, align: int) -> None:
        self._align = max(self._align, align)
        self._size = max(self._size, end)
        if self._kind.kind != "union":
            self._end = end


def _has(item: tree.Field | tree.Record, attribute: str) -> bool:
    return any(each.name == attribute for each in item.attributes)


def _is_realigned(kind: model.TypeRef, layout: Layout) -> bool:
    """Tell whether a typedef changed the alignment that the type would have by itself."""
    while isinstance(kind, model.Array):
        kind = kind.element
    if isinstance(kind, model.Scalar) and kind.kind in {"integer", "bool", "float"}:
        return kind.align != layout.scalars[kind.c_name].align
    if isinstance(kind, model.Pointer):
        return kind.align != layout.data_model.pointer[1]
    if isinstance(kind, model.RecordName):
        prefix, _, tag = kind.name.partition(" ")
        found = layout.scope.records.get((prefix, tag))
        if found is None and kind.name in layout.scope.typedefs:
            inner = layout.scope.typedefs[kind.name].type
            found = inner if isinstance(inner, tree.Record) else None
        return found is not None and layout.record(found).align != kind.align
    return False


def measure(kind: model.TypeRef) -> tuple[int, int]:
    """Return size and alignment in bytes; raises Incomplete for what has none."""
    if isinstance(kind, model.Function):
        return 1, 1  # GNU C: sizeof a function is 1
    if isinstance(kind, model.Scalar) and kind.kind == "void":
        return 1, 1  # GNU C: sizeof(void) is 1
    return kind.size, kind.align


def round_up(value: int, step: int) -> int:
    """Return the next multiple of ``step``."""
    return (value + step - 1) // step * step if step else value
