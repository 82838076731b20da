"""Sizes, alignments and offsets: ``tree`` types -> ``model`` types, for one data model.

The rules are those of GCC and clang for the System V ABIs: bit-fields do not straddle a storage
unit of their type unless packed (PCC_BITFIELD_TYPE_MATTERS), ``#pragma pack`` bounds every
alignment, ``packed`` takes it away, ``aligned`` gives it back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate import model, tree
from callgate.abi.scalars import Scalars, fits
from callgate.abi.scope import Incomplete, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callgate.abi.evaluate import Evaluator
    from callgate.targets import DataModel

# GCC's machine modes; "word" and "pointer" are the machine's word.
MODES = {"QI": 1, "byte": 1, "HI": 2, "SI": 4, "DI": 8, "TI": 16}
INTEGERS_BY_SIZE = {1: "char", 2: "short", 4: "int", 8: "long long", 16: "__int128"}
MAX_ARRAY = 1 << 48  # bytes; no real record is larger


class Layout:
    """Lays out the types of one unit; every record once."""

    def __init__(self, scope: Scope, data_model: DataModel) -> None:
        """Nothing is laid out until it is asked for."""
        from callgate.abi.evaluate import Evaluator  # noqa: PLC0415 - each needs the other

        self.scope = scope
        self.data_model = data_model
        self.scalars = Scalars(data_model)
        self.evaluator: Evaluator = Evaluator(self)
        self._records: dict[int, model.Record] = {}
        self._busy: set[int] = set()
        self._enums: dict[int, model.Scalar] = {}
        self._values: dict[int, tuple[int, ...]] = {}
        self._typedef_names: dict[int, str] = {}  # id of an untagged record -> its typedef
        for item in scope.typedefs.values():
            if isinstance(item.type, tree.Record) and not item.type.tag:
                self._typedef_names.setdefault(id(item.type), item.name)

    # --- types -----------------------------------------------------------------------------------

    def type(self, kind: tree.Type) -> model.TypeRef:  # noqa: PLR0911 - one return per node type
        """Return the model of a type; raises Incomplete, or ValueError with a reason."""
        match kind:
            case tree.Basic():
                if kind.name == "va_list":
                    return self.scalars.pointer
                return self.scalars[kind.name]
            case tree.TypedefName():
                return self._typedef(kind.name)
            case tree.Tagged(kind="enum"):
                found = self.scope.enumerations.get(kind.tag)
                if found is None:
                    raise Incomplete(f"incomplete enum {kind.tag}")
                return self.enumeration(found)
            case tree.Tagged():
                return self._tagged(kind)
            case tree.Pointer():
                return self._pointer(kind.target)
            case tree.Array():
                return self._array(kind)
            case tree.Function():
                return self._function(kind)
            case tree.TypeOf():
                if isinstance(kind.operand, tree.Type):
                    return self.type(kind.operand)
                return self.evaluator.type_of(kind.operand)
            case tree.Qualified():
                return self.type(kind.type)
            case tree.Attributed():
                return self._attributed(self.type(kind.type), kind.attributes)
            case tree.Enumeration():
                return self.enumeration(kind)
            case tree.Record():
                name = self.name_of(kind)
                record = self.record(kind)
                if name:
                    return model.RecordName(name, record.size, record.align)
                return record
        raise ValueError(f"no such type: {kind!r}")

    def name_of(self, kind: tree.Record) -> str:
        """Return ``struct tag``, the typedef's name of an untagged record, or an empty string."""
        return f"{kind.kind} {kind.tag}" if kind.tag else self._typedef_names.get(id(kind), "")

    def _typedef(self, name: str) -> model.TypeRef:
        found = self.scope.typedefs.get(name)
        if found is None:
            raise Incomplete(f"unknown type {name}")
        kind = self._attributed(self.type(found.type), found.attributes)
        if isinstance(kind, model.Scalar) and kind.typedef is None:
            return replace(kind, typedef=name)
        return kind

    def _tagged(self, kind: tree.Tagged) -> model.TypeRef:
        found = self.scope.records.get((kind.kind, kind.tag))
        name = f"{kind.kind} {kind.tag}"
        if found is None:
            raise Incomplete(f"incomplete {name}")
        record = self.record(found)
        return model.RecordName(name, record.size, record.align)

    def _pointer(self, target: tree.Type) -> model.Pointer:
        const = False
        while isinstance(target, tree.Qualified | tree.Attributed):
            const = const or (isinstance(target, tree.Qualified) and target.const)
            target = target.type
        size, align = self.data_model.pointer
        return model.Pointer(self._target(target), size, align, const)

    def _target(self, target: tree.Type) -> model.TypeRef | None:
        """Return what a pointer points to, without laying it out: it may be what we are in."""
        if isinstance(target, tree.Tagged) and target.kind != "enum":
            return model.RecordName(f"{target.kind} {target.tag}", 0, 1)
        if isinstance(target, tree.TypedefName):
            found = self.scope.typedefs.get(target.name)
            if found is not None and isinstance(found.type, tree.Tagged | tree.Record):
                if isinstance(found.type, tree.Record):
                    return model.RecordName(self.name_of(found.type), 0, 1)
                return self._target(found.type)
        if isinstance(target, tree.Record) and self.name_of(target):
            return model.RecordName(self.name_of(target), 0, 1)
        try:
            kind = self.type(target)
        except Incomplete:
            return None
        return None if isinstance(kind, model.Scalar) and kind.kind == "void" else kind

    def _array(self, kind: tree.Array) -> model.Array:
        element = self.type(kind.element)
        size, align = measure(element)
        if kind.length is None:
            return model.Array(element, None, 0, align)
        count = self.evaluator.integer(kind.length)
        if count < 0 or count * size > MAX_ARRAY:
            raise ValueError(f"array of {count} elements")
        return model.Array(element, count, size * count, align)

    def _function(self, kind: tree.Function) -> model.Function:
        def loosely(item: tree.Type) -> model.TypeRef:
            if isinstance(item, tree.Array):  # a parameter of array type is a pointer
                return self._pointer(item.element)
            try:
                return self.type(item)
            except Incomplete:
                return model.RecordName(getattr(item, "tag", ""), 0, 1)

        parameters = tuple(model.Parameter(item.name, loosely(item.type)) for item in kind.parameters)
        return model.Function(loosely(kind.result), parameters, kind.variadic)

    def _attributed(
        self, kind: model.TypeRef, attributes: Sequence[tree.Attribute]
    ) -> model.TypeRef:
        for item in attributes:
            if item.name == "aligned" and not isinstance(kind, model.Function):
                kind = replace(kind, align=self.alignment(item))
            elif item.name == "mode" and isinstance(item.argument, tree.Name):
                assert isinstance(kind, model.Scalar)
                kind = self._mode(kind, item.argument.name)
            elif item.name in {"vector_size", "__vector_size__"} and item.argument is not None:
                size = self.evaluator.integer(item.argument)
                kind = model.Vector(kind, size, size)
        return kind

    def _mode(self, kind: model.Scalar, mode: str) -> model.Scalar:
        if kind.kind == "float":
            names = {"SF": "float", "DF": "double", "XF": "long double", "TF": "_Float128"}
            return self.scalars[names.get(mode, kind.c_name)]
        size = MODES.get(mode, self.data_model.pointer[0])
        name = INTEGERS_BY_SIZE[size]
        if size == 1:
            return self.scalars["signed char" if kind.signed else "unsigned char"]
        return self.scalars[name if kind.signed else f"unsigned {name}"]

    def alignment(self, item: tree.Attribute) -> int:
        """Return the bytes of an ``aligned`` attribute; without an argument, the most there is."""
        if item.argument is None:
            return self.data_model.max_align
        return self.evaluator.integer(item.argument)

    # --- enums -----------------------------------------------------------------------------------

    def enumerator(self, name: str) -> tuple[int, model.Scalar] | None:
        """Return an enumerator's value and type, None for an unknown name.

        One that fits int has that type, the others that of the enum (GNU C before C23).
        """
        found = self.scope.enumerators.get(name)
        if found is None:
            return None
        enumeration, index = found
        if id(enumeration) in self._busy:  # used within its own enum: evaluate what came before
            value = self._values_until(enumeration, index)
            kind = self.scalars.int if fits(value, self.scalars.int) else self.scalars["long long"]
            return value, kind
        kind = self.enumeration(enumeration)
        value = self._values[id(enumeration)][index]
        return value, self.scalars.int if fits(value, self.scalars.int) else kind

    def enumeration(self, kind: tree.Enumeration) -> model.Scalar:
        """Return the integer type of an enum: the smallest of unsigned int, int, long, packed."""
        if id(kind) in self._enums:
            return self._enums[id(kind)]
        self._busy.add(id(kind))
        try:
            values = self._all_values(kind)
        finally:
            self._busy.discard(id(kind))
        negative = min(values, default=0) < 0
        names = ["unsigned int", "int", "unsigned long long", "long long"]
        if any(item.name == "packed" for item in kind.attributes):
            names = ["unsigned char", "signed char", "unsigned short", "short", *names]
        for name in names:
            scalar = self.scalars[name]
            if scalar.signed == negative and all(fits(value, scalar) for value in values):
                break
        tag = f"enum {kind.tag}" if kind.tag else "enum"
        if scalar.size == self.scalars["long"].size > self.scalars.int.size:
            scalar = self.scalars["long" if negative else "unsigned long"]
        self._values[id(kind)] = values
        self._enums[id(kind)] = replace(scalar, enum=tag)
        return self._enums[id(kind)]

    def _all_values(self, kind: tree.Enumeration) -> tuple[int, ...]:
        values: list[int] = []
        self._partial = getattr(self, "_partial", {})
        self._partial[id(kind)] = values
        for item in kind.enumerators:
            if item.value is not None:
                values.append(self.evaluator.integer(item.value))
            else:
                values.append(values[-1] + 1 if values else 0)
        return tuple(values)

    def _values_until(self, kind: tree.Enumeration, index: int) -> int:
        values: list[int] = self._partial[id(kind)]
        if index >= len(values):
            raise ValueError(f"{kind.enumerators[index].name} is used before it has a value")
        return values[index]

    # --- records ---------------------------------------------------------------------------------

    def record(self, kind: tree.Record) -> model.Record:
        """Lay out a struct or union; raises Incomplete when it contains itself."""
        found = self._records.get(id(kind))
        if found is None:
            if id(kind) in self._busy:
                raise Incomplete(f"{self.name_of(kind) or kind.kind} contains itself")
            self._busy.add(id(kind))
            try:
                found = self._records[id(kind)] = _RecordLayout(self, kind).run()
            finally:
                self._busy.discard(id(kind))
        return found


class _RecordLayout:
    """The state of laying out one record; all offsets in bits until the end."""

    def __init__(self, layout: Layout, kind: tree.Record) -> None:
        self._layout = layout
        self._kind = kind
        self._packed = any(item.name == "packed" for item in kind.attributes)
        self._pack = 8 * kind.pack
        self._end = 0  # of what is laid out so far
        self._size = 0
        self._align = 8
        self._fields: list[model.Field] = []

    def run(self) -> model.Record:
        kind = self._kind
        for item in kind.fields:
            self._place(item)
        explicit = max(
            (self._layout.alignment(item) for item in kind.attributes if item.name == "aligned"),
            default=0,
        )
        align = max(self._align // 8, explicit)
        where = kind.where or tree.Where("", "", 0)
        return model.Record(
            self._layout.name_of(kind),
            kind.kind,
            round_up(round_up(self._size, 8) // 8, align),
            align,
            tuple(self._fields),
            model.Location(where.unit, where.header, where.line),
            self._packed,
            explicit,
            kind.pack,
        )

    def _place(self, item: tree.Field) -> None:
        kind = self._layout.type(item.type)
        explicit = 8 * max(
            (self._layout.alignment(each) for each in item.attributes if each.name == "aligned"),
            default=0,
        )
        others = [each for each in item.attributes if each.name in {"mode", "vector_size"}]
        kind = self._layout._attributed(kind, others)  # noqa: SLF001 - same module
        own_packed = any(each.name == "packed" for each in item.attributes)
        size, align = (8 * part for part in measure(kind))
        packed = self._packed or own_packed
        if item.width is not None:
            self._bit_field(item, kind, size, align, explicit, packed=packed)
            return
        field_align = max(8 if packed else align, explicit)
        if self._pack:
            field_align = min(field_align, self._pack)
        start = 0 if self._kind.kind == "union" else round_up(self._end, field_align)
        forced = explicit // 8
        if not packed and not forced and _over_aligned(kind, self._layout):
            forced = align // 8
        self._fields.append(
            model.Field(item.name, kind, start // 8, aligned=forced, packed=own_packed)
        )
        self._advance(start + size, field_align)

    def _bit_field(
        self,
        item: tree.Field,
        kind: model.TypeRef,
        size: int,
        align: int,
        explicit: int,
        *,
        packed: bool,
    ) -> None:
        assert item.width is not None
        width = self._layout.evaluator.integer(item.width)
        if not 0 <= width <= size:
            raise ValueError(f"bit-field {item.name} of {width} bits in a type of {size}")
        field_align = max(1 if packed and width else align, explicit)
        if self._pack and width:
            field_align = min(field_align, self._pack)
        start = self._end
        if self._kind.kind == "union":
            start = 0
        elif width == 0 or (not self._pack and start % field_align + width > size):
            start = round_up(start, field_align)
        elif explicit and (not self._pack or explicit <= self._pack):
            start = round_up(start, explicit)
        if item.name is None and not self._layout.data_model.unnamed_bitfields_align:
            field_align = 1
        unit = start // size * size if size else start
        if start + width > unit + size:  # packed: it straddles units; count from its own byte
            unit = start // 8 * 8
        self._fields.append(
            model.Field(item.name, kind, unit // 8, start - unit, width, explicit // 8,
                        any(each.name == "packed" for each in item.attributes))
        )  # fmt: skip
        self._advance(start + width, field_align)

    def _advance(self, end: int, align: int) -> None:
        self._align = max(self._align, align)
        self._size = max(self._size, end)
        if self._kind.kind != "union":
            self._end = end


def _over_aligned(kind: model.TypeRef, layout: Layout) -> bool:
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
