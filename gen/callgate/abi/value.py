"""Values of C expressions: what a literal is worth, and the reasons for having no value."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate import model
from callgate.abi.scalars import fits, wrap
from callgate.parse.expressions import string_bytes

if TYPE_CHECKING:
    from callgate.abi.scalars import Scalars

NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)([uUlL]*)")
FLOATING = re.compile(
    r"((?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)([fFlL]?)"
)
# C23 6.4.5.3: the exponent is of two, and is always there
BINARY = re.compile(
    r"(0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)([fFlL]?)"
)
SUFFIXES = {"", "u", "l", "ul", "lu", "ll", "ull", "llu"}
FLOAT_BYTES = 4
DOUBLE_BYTES = 8


class NoValue(Exception):  # noqa: N818 - a finding about an expression, reported as a reason
    """The expression has no value at compile time; the message says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value and its type; pointers carry their address as an integer."""

    value: int | float | bytes
    type: model.TypeRef

    @property
    def integer(self) -> int:
        """The value of an integer or an address; raises NoValue for another."""
        if not isinstance(self.value, int):
            raise NoValue("not an integer")
        return self.value

    @property
    def number(self) -> int | float:
        """The value of what can be calculated with; raises NoValue for a string."""
        if isinstance(self.value, bytes):
            raise NoValue("arithmetic on strings")
        return self.value


def numeric(kind: model.TypeRef) -> model.Scalar:
    """Return ``kind`` if it is of a real number; raises NoValue otherwise."""
    if isinstance(kind, model.Scalar) and kind.kind in {"integer", "bool", "float"}:
        return kind
    raise NoValue("arithmetic on what is no number")


def rounded(value: float, kind: model.Scalar) -> Value:
    """Return ``value`` in a floating type: a float has 24 bits, all others a double's 53 here."""
    value = float(value)
    if kind.size == FLOAT_BYTES:
        try:
            (value,) = struct.unpack("f", struct.pack("f", value))
        except OverflowError:
            value = math.copysign(math.inf, value)
    return Value(value, kind)


def in_range(value: float, kind: model.Scalar, *, exact: bool) -> Value:
    """Return what was calculated from finite operands; ``exact`` tells whether it is 0 in truth.

    A long double has a wider range than the double that stands for it here (C23 5.2.5.3.3): what
    lies outside of that is not known. Raises NoValue for it.
    """
    if kind.size > DOUBLE_BYTES and (math.isinf(value) or (value == 0 and not exact)):
        raise NoValue("a long double beyond a double's range")
    return rounded(value, kind)


def converted(operand: Value, kind: model.Scalar) -> Value:
    """Convert a number to another arithmetic type (C23 6.3.2)."""
    value = operand.number
    if kind.kind == "float":
        return rounded(value, kind)
    if kind.kind == "bool":
        return Value(int(value != 0), kind)
    if isinstance(value, float):
        # Beyond the type's range C gives no value (6.3.2.4), and the compilers differ.
        if not math.isfinite(value) or not fits(int(value), kind):
            raise NoValue(f"conversion of {value} to {kind.c_name}")
        return Value(int(value), kind)
    return Value(wrap(value, kind), kind)


def number(text: str, scalars: Scalars) -> Value:
    """Return a literal's value, digit separators allowed (C23 6.4.5.2, 6.4.5.3)."""
    text = text.replace("'", "")
    found = NUMBER.fullmatch(text)
    if found is None:
        return _floating(text, scalars)
    digits, suffix = found[1], found[2]
    if suffix.lower() not in SUFFIXES or "lL" in suffix or "Ll" in suffix:
        raise NoValue(f"number {text!r} in a form not supported")
    octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
    try:
        value = int(digits, 8 if octal else 0)
    except ValueError:  # Python refuses thousands of digits
        raise NoValue("integer literal too large") from None
    kind = scalars.literal(
        value,
        decimal=digits.isdigit() and not octal and digits != "0",
        unsigned="u" in suffix.lower(),
        longs=suffix.lower().count("l"),
    )
    if kind is None:
        raise NoValue("integer literal too large")
    return Value(value, kind)


def _floating(text: str, scalars: Scalars) -> Value:
    binary = BINARY.fullmatch(text)
    found = binary or FLOATING.fullmatch(text)
    if found is None:
        raise NoValue(f"number {text!r} in a form not supported")
    name = {"f": "float", "l": "long double"}.get(found[2].lower(), "double")
    try:
        value = float.fromhex(found[1]) if binary else float(found[1])
    except OverflowError:  # beyond a double
        raise NoValue("floating literal too large") from None
    digits = re.split(r"[pP]" if binary else r"[eE]", found[1].lower().removeprefix("0x"))[0]
    return in_range(value, scalars[name], exact=not digits.strip("0."))


def character(text: str, scalars: Scalars) -> Value:
    """Return a character literal's value, an int (C23 6.4.5.4)."""
    inner = text[text.index("'") + 1 : -1]
    data = string_bytes(f'"{inner}"') if inner != '"' else b'"'
    if text[0] != "'" or not 0 < len(data) <= scalars.int.size:
        raise NoValue("wide or overlong character literal")
    # Of several characters the last is the least significant byte, in GCC and in clang.
    kind = scalars["char"] if len(data) == 1 else scalars.int
    return Value(wrap(int.from_bytes(data, "big"), kind), scalars.int)
