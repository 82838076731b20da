"""C's operators on numbers, for one machine's types: promotion, conversion, wrap-around."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING

from callgate.abi.scalars import wrap
from callgate.abi.value import NoValue, Value, converted, in_range, numeric, rounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from callgate.abi.scalars import Scalars

BITS = 8  # of a byte
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt,
    ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
SHIFTS = {"<<", ">>"}


def unary(sign: str, operand: Value, scalars: Scalars) -> Value:
    """Return ``+``, ``-`` or ``~`` of a number (C23 6.5.4.4)."""
    kind = scalars.promote(numeric(operand.type))
    if kind.kind == "float":
        if sign == "~":
            raise NoValue("operator ~ on floating values")
        return Value(-operand.number if sign == "-" else operand.number, kind)
    value = operand.integer
    return Value(wrap({"-": -value, "~": ~value, "+": value}[sign], kind), kind)


def binary(sign: str, left: Value, right: Value, scalars: Scalars) -> Value:
    """Return an arithmetic, bitwise or relational operation on two numbers.

    Signed overflow wraps, as GCC and clang fold it. Raises NoValue for what C leaves undefined and
    they do not agree on: division by zero, shifts by more than the width.
    """
    left_kind, right_kind = numeric(left.type), numeric(right.type)
    if sign in SHIFTS:
        return _shift(sign, left, right, scalars)
    kind = scalars.common(left_kind, right_kind)
    one, two = converted(left, kind), converted(right, kind)
    if sign in COMPARISONS:
        return compare(sign, one.number, two.number, scalars)
    if kind.kind == "float":
        return _floating(sign, one, two)
    return Value(wrap(_integer(sign, one.integer, two.integer), kind), kind)


def compare(sign: str, left: float, right: float, scalars: Scalars) -> Value:
    """Return a comparison's int."""
    return Value(int(COMPARISONS[sign](left, right)), scalars.int)


def _shift(sign: str, left: Value, right: Value, scalars: Scalars) -> Value:
    kind = scalars.promote(numeric(left.type))
    bits = BITS * kind.size
    count = right.integer
    if not 0 <= count < bits:
        raise NoValue(f"shift by {count} in a type of {bits} bits")
    value = left.integer << count if sign == "<<" else left.integer >> count
    return Value(wrap(value, kind), kind)


def _floating(sign: str, left: Value, right: Value) -> Value:
    one, two = left.number, right.number
    kind = numeric(left.type)
    results = {"+": one + two, "-": one - two, "*": one * two}
    if sign == "/":
        results["/"] = one / two if two else _by_zero(one, two)
    if sign not in results:
        raise NoValue(f"operator {sign} on floating values")
    value = results[sign]
    if not (math.isfinite(one) and math.isfinite(two)) or (sign == "/" and not two):
        return rounded(value, kind)
    return in_range(value, kind, exact=sign in {"+", "-"} or not (one and two))


def _by_zero(one: float, zero: float) -> float:
    """Return the quotient of IEC 60559, which C's Annex F has."""
    if one == 0 or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, math.copysign(1, one) * math.copysign(1, zero))


def _integer(sign: str, left: int, right: int) -> int:
    if sign in {"/", "%"}:
        if right == 0:
            raise NoValue("division by zero")
        quotient = abs(left) // abs(right)  # C rounds towards zero, Python downwards
        quotient = quotient if (left < 0) == (right < 0) else -quotient
        return quotient if sign == "/" else left - quotient * right
    operations = {
        "+": operator.add, "-": operator.sub, "*": operator.mul,
        "|": operator.or_, "&": operator.and_, "^": operator.xor,
    }  # fmt: skip
    if sign not in operations:
        raise NoValue(f"operator {sign}")
    result: int = operations[sign](left, right)
    return result
