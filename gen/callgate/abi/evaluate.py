"""Constant expressions with C's exact semantics, in the scope of one unit.

Numbers are calculated in ``arithmetic``; here is what needs the unit's names, types and layouts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate import model, tree
from callgate.abi import arithmetic
from callgate.abi.record import measure
from callgate.abi.scope import Incomplete
from callgate.abi.value import NoValue, Value, character, converted, number, numeric

if TYPE_CHECKING:
    from callgate.abi.layout import Layout

__all__ = ["Evaluator", "NoValue", "Value"]

MAX_DEPTH = 300  # of an expression; the deepest real one has 40
ADDRESSES = (model.Pointer, model.Array, model.Function)  # arrays and functions decay to one
ADDRESS_OPERATIONS = {  # and which of the operands is an address (C23 6.5.7)
    ("+", True, False), ("+", False, True), ("-", True, False), ("-", True, True),
}  # fmt: skip
LOGICAL = {"&&", "||"}


class Evaluator:
    """Evaluates expressions in one unit's scope."""

    def __init__(self, layout: Layout) -> None:
        """Sizes and enumerators come from ``layout``."""
        self._layout = layout
        self._scalars = layout.scalars
        self._numbers: dict[str, Value] = {}  # literals: a few thousand make up all expressions
        self._depth = 0

    def integer(self, expression: tree.Expression) -> int:
        """Return an integer constant expression's value; raises NoValue otherwise."""
        return self.value(expression).integer

    def value(self, expression: tree.Expression) -> Value:
        """Return value and type.

        Raises NoValue, Incomplete or ValueError with the reason why there is none.
        """
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise NoValue("nested too deeply")
            return self._value(expression)
        except RecursionError as error:
            raise NoValue("nested too deeply") from error
        finally:
            self._depth -= 1

    def type_of(self, expression: tree.Expression) -> model.TypeRef:  # noqa: PLR0911 - by node
        """Return an expression's type without needing its value, as sizeof does."""
        match expression:
            case tree.Unary(operator="*"):
                return self._target(self.type_of(expression.operand))
            case tree.Unary(operator="&"):
                return self._pointer_to(self.type_of(expression.operand))
            case tree.Unary() | tree.Binary() | tree.Conditional():
                return self._operation_type(expression)
            case tree.Member():
                base = self.type_of(expression.base)
                base = self._target(base) if expression.arrow else base
                return self._member(base, expression.field)[1]
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

    # --- types of operations ---------------------------------------------------------------------

    def _operation_type(self, node: tree.Unary | tree.Binary | tree.Conditional) -> model.TypeRef:  # noqa: PLR0911 - by operator
        """Return an operation's type; its operands need no value: ``sizeof(1 / 0)`` is 4."""
        if isinstance(node, tree.Conditional):
            return self._joined(self.type_of(node.yes), self.type_of(node.no))
        if node.operator == "!" or node.operator in LOGICAL | arithmetic.COMPARISONS.keys():
            return self._scalars.int
        if isinstance(node, tree.Unary):
            return self._scalars.promote(numeric(self.type_of(node.operand)))
        left, right = self.type_of(node.left), self.type_of(node.right)
        if node.operator == ",":
            return right
        if isinstance(left, ADDRESSES) or isinstance(right, ADDRESSES):
            return self._address_type(node.operator, left, right)
        one, two = numeric(left), numeric(right)
        if node.operator in arithmetic.SHIFTS:
            return self._scalars.promote(one)
        return self._scalars.common(one, two)

    def _address_type(
        self, operator: str, left: model.TypeRef, right: model.TypeRef
    ) -> model.TypeRef:
        moved = isinstance(left, ADDRESSES), isinstance(right, ADDRESSES)
        both = all(moved)
        if (operator, *moved) not in ADDRESS_OPERATIONS:
            raise NoValue(f"operator {operator} on pointers")
        if both:
            return self._scalars.ptrdiff_t
        address = left if isinstance(left, ADDRESSES) else right
        decayed = isinstance(address, model.Pointer)
        return address if decayed else self._pointer_to(self._target(address))

    def _joined(self, yes: model.TypeRef, no: model.TypeRef) -> model.TypeRef:
        """Return the type of ``test ? yes : no`` (C23 6.5.16)."""
        if not isinstance(yes, model.Scalar) or not isinstance(no, model.Scalar):
            return no if isinstance(no, ADDRESSES) else yes
        if "void" in (yes.kind, no.kind):
            return self._scalars["void"]
        return self._scalars.common(numeric(yes), numeric(no))

    # --- by node ---------------------------------------------------------------------------------

    def _value(self, node: tree.Expression) -> Value:  # noqa: C901, PLR0911 - one return per node type
        match node:
            case tree.Number():
                return self._number(node.text)
            case tree.Character():
                return character(node.text, self._scalars)
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
                offset, _ = self._designated(self._layout.type(node.type), node.designator)
                return Value(offset, self._scalars.size_t)
            case tree.Member() | tree.Index():
                raise NoValue("member or element of an object")
            case tree.Call():
                called = node.function
                name = called.name if isinstance(called, tree.Name) else "an expression"
                raise NoValue(f"call of {name}")
        raise NoValue(node.what)

    def _number(self, text: str) -> Value:
        if text not in self._numbers:
            self._numbers[text] = number(text, self._scalars)
        return self._numbers[text]

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
            return Value(int(not _is_true(operand)), self._scalars.int)
        return arithmetic.unary(node.operator, operand, self._scalars)

    def _binary(self, node: tree.Binary) -> Value:
        if node.operator in LOGICAL:
            known = node.operator == "||"  # the left operand's value that decides alone
            if _is_true(self.value(node.left)) == known:
                return Value(int(known), self._scalars.int)
            return Value(int(_is_true(self.value(node.right))), self._scalars.int)
        left, right = self.value(node.left), self.value(node.right)
        if node.operator == ",":
            return right
        if isinstance(left.type, model.Pointer) or isinstance(right.type, model.Pointer):
            return self._pointer_arithmetic(node.operator, left, right)
        return arithmetic.binary(node.operator, left, right, self._scalars)

    def _pointer_arithmetic(self, operator: str, left: Value, right: Value) -> Value:
        if operator in arithmetic.COMPARISONS:
            return arithmetic.compare(operator, left.integer, right.integer, self._scalars)
        kind = self._address_type(operator, left.type, right.type)
        if not isinstance(kind, model.Pointer):
            step = self._size(self._target(left.type))
            return Value((left.integer - right.integer) // step, self._scalars.ptrdiff_t)
        pointer, count = (left, right) if isinstance(left.type, model.Pointer) else (right, left)
        moved = count.integer * self._size(self._target(kind))
        return self._at(pointer.integer + (moved if operator == "+" else -moved), kind)

    def _conditional(self, node: tree.Conditional) -> Value:
        taken, other = node.no, node.yes
        if _is_true(self.value(node.test)):
            taken, other = other, taken
        found = self.value(taken)
        if not isinstance(found.type, model.Scalar):
            return found
        try:
            kind = self._joined(found.type, self.type_of(other))
        except (NoValue, Incomplete):
            return found  # the other branch has no type that we know: a call, a statement
        if not isinstance(kind, model.Scalar) or kind.kind == "void":
            return found
        return converted(found, kind)

    def _cast(self, node: tree.Cast) -> Value:
        kind = self._layout.type(node.type)
        operand = self.value(node.operand)
        if isinstance(kind, model.Pointer):
            # GCC's manual, "Arrays and Pointers": extended by its own sign, or cut, to the width.
            return self._at(operand.integer, kind)
        if not isinstance(kind, model.Scalar) or kind.kind in {"void", "complex"}:
            raise NoValue("cast to a type without an integer value")
        return converted(operand, kind)

    def _size_of(self, node: tree.SizeOf) -> Value:
        operand = node.operand
        if isinstance(operand, tree.Type):
            kind = self._layout.type(operand)
        else:
            kind = self.type_of(operand)
        size, align = measure(kind)
        return Value(align if node.align else size, self._scalars.size_t)

    # --- records and pointers --------------------------------------------------------------------

    def _address(self, node: tree.Expression) -> Value:
        """Evaluate ``&((T *)0)->member``, the offsetof of old."""
        if isinstance(node, tree.Member) and node.arrow:
            base = self.value(node.base)
            offset, kind = self._member(self._target(base.type), node.field)
            return self._at(base.integer + offset, self._pointer_to(kind))
        if isinstance(node, tree.Member | tree.Index):
            inner = self._address(node.base)
            target = self._target(inner.type)
            if isinstance(node, tree.Member):
                offset, kind = self._member(target, node.field)
            else:
                kind = self._target(target)
                offset = self.integer(node.index) * self._size(kind)
            return self._at(inner.integer + offset, self._pointer_to(kind))
        if isinstance(node, tree.Unary) and node.operator == "*":
            return self.value(node.operand)
        raise NoValue("address of an object")

    def _at(self, address: int, kind: model.Pointer) -> Value:
        """Return a pointer of that type, its address cut to the machine's width."""
        return Value(address & ((1 << arithmetic.BITS * kind.size) - 1), kind)

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
        """Return what a pointer to ``kind`` moves by; raises Incomplete, NoValue for nothing."""
        size = self._record(kind).size if isinstance(kind, model.RecordName) else measure(kind)[0]
        if size == 0:
            raise NoValue("arithmetic on pointers to what has no size")
        return size


def _is_true(operand: Value) -> bool:
    return isinstance(operand.value, bytes) or operand.value != 0  # a string's address is not null
