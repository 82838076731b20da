"""Sizes, alignments and offsets: ``tree`` types -> ``model`` types, for one data model.

How the members of a record are placed is in ``record``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate import model, tree
from callgate.abi.evaluate import Evaluator
from callgate.abi.record import RecordLayout, measure
from callgate.abi.scalars import Scalars, fits
from callgate.abi.scope import Incomplete, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callgate.targets import DataModel

# GCC's machine modes; "word" and "pointer" are the machine's word.
MODES = {"QI": 1, "byte": 1, "HI": 2, "SI": 4, "DI": 8, "TI": 16}
INTEGERS_BY_SIZE = {1: "char", 2: "short", 4: "int", 8: "long long", 16: "__int128"}
MAX_ARRAY = 1 << 48  # bytes; no real record is larger
MAX_ALIGN = 1 << 28  # bytes; the largest that GCC takes for ELF
MAX_VECTOR = 1 << 16  # bytes; no machine's vectors come near


class Layout:
    """Lays out the types of one unit; every record once."""

    def __init__(self, scope: Scope, data_model: DataModel) -> None:
        """Nothing is laid out until it is asked for."""
        self.scope = scope
        self.data_model = data_model
        self.scalars = Scalars(data_model)
        self.evaluator = Evaluator(self)
        self._records: dict[int, model.Record] = {}
        self._typedefs: dict[str, model.TypeRef] = {}
        self._busy: set[int] = set()
        self._enums: dict[int, model.Scalar] = {}
        self._values: dict[int, list[int]] = {}  # of enums, as far as they are evaluated
        self._typedef_names: dict[int, str] = {}  # id of an untagged record -> its typedef
        for item in scope.typedefs.values():
            if isinstance(item.type, tree.Record) and not item.type.tag:
                self._typedef_names.setdefault(id(item.type), item.name)

    # --- types -----------------------------------------------------------------------------------

    def type(  # noqa: C901, PLR0911, PLR0912 - one return per node type
        self, kind: tree.Type
    ) -> model.TypeRef:
        """Return the model of a type; raises Incomplete, or ValueError with a reason."""
        match kind:
            case tree.Basic():
                if kind.name == "va_list":
                    return self.scalars.pointer
                return self._basic(kind.name)
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
                return self.function(kind)
            case tree.TypeOf():
                if isinstance(kind.operand, tree.Type):
                    return self.type(kind.operand)
                return self.evaluator.type_of(kind.operand)
            case tree.Qualified():
                return self.type(kind.type)
            case tree.Attributed():
                return self.attributed(self.type(kind.type), kind.attributes)
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

    def is_va_list(self, kind: tree.Type) -> bool:
        """Tell whether a type is the compiler's own va_list, whose size no header tells."""
        while isinstance(kind, tree.TypedefName) and kind.name in self.scope.typedefs:
            kind = self.scope.typedefs[kind.name].type
        return isinstance(kind, tree.Basic) and kind.name == "va_list"

    def _basic(self, name: str) -> model.Scalar:
        found = self.scalars.get(name)
        if found is None or (found.size == 0 and found.kind != "void"):
            raise ValueError(f"no {name} on this machine")
        return found

    def _typedef(self, name: str) -> model.TypeRef:
        known = self._typedefs.get(name)
        if known is not None:
            return known
        found = self.scope.typedefs.get(name)
        if found is None:
            raise Incomplete(f"unknown type {name}")
        kind = self.attributed(self.type(found.type), found.attributes)
        if isinstance(kind, model.Scalar) and kind.typedef is None:
            kind = replace(kind, typedef=name)
        self._typedefs[name] = kind
        return kind

    def _tagged(self, kind: tree.Tagged) -> model.TypeRef:
        found = self.scope.records.get((kind.kind, kind.tag))
        name = f"{kind.kind} {kind.tag}"
        if found is None:
            raise Incomplete(f"incomplete {name}")
        record = self.record(found)
        return model.RecordName(name, record.size, record.align)

    def _pointer(self, target: tree.Type) -> model.Pointer:
        qualifiers = self.qualifiers(target)
        while isinstance(target, tree.Qualified | tree.Attributed):
            target = target.type
        size, align = self.data_model.pointer
        return model.Pointer(self._target(target), size, align, *qualifiers)

    def qualifiers(self, kind: tree.Type) -> tuple[bool, bool, bool]:
        """Return whether a type is const, volatile, atomic, by itself or by the typedef it names.

        Of an array it is what its elements are.
        """
        const = volatile = atomic = False
        seen: set[str] = set()
        while True:
            match kind:
                case tree.Qualified():
                    const, volatile = const or kind.const, volatile or kind.volatile
                    atomic = atomic or kind.atomic
                    kind = kind.type
                case tree.Attributed():
                    kind = kind.type
                case tree.Array():  # C11 6.7.3p9: an array's qualifiers are its elements'
                    kind = kind.element
                case tree.TypedefName() if kind.name not in seen:
                    seen.add(kind.name)
                    found = self.scope.typedefs.get(kind.name)
                    if found is None:
                        return const, volatile, atomic
                    kind = found.type
                case _:
                    return const, volatile, atomic

    def _target(self, target: tree.Type) -> model.TypeRef | None:
        """Return what a pointer points to, without laying it out: it may be what we are in."""
        target = self._meant(target)
        if isinstance(target, tree.Tagged) and target.kind != "enum":
            return model.RecordName(f"{target.kind} {target.tag}", 0, 1)
        if isinstance(target, tree.Record) and self.name_of(target):
            return model.RecordName(self.name_of(target), 0, 1)
        try:
            kind = self.type(target)
        except Incomplete:
            return None
        return None if isinstance(kind, model.Scalar) and kind.kind == "void" else kind

    def _meant(self, kind: tree.Type) -> tree.Type:
        """Return the record that a typedef of typedefs means; every other type as it is."""
        meant, seen = kind, set[str]()
        while isinstance(meant, tree.TypedefName | tree.Qualified):
            if isinstance(meant, tree.Qualified):
                meant = meant.type
                continue
            found = self.scope.typedefs.get(meant.name)
            if found is None or meant.name in seen:
                return kind
            seen.add(meant.name)
            meant = found.type
        return meant if isinstance(meant, tree.Tagged | tree.Record) else kind

    def _array(self, kind: tree.Array) -> model.Array:
        element = self.type(kind.element)
        size, align = measure(element)
        if kind.length is None:
            return model.Array(element, None, 0, align)
        count = self.evaluator.integer(kind.length)
        if count < 0 or count * size > MAX_ARRAY:
            raise ValueError(f"array of {count} elements")
        return model.Array(element, count, size * count, align)

    def function(self, kind: tree.Function) -> model.Function:
        """Return the model of a function's type; what it passes may be incomplete."""

        def loosely(item: tree.Type) -> model.TypeRef:
            if isinstance(item, tree.Array):  # a parameter of array type is a pointer
                return self._pointer(item.element)
            try:
                return self.type(item)
            except Incomplete:
                match self._meant(item):
                    case tree.Tagged(kind, tag) | tree.Record(kind, str(tag)) if tag:
                        return model.RecordName(f"{kind} {tag}", 0, 1)
                return model.RecordName("", 0, 1)

        parameters = tuple(
            model.Parameter(item.name, loosely(item.type)) for item in kind.parameters
        )
        return model.Function(loosely(kind.result), parameters, kind.variadic)

    def attributed(
        self, kind: model.TypeRef, attributes: Sequence[tree.Attribute]
    ) -> model.TypeRef:
        """Return the type that ``kind`` becomes by ``aligned``, ``mode`` and those of vectors."""
        for item in attributes:
            if item.name == "aligned" and not isinstance(kind, model.Function):
                kind = replace(kind, align=self.alignment(item) or kind.align)  # 0: no effect
            elif item.name == "mode" and isinstance(item.argument, tree.Name):
                if not isinstance(kind, model.Scalar):
                    raise ValueError("mode of a type that is no scalar")
                kind = self._mode(kind, item.argument.name)
            elif item.name in {"vector_size", "__vector_size__"} and item.argument is not None:
                kind = self._vector(kind, self.evaluator.integer(item.argument))
            elif item.name == "neon_vector_type" and item.argument is not None:
                count = self.evaluator.integer(item.argument)  # of elements (ACLE, arm_neon.h)
                kind = self._vector(
                    kind, count * (0 if isinstance(kind, model.Function) else kind.size)
                )
        return kind

    def _vector(self, element: model.TypeRef, size: int) -> model.Vector:
        if not isinstance(element, model.Scalar) or not element.size:
            raise ValueError("vector of what is no number")
        if not 0 < size <= MAX_VECTOR or size & (size - 1) or size % element.size:
            raise ValueError(f"vector of {size} bytes")
        return model.Vector(element, size, size)

    def _mode(self, kind: model.Scalar, mode: str) -> model.Scalar:
        if kind.kind == "complex":
            names = {"SC": "float", "DC": "double", "XC": "long double", "TC": "_Float128"}
            return self.scalars[f"{names[mode]} _Complex" if mode in names else kind.c_name]
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
        value = self.evaluator.integer(item.argument)
        if not 0 <= value <= MAX_ALIGN or value & (value - 1):
            raise ValueError(f"alignment of {value} bytes; expected a power of two")
        return value

    # --- enums -----------------------------------------------------------------------------------

    def enumerator(self, name: str) -> tuple[int, model.Scalar] | None:
        """Return an enumerator's value and type, None for an unknown name.

        All have type int where all fit it, else all have that of the enum (C23 6.7.3.3). Within
        its own enum one that fits int has that type.
        """
        found = self.scope.enumerators.get(name)
        if found is None:
            return None
        enumeration, index = found
        if id(enumeration) in self._busy:  # used within its own enum: evaluate what came before
            value = self._values_until(enumeration, index)
            kind = self.scalars.int if fits(value, self.scalars.int) else self.scalars["long long"]
            return value, kind
        return self.enumerators(enumeration)[index]

    def enumerators(self, kind: tree.Enumeration) -> list[tuple[int, model.Scalar]]:
        """Return value and type of each enumerator; raises as ``enumeration`` does."""
        scalar = self.enumeration(kind)
        values = self._values[id(kind)]
        small = all(fits(value, self.scalars.int) for value in values)
        return [(value, self.scalars.int if small else scalar) for value in values]

    def enumeration(self, kind: tree.Enumeration) -> model.Scalar:
        """Return the integer type of an enum: the smallest of unsigned int, int, long, packed."""
        if id(kind) in self._enums:
            return self._enums[id(kind)]
        tag = f"enum {kind.tag}" if kind.tag else "enum"
        if id(kind) in self._busy:
            raise Incomplete(f"{tag} is used within itself")
        self._busy.add(id(kind))
        values = self._values[id(kind)] = []
        try:
            for item in kind.enumerators:
                after = values[-1] + 1 if values else 0
                values.append(after if item.value is None else self.evaluator.integer(item.value))
        finally:
            self._busy.discard(id(kind))
        self._enums[id(kind)] = replace(self._underlying(kind, values), enum=tag)
        return self._enums[id(kind)]

    def _underlying(self, kind: tree.Enumeration, values: Sequence[int]) -> model.Scalar:
        """Return the smallest type that holds all values; int and larger unless packed."""
        negative = min(values, default=0) < 0
        names = ["unsigned int", "int", "unsigned long long", "long long"]
        if any(item.name == "packed" for item in kind.attributes):
            names = ["unsigned char", "signed char", "unsigned short", "short", *names]
        for name in names:
            scalar = self.scalars[name]
            if scalar.signed == negative and all(fits(value, scalar) for value in values):
                break
        else:
            raise ValueError("an enum whose values no type holds")
        if scalar.size == self.scalars["long"].size > self.scalars.int.size:
            scalar = self.scalars["long" if negative else "unsigned long"]
        return scalar

    def _values_until(self, kind: tree.Enumeration, index: int) -> int:
        values = self._values[id(kind)]
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
                found = self._records[id(kind)] = RecordLayout(self, kind).run()
            finally:
                self._busy.discard(id(kind))
        return found
