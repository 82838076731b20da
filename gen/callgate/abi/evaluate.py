"""Constant expressions with C's exact semantics: literal types, conversions, wrap-around."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate import model, tree
from callgate.abi.scalars import wrap
from callgate.abi.scope import Incomplete
from callgate.parse.expressions import string_bytes

if TYPE_CHECKING:
    from callgate.abi.layout import Layout

NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)([uUlL]*)")
FLOATING = re.compile(r"((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([fFlL]?)")
MAX_DEPTH = 300
COMPARISONS = {"==", "!=", "<", ">", "<=", ">="}


class NoValue(Exception):  # noqa: N818 - a finding about an expression, reported as a reason
    """The expression has no value at compile time; the message says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value and its type; pointers carry their address as an integer."""

    value: int | float | bytes
    type: model.TypeRef


class Evaluator:
    """Evaluates expressions in one unit's scope."""

    def __init__(self, layout: Layout) -> None:
        """Sizes and enumerators come from ``layout``."""
        self._layout = layout
        self._scalars = layout.scalars
        self._depth = 0

    def integer(self, expression: tree.Expression) -> int:
        """Return an integer constant expression's value; raises NoValue otherwise."""
        value = self.value(expression).value
        if not isinstance(value, int):
            raise NoValue("not an integer")
        return value

    def value(self, expression: tree.Expression) -> Value:
        """Return value and type; raises NoValue or Incomplete with the reason."""
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise NoValue("nested too deeply")
            return self._value(expression)
        finally:
            self._depth -= 1

    def type_of(self, expression: tree.Expression) -> model.TypeRef:  # noqa: PLR0911
        """Return an expression's type without needing its value, as sizeof does."""
        match expression:
            case tree.Unary(operator="*"):
                return self._target(self.type_of(expression.operand))
            case tree.Unary(operator="&"):
                target = self.type_of(expression.operand)
                return model.Pointer(target, *self._layout.data_model.pointer)
            case tree.Member():
                base = self.type_of(expression.base)
                return self._member(self._target(base) if expression.arrow else base, expression.field)[1]
            case tree.Index():
                return self._target(self.type_of(expression.base))
            case tree.Cast():
                return self._layout.type(expression.type)
            case tree.String():
                size = len(expression.value) + 1
                return model.Array(self._scalars["char"], size, size, 1)
            case tree.Name() if expression.name in self._layout.scope.variables:
                return self._layout.type(self._layout.scope.variables[expression.name].type)
        return self.value(expression).type

    # --- by node ---------------------------------------------------------------------------------

    def _value(self, node: tree.Expression) -> Value:  # noqa: PLR0911 - one return per node type
        match node:
            case tree.Number():
                return self._number(node.text)
            case tree.Character():
                return self._character(node.text)
            case tree.String():
                return Value(node.value, self.type_of(node))
            case tree.Name():
                return self._name(node.name)
            case tree.Unary():
                return self._unary(node)
            case tree.Binary():
                return self._binary(node)
            case tree.Conditional():
                return self._conditional(node)
            case tree.Cast():
                return self._cast(node)
            case tree.SizeOf():
                return self._size_of(node)
            case tree.OffsetOf():
                offset = self._designated(self._layout.type(node.type), node.designator)[0]
                return Value(offset, self._scalars.size_t)
            case tree.Member() | tree.Index():
                raise NoValue("member or element of an object")
            case tree.Call():
                name = node.function.name if isinstance(node.function, tree.Name) else "an expression"
                raise NoValue(f"call of {name}")
        raise NoValue(node.what)

    def _number(self, text: str) -> Value:
        found = NUMBER.fullmatch(text.replace("'", ""))
        if found is None:
            return self._floating(text)
        digits, suffix = found[1], found[2].lower()
        octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
        value = int(digits, 8 if octal else 0)
        kind = self._scalars.literal(
            value,
            decimal=digits.isdigit() and not octal,
            unsigned="u" in suffix,
            longs=suffix.count("l"),
        )
        if kind is None:
            raise NoValue("integer literal too large")
        return Value(value, kind)

    def _floating(self, text: str) -> Value:
        found = FLOATING.fullmatch(text)
        if found is None:
            raise NoValue(f"number {text!r} in a form not supported")
        name = {"f": "float", "l": "long double"}.get(found[2].lower(), "double")
        return Value(float(found[1]), self._scalars[name])

    def _character(self, text: str) -> Value:
        inner = text[text.index("'") + 1 : -1]
        data = string_bytes(f'"{inner}"') if inner != '"' else b'"'
        if text[0] != "'" or len(data) != 1:
            raise NoValue("wide or multi-character literal")
        value = wrap(data[0], self._scalars["char"])
        return Value(value, self._scalars.int)

    def _name(self, name: str) -> Value:
        if name in {"true", "false"}:
            return Value(int(name == "true"), self._scalars.int)
        found = self._layout.enumerator(name)
        if found is not None:
            return Value(*found)
        scope = self._layout.scope
        if name in scope.functions:
            raise NoValue(f"function {name}")
        if name in scope.variables:
            raise NoValue(f"variable {name}")
        raise NoValue(f"unknown name {name}")

    def _unary(self, node: tree.Unary) -> Value:
        if node.operator == "&":
            return self._address(node.operand)
        if node.operator == "*":
            raise NoValue("what a pointer points to")
        operand = self.value(node.operand)
        if node.operator == "!":
            return Value(int(not operand.value), self._scalars.int)
        kind = self._arithmetic(operand)
        value = operand.value
        if isinstance(value, float):
            return Value(-value if node.operator == "-" else value, operand.type)
        assert isinstance(value, int)
        kind = self._scalars.promote(kind)
        value = {"-": -value, "~": ~value, "+": value}[node.operator]
        return Value(wrap(value, kind), kind)

    def _binary(self, node: tree.Binary) -> Value:
        if node.operator in {"&&", "||"}:
            left = bool(self.value(node.left).value)
            if left == (node.operator == "||"):
                return Value(int(left), self._scalars.int)
            return Value(int(bool(self.value(node.right).value)), self._scalars.int)
        left, right = self.value(node.left), self.value(node.right)
        if node.operator == ",":
            return right
        if isinstance(left.type, model.Pointer) or isinstance(right.type, model.Pointer):
            return self._pointer_arithmetic(node.operator, left, right)
        left_kind, right_kind = self._arithmetic(left), self._arithmetic(right)
        if node.operator in {"<<", ">>"}:
            return self._shift(node.operator, left, left_kind, right)
        kind = self._scalars.common(left_kind, right_kind)
        if kind.kind == "float":
            return self._float_binary(node.operator, left.value, right.value, kind)
        assert isinstance(left.value, int)
        assert isinstance(right.value, int)
        one, two = wrap(left.value, kind), wrap(right.value, kind)
        if node.operator in COMPARISONS:
            return Value(int(_compare(node.operator, one, two)), self._scalars.int)
        return Value(wrap(_integer_operation(node.operator, one, two), kind), kind)

    def _shift(self, operator: str, left: Value, kind: model.Scalar, right: Value) -> Value:
        kind = self._scalars.promote(kind)
        assert isinstance(left.value, int)
        if not isinstance(right.value, int) or not 0 <= right.value < 8 * kind.size:
            raise NoValue(f"shift by {right.value} in a type of {8 * kind.size} bits")
        value = wrap(left.value, kind)
        value = value << right.value if operator == "<<" else value >> right.value
        return Value(wrap(value, kind), kind)

    def _float_binary(
        self, operator: str, left: float | bytes, right: float | bytes, kind: model.Scalar
    ) -> Value:
        assert not isinstance(left, bytes)
        assert not isinstance(right, bytes)
        if operator in COMPARISONS:
            return Value(int(_compare(operator, left, right)), self._scalars.int)
        if operator == "/" and right == 0:
            raise NoValue("division by zero")
        results = {"+": left + right, "-": left - right, "*": left * right}
        if operator == "/":
            return Value(float(left) / right, kind)
        if operator not in results:
            raise NoValue(f"operator {operator} on floating values")
        return Value(float(results[operator]), kind)

    def _pointer_arithmetic(self, operator: str, left: Value, right: Value) -> Value:
        if not isinstance(left.value, int) or not isinstance(right.value, int):
            raise NoValue("arithmetic on strings")
        if operator in COMPARISONS:
            return Value(int(_compare(operator, left.value, right.value)), self._scalars.int)
        if operator not in {"+", "-"}:
            raise NoValue(f"operator {operator} on pointers")
        if isinstance(left.type, model.Pointer) and isinstance(right.type, model.Pointer):
            step = self._size(self._target(left.type))
            difference = (left.value - right.value) // step
            signed = next(
                self._scalars[name] for name in ("int", "long", "long long")
                if self._scalars[name].size == left.type.size
            )  # fmt: skip
            return Value(difference, signed)
        pointer, count = (left, right) if isinstance(left.type, model.Pointer) else (right, left)
        assert isinstance(pointer.type, model.Pointer)
        assert isinstance(pointer.value, int)
        assert isinstance(count.value, int)
        step = self._size(self._target(pointer.type)) * (1 if operator == "+" else -1)
        value = pointer.value + step * count.value
        return Value(value & ((1 << 8 * pointer.type.size) - 1), pointer.type)

    def _conditional(self, node: tree.Conditional) -> Value:
        taken = self.value(node.yes if self.value(node.test).value else node.no)
        other = node.no if self.value(node.test).value else node.yes
        if not isinstance(taken.type, model.Scalar) or not isinstance(taken.value, int):
            return taken
        try:
            other_type = self.type_of(other)
        except (NoValue, Incomplete):
            return taken
        if not isinstance(other_type, model.Scalar) or other_type.kind == "void":
            return taken
        kind = self._scalars.common(taken.type, other_type)
        if kind.kind == "float":
            return Value(float(taken.value), kind)
        return Value(wrap(taken.value, kind), kind)

    def _cast(self, node: tree.Cast) -> Value:
        kind = self._layout.type(node.type)
        operand = self.value(node.operand)
        value = operand.value
        if isinstance(kind, model.Pointer) and isinstance(value, int):
            signed = isinstance(operand.type, model.Scalar) and operand.type.signed
            del signed  # C23 6.3.2.3: sign-extended by its own value, then cut to the width
            return Value(value & ((1 << 8 * kind.size) - 1), kind)
        if not isinstance(kind, model.Scalar) or kind.kind in {"void", "complex"}:
            raise NoValue("cast to a type without an integer value")
        if isinstance(value, bytes):
            raise NoValue("cast of a string")
        if kind.kind == "float":
            return Value(float(value), kind)
        if isinstance(value, float):
            value = int(value)
        return Value(wrap(value, kind), kind)

    def _size_of(self, node: tree.SizeOf) -> Value:
        operand = node.operand
        kind = (
            self._layout.type(operand) if isinstance(operand, tree.Type) else self.type_of(operand)
        )
        from callgate.abi.layout import measure  # noqa: PLC0415 - each needs the other

        size, align = measure(kind)
        return Value(align if node.align else size, self._scalars.size_t)

    # --- records and pointers --------------------------------------------------------------------

    def _address(self, node: tree.Expression) -> Value:
        """Evaluate ``&((T *)0)->member``, the offsetof of old."""
        if isinstance(node, tree.Member) and node.arrow:
            base = self.value(node.base)
            offset, kind = self._member(self._target(base.type), node.field)
            assert isinstance(base.value, int)
            return Value(base.value + offset, self._pointer_to(kind))
        if isinstance(node, tree.Member | tree.Index):
            inner = self._address(node.base)
            target = self._target(inner.type)
            assert isinstance(inner.value, int)
            if isinstance(node, tree.Member):
                offset, kind = self._member(target, node.field)
            else:
                kind = self._target(target)
                offset = self.integer(node.index) * self._size(kind)
            return Value(inner.value + offset, self._pointer_to(kind))
        if isinstance(node, tree.Unary) and node.operator == "*":
            return self.value(node.operand)
        raise NoValue("address of an object")

    def _designated(self, kind: model.TypeRef, node: tree.Expression) -> tuple[int, model.TypeRef]:
        """Return offset and type of offsetof's designator: ``a``, ``a.b``, ``a[2].b``."""
        match node:
            case tree.Name():
                return self._member(kind, node.name)
            case tree.Member():
                offset, inner = self._designated(kind, node.base)
                further, found = self._member(inner, node.field)
                return offset + further, found
            case tree.Index():
                offset, inner = self._designated(kind, node.base)
                element = self._target(inner)
                return offset + self.integer(node.index) * self._size(element), element
        raise NoValue("designator that is not a member")

    def _member(self, kind: model.TypeRef, name: str) -> tuple[int, model.TypeRef]:
        record = self._record(kind)
        for item in record.fields:
            if item.name == name:
                return item.offset, item.type
            if item.name is None and isinstance(item.type, model.Record):
                try:
                    offset, found = self._member(item.type, name)
                except NoValue:
                    continue
                return item.offset + offset, found
        raise NoValue(f"no member {name} in {record.name or record.kind}")

    def _record(self, kind: model.TypeRef) -> model.Record:
        if isinstance(kind, model.Record):
            return kind
        if isinstance(kind, model.RecordName):
            prefix, _, tag = kind.name.partition(" ")
            found = self._layout.scope.records.get((prefix, tag))
            if found is None:
                typedef = self._layout.scope.typedefs.get(kind.name)
                found = typedef.type if typedef and isinstance(typedef.type, tree.Record) else None
            if found is None:
                raise Incomplete(f"incomplete {kind.name}")
            return self._layout.record(found)
        raise NoValue("member of what is no record")

    def _target(self, kind: model.TypeRef) -> model.TypeRef:
        if isinstance(kind, model.Array | model.Vector):
            return kind.element
        if isinstance(kind, model.Pointer):
            return kind.target or self._scalars["void"]
        raise NoValue("what points nowhere")

    def _pointer_to(self, kind: model.TypeRef) -> model.Pointer:
        return model.Pointer(kind, *self._layout.data_model.pointer)

    def _size(self, kind: model.TypeRef) -> int:
        if isinstance(kind, model.RecordName):
            return self._record(kind).size
        return max(1, getattr(kind, "size", 1))

    def _arithmetic(self, operand: Value) -> model.Scalar:
        if isinstance(operand.type, model.Scalar) and not isinstance(operand.value, bytes):
            return operand.type
        raise NoValue("arithmetic on what is no number")


def _compare(operator: str, left: float, right: float) -> bool:
    return {
        "==": left == right, "!=": left != right, "<": left < right, ">": left > right,
        "<=": left <= right, ">=": left >= right,
    }[operator]  # fmt: skip


def _integer_operation(operator: str, left: int, right: int) -> int:
    if operator in {"/", "%"}:
        if right == 0:
            raise NoValue("division by zero")
        quotient = abs(left) // abs(right)
        quotient = quotient if (left < 0) == (right < 0) else -quotient
        return quotient if operator == "/" else left - quotient * right
    operations = {
        "+": int.__add__, "-": int.__sub__, "*": int.__mul__, "|": int.__or__, "&": int.__and__,
        "^": int.__xor__,
    }  # fmt: skip
    if operator not in operations:
        raise NoValue(f"operator {operator}")
    return operations[operator](left, right)
