"""C's operators and conversions on translated expressions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from callgate import model
from callgate.abi.scalars import wrap
from callgate.emit import values
from callgate.emit.luatext import ATOM, Text, binary, call, joined, negation
from callgate.emit.values import NO, YES, Untranslatable, Value, beside, helper

if TYPE_CHECKING:
    from callgate.abi.scalars import Scalars

COMPARISONS = {"==": "==", "!=": "~=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
BITWISE = {"&": "band", "|": "bor", "^": "bxor"}
ARITHMETIC = {"+", "-", "*", "/", "%"}
LOSES_BITS = {"+", "-", "*"}  # what may exceed the type: the result is cut to it
KINDS = ("type", "object", "integer", "either")  # what a parameter is used as


class Operations:
    """The operators in one target's types; counts how each parameter is used."""

    def __init__(
        self,
        scalars: Scalars,
        known: Counter[tuple[str, str]] | None = None,
        *,
        pointers: bool = False,
    ) -> None:
        """``known`` are the uses that an earlier translation of the expression counted.

        With ``pointers`` a parameter may be one wherever C takes a pointer as well as an integer.
        """
        self.scalars = scalars
        self._pointers_too = pointers
        self.uses: Counter[tuple[str, str]] = Counter()  # (parameter, one of KINDS)
        self._known = known or Counter()

    # --- parameters ------------------------------------------------------------------------------

    def is_used(self, parameter: str) -> bool:
        """Tell whether the expression has the parameter in it."""
        return any(self.uses[parameter, kind] for kind in KINDS)

    def converted_first(self, parameter: str) -> bool:
        """Tell whether the parameter is made a 64-bit integer once, before the expression."""
        known = self._known
        others = known[parameter, "object"] + known[parameter, "type"]
        integers = known[parameter, "integer"]
        return integers > 0 and integers + known[parameter, "either"] > 1 and not others

    def _is_either(self, *found: Value) -> bool:
        """Tell whether they are parameters of which nothing says that they are integers."""
        return self._pointers_too and all(
            value.parameter is not None and not self._known[value.parameter, "integer"]
            for value in found
        )

    def _either(self, called: str, *parameters: Value) -> Text:
        for value in parameters:
            self.uses[value.parameter or "", "either"] += 1
        return call(called, *(value.text for value in parameters))

    def addressed(self, value: Value) -> Value:
        """Return what C casts to an integer, or compares: a parameter may be a pointer."""
        return Value(self._either("address", value), "integer") if self._is_either(value) else value

    # --- what a value is used as -----------------------------------------------------------------

    def object(self, value: Value) -> Text:
        """Return the value as Lua has it, pointers and records included."""
        if value.parameter is not None:
            self.uses[value.parameter, "object"] += 1
        if value.kind == "integer" and value.number == 0:
            return Text("nil")  # a null pointer constant
        if value.kind not in {"object", "string"}:
            raise Untranslatable("uses a number as a pointer")
        return value.text

    def pointed(self, value: Value) -> Text:
        """Return what stands before ``->``: LuaJIT follows pointers, but no arrays, to members."""
        text = self.object(value)
        if isinstance(value.type, model.Array):
            return Text(f"{text.at(ATOM)}[0]")
        return call("pointed", text) if value.parameter and self._pointers_too else text

    def truth(self, value: Value, *, negated: bool = False) -> Text:
        """Return the value as a condition."""
        if value.kind == "truth":
            return negation(value.text) if negated else value.text
        if value.number is not None:
            return NO if bool(value.number) == negated else YES
        operator = "==" if negated else "~="
        points = value.parameter is not None and self._known[value.parameter, "object"]
        if value.is_pointer or (points and not self._pointers_too):
            return binary(operator, self.object(value), Text("nil"))
        if self._is_either(value) or (points and self._pointers_too):
            test = self._either("truth", value)
            return negation(test) if negated else test
        if value.kind == "object" and value.parameter is None and value.type is None:
            test = call("truth", value.text)
            return negation(test) if negated else test
        return binary(operator, values.against_zero(self.integer(value)), Text("0"))

    def integer(self, value: Value) -> Value:
        """Return the value as a 64-bit cdata."""
        if value.kind == "integer":
            return value
        if value.kind == "truth":
            text = values.either(values.both(value.text, Text("1LL")), Text("0LL"))
            return Value(text, "integer", self.scalars.int)
        if value.kind == "string" or (value.type is not None and value.scalar is None):
            raise Untranslatable("calculates with what is no number")
        if value.scalar is not None and value.scalar.kind not in {"integer", "bool"}:
            raise Untranslatable("floating point")
        if value.parameter is not None:
            self.uses[value.parameter, "integer"] += 1
            if self.converted_first(value.parameter):
                return Value(value.text, "integer")
        return Value(call("long", value.text), "integer", value.type)

    # --- operators -------------------------------------------------------------------------------

    def binary(self, operator: str, left: Value, right: Value) -> Value:
        """Return ``left operator right``; ``&&``, ``||`` and ``,`` are not among the operators."""
        either = operator == "-" and self._is_either(left, right)
        if left.is_pointer or right.is_pointer or either:
            return self._pointers(operator, left, right)
        if operator in {"<<", ">>"}:
            return self._shift(operator, left, right)
        if operator in COMPARISONS and all(self._may_point(item) for item in (left, right)):
            left, right = self.addressed(left), self.addressed(right)
        left, right, kind = self.balanced(left, right)
        if operator == "|" and 0 in (left.number, right.number):
            return right if left.number == 0 else left
        one = left.text if right.number is not None else beside(left)
        two = right.text if left.number is not None else beside(right)
        if operator in COMPARISONS:
            one = values.against_zero(left) if right.number == 0 else one
            two = values.against_zero(right) if left.number == 0 else two
            return Value(binary(COMPARISONS[operator], one, two), "truth")
        if operator in BITWISE:
            masked = (left, right) if operator == "&" else ()
            return Value(joined(BITWISE[operator], one, two), "integer", kind, masked=masked)
        if operator not in ARITHMETIC:
            raise Untranslatable(f"operator {operator}")
        result = _typed(binary(operator, one, two), kind, cut=operator in LOSES_BITS)
        return replace(result, product=operator == "*")

    def _shift(self, operator: str, left: Value, right: Value) -> Value:
        moved = self._promoted(self.integer(left))
        if right.number == 0:
            return moved
        if operator == ">>" and moved.masked:
            # (a & b) >> n, which LuaJIT's compiler makes wrong values of where b is a constant of
            # more than 32 bits or negative (its issue 1079, mended in September 2023)
            one, two = (self._shift(operator, item, right) for item in moved.masked)
            return self.binary("&", one, two)
        count = beside(self.integer(right))
        if operator == ">>" and moved.number is not None and right.number is not None:
            kind = moved.scalar or self.scalars.int
            number = moved.number >> right.number
            return values.constant(number, kind, hexadecimal=moved.hexadecimal or None)
        text = call("shl" if operator == "<<" else "shr", moved.text, count)
        return _typed(text, moved.scalar, cut=operator == "<<")

    def _may_point(self, value: Value) -> bool:
        return value.number == 0 or value.parameter is not None

    def _pointers(self, operator: str, left: Value, right: Value) -> Value:
        if operator in COMPARISONS:
            one, two = self.object(left), self.object(right)
            return Value(binary(COMPARISONS[operator], one, two), "truth")
        if not (left.is_pointer or right.is_pointer):
            return Value(self._either("difference", left, right), "integer")
        points = right.parameter is not None and self._known[right.parameter, "object"]
        if operator == "-" and (right.is_pointer or points):
            difference = binary("-", self.object(left), self.object(right))
            return Value(call("long", difference), "integer", self.scalars.ptrdiff_t)
        if operator not in {"+", "-"}:
            raise Untranslatable(f"operator {operator} on pointers")
        pointer, count = (left, right) if left.is_pointer else (right, left)
        moved = beside(self.integer(count))
        return Value(binary(operator, self.object(pointer), moved), "object", pointer.type)

    def unary(self, operator: str, operand: Value) -> Value:
        """Return ``+operand``, ``-operand`` or ``~operand``."""
        value = self._promoted(self.integer(operand))
        if operator == "+":
            return value
        if operator == "-":
            return _typed(values.minus(value.text), value.scalar)
        signed = value.scalar is None or value.scalar.signed
        return _typed(call("bnot", value.text), value.scalar, cut=not signed)

    def conditional(self, test: Text, yes: Value, no: Value, *, reaches: bool) -> Value:
        """Return ``test ? yes : no``.

        ``reaches`` tells that the arms reach through pointers, so only the one taken may be
        evaluated.
        """
        kinds = (yes.kind, no.kind)
        if yes.is_truth and no.is_truth:
            return Value(values.choice(test, self.truth(yes), self.truth(no)), "truth")
        if "string" in kinds or yes.is_pointer or no.is_pointer:
            chosen, other = self.object(yes), self.object(no)
            if chosen == Text("nil"):  # ``test and nil or other`` would always be the other
                test, chosen, other = negation(test), other, chosen
            text = values.either(values.both(test, chosen), other)
            kind = yes.type if yes.is_pointer else no.type
            return Value(text, "string" if "string" in kinds else "object", kind)
        yes, no, common = self.balanced(yes, no)
        product = yes.product or no.product
        if common is None and not reaches:  # either may be a uint64_t, which makes both one
            return Value(call("choose", test, yes.text, no.text), "integer", product=product)
        text = values.either(values.both(test, yes.text), no.text)
        return Value(text, "integer", common, product=product)

    # --- conversions -----------------------------------------------------------------------------

    def balanced(self, left: Value, right: Value) -> tuple[Value, Value, model.Scalar | None]:
        """Apply the usual arithmetic conversions (C23 6.3.2.8) and return the common type."""
        left, right = self.integer(left), self.integer(right)
        if left.scalar is not None and right.scalar is not None:
            kind: model.Scalar | None = self.scalars.common(left.scalar, right.scalar)
        else:
            # long long, an argument's type, yields only to an unsigned type as wide as itself
            kind = left.scalar or right.scalar
            kind = kind if values.is_u64(kind) else None
        if kind is None:
            return left, right, None
        return self.converted(left, kind), self.converted(right, kind), kind

    def converted(self, value: Value, to: model.Scalar) -> Value:
        """Return an integer converted to the type ``to``."""
        values.check_width(to)
        value = self.integer(value)
        if value.number is not None:
            number = wrap(value.number, to)
            return values.constant(number, to, hexadecimal=value.hexadecimal or None)
        if value.scalar is not None and values.holds(to, value.scalar):
            return replace(value, type=to)
        wide = to.size == values.LONG_BYTES
        masked = tuple(self.converted(item, to) for item in value.masked) if wide else ()
        text = call(helper(to), value.text)
        return Value(text, "integer", to, masked=masked, product=value.product)

    def _promoted(self, value: Value) -> Value:
        if value.scalar is None:
            return value
        return replace(value, type=self.scalars.promote(value.scalar))


def _typed(text: Text, kind: model.Scalar | None, *, cut: bool = True) -> Value:
    """Return a result of type ``kind``, cut to its width where it may exceed it."""
    if cut and kind is not None and kind.size < values.LONG_BYTES:
        return Value(call(helper(kind), text), "integer", kind)
    return Value(text, "integer", kind)
