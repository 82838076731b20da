"""The scalar types of a data model, and C's rules for combining them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callgate.model import Pointer, Scalar

if TYPE_CHECKING:
    from callgate.targets import DataModel

INT_BITS = 32


class Scalars:
    """The built-in types of one machine, by canonical C name."""

    def __init__(self, model: DataModel) -> None:
        """Lay out every built-in type of ``model``."""
        sizes = {
            "char": (1, 1),
            "short": (2, 2),
            "int": (4, 4),
            "long": model.long,
            "long long": model.long_long,
            "__int128": model.int128,
        }
        self._table: dict[str, Scalar] = {"void": Scalar("void", "void", 0, 1)}
        for name, (size, align) in sizes.items():
            self._table[name] = Scalar("integer", name, size, align, signed=True)
            self._table[f"unsigned {name}"] = Scalar("integer", f"unsigned {name}", size, align)
        self._table["char"] = replace(self._table["char"], signed=model.char_signed)
        self._table["signed char"] = Scalar("integer", "signed char", 1, 1, signed=True)
        self._table["_Bool"] = Scalar("bool", "_Bool", 1, 1)
        floats = {
            "_Float16": (2, 2),
            "float": (4, 4),
            "double": model.double,
            "long double": model.long_double,
            "_Float128": model.float128,
        }
        for name, (size, align) in floats.items():
            self._table[name] = Scalar("float", name, size, align, signed=True)
            self._table[f"{name} _Complex"] = Scalar("complex", f"{name} _Complex", 2 * size, align)
        self.int = self._table["int"]
        self.unsigned = self._table["unsigned int"]
        self.pointer = Pointer(None, *model.pointer)
        by_size = {self._table[name].size: name for name in ("int", "long long", "long")}
        self.ptrdiff_t = self._table[by_size[model.pointer[0]]]
        self.size_t = self._table[f"unsigned {self.ptrdiff_t.c_name}"]

    def __getitem__(self, name: str) -> Scalar:
        """Return the type of that canonical name; raises KeyError on an unknown one."""
        return self._table[name]

    def get(self, name: str) -> Scalar | None:
        """Return the type of that canonical name, None for an unknown one."""
        return self._table.get(name)

    def promote(self, kind: Scalar) -> Scalar:
        """Integer promotion (C23 6.3.2.1): what is narrower than int becomes int."""
        return self.int if kind.size < self.int.size else kind

    def common(self, left: Scalar, right: Scalar) -> Scalar:
        """Return the usual arithmetic conversions' common type (C23 6.3.2.8)."""
        if "float" in (left.kind, right.kind):
            floats = [item for item in (left, right) if item.kind == "float"]
            return max(floats, key=lambda item: item.size)
        left, right = self.promote(left), self.promote(right)
        size = max(left.size, right.size)
        signed = all(item.signed for item in (left, right) if item.size == size)
        return next(item for item in (left, right) if item.size == size and item.signed == signed)

    def literal(self, value: int, *, decimal: bool, unsigned: bool, longs: int) -> Scalar | None:
        """Return an integer literal's type (C23 6.4.5.2), None where no type holds it."""
        for name in ("int", "long", "long long")[longs:]:
            for kind in (self._table[name], self._table[f"unsigned {name}"]):
                if (unsigned and kind.signed) or (decimal and not unsigned and not kind.signed):
                    continue
                if fits(value, kind):
                    return kind
        return None


def fits(value: int, kind: Scalar) -> bool:
    """Tell whether ``kind`` can hold ``value``."""
    return wrap(value, kind) == value


def wrap(value: int, kind: Scalar) -> int:
    """Return ``value`` converted to ``kind``, modulo its width as every compiler here does."""
    if kind.kind == "bool":
        return int(value != 0)
    bits = 8 * kind.size
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind.signed and value >> (bits - 1) else value
