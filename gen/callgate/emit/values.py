"""Translated C expressions: their Lua text, and what is known of their C type and value."""

from __future__ import annotations

from dataclasses import dataclass

from callgate import model
from callgate.emit.literals import EXACT
from callgate.emit.luatext import ATOM, UNARY, Text, binary, call, negation

LONG_BYTES = 8
PLAIN = 2**31  # literals below need no suffix beside a 64-bit operand
HEXADECIMAL_FROM = 256
YES, NO = Text("true"), Text("false")


class Untranslatable(Exception):  # noqa: N818 - a finding about a macro, reported as a reason
    """The expression has no Lua form; the message says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """A translated expression.

    Its kind says what the text gives: "integer" a 64-bit cdata, "truth" true or false, "string" a
    Lua string or the like, "object" what Lua finds: an argument, a member, a pointer.
    """

    text: Text
    kind: str
    type: model.TypeRef | None = None  # C's; None: known only when the function runs
    number: int | None = None  # a constant's value
    hexadecimal: bool = False  # how the header writes the constant
    written: bool = False  # the constant is a literal, no name's or expression's value
    parameter: str | None = None  # the parameter that it is
    masked: tuple[Value, ...] = ()  # the operands of the & that it is
    product: bool = False  # it is, or may be, the result of *

    @property
    def scalar(self) -> model.Scalar | None:
        """The C type where it is a known scalar."""
        return self.type if isinstance(self.type, model.Scalar) else None

    @property
    def is_pointer(self) -> bool:
        """Whether it is known to be a pointer or an array."""
        return self.kind == "object" and isinstance(self.type, model.Pointer | model.Array)

    @property
    def is_truth(self) -> bool:
        """Whether it is true or false, or a literal int 1 or 0 that stands for one."""
        stands = self.written and self.number in {0, 1}
        return self.kind == "truth" or (stands and getattr(self.type, "c_name", "") == "int")


def constant(number: int, kind: model.Scalar, *, hexadecimal: bool | None = None) -> Value:
    """Return an integer constant as a 64-bit cdata; raises Untranslatable for wider types.

    ``hexadecimal`` tells how a literal was written; None stands for what is no literal.
    """
    check_width(kind)
    written = hexadecimal is not None
    if hexadecimal is None:
        hexadecimal = abs(number) >= HEXADECIMAL_FROM
    suffix = "ULL" if is_u64(kind) else "LL"
    text = literal(number, hexadecimal=hexadecimal, suffix=suffix)
    return Value(text, "integer", kind, number, hexadecimal=hexadecimal, written=written)


def literal(number: int, *, hexadecimal: bool, suffix: str = "") -> Text:
    """Return a Lua literal."""
    digits = (hex(abs(number)) if hexadecimal else str(abs(number))) + suffix
    return Text(f"-{digits}", UNARY) if number < 0 else Text(digits)


def minus(operand: Text) -> Text:
    """Return ``-operand``."""
    return Text(f"-{operand.at(ATOM)}", UNARY)


def result(value: Value) -> Text:
    """Return an integer as the caller gets it: a Lua number where that is exact."""
    if value.number is None:
        return call("int", value.text)
    exact = -EXACT < value.number < EXACT
    return literal(value.number, hexadecimal=value.hexadecimal) if exact else value.text


def beside(value: Value) -> Text:
    """Return the text of an operand whose other operand is a 64-bit cdata of the common type."""
    if value.number is not None and 0 <= value.number < PLAIN:
        return literal(value.number, hexadecimal=value.hexadecimal)
    return value.text


def against_zero(value: Value) -> Text:
    """Return the text of an operand that is compared with 0.

    LuaJIT on x86 takes the flags that a multiplication leaves for those of such a comparison (its
    issue 1376, mended in July 2025); as a Lua number a product is 0, or less, all the same.
    """
    return call("number", value.text) if value.product else value.text


def helper(kind: model.Scalar) -> str:
    """Return the name of the helper that cuts an integer to ``kind``: ``u32``."""
    return f"{'i' if kind.signed else 'u'}{8 * kind.size}"


def holds(to: model.Scalar, kind: model.Scalar) -> bool:
    """Tell whether every value of ``kind`` has the same cdata in ``to``."""
    if is_u64(to) or is_u64(kind):
        return is_u64(to) and is_u64(kind)
    wider = to.signed and kind.size < to.size
    return wider or (kind.signed == to.signed and kind.size <= to.size)


def is_u64(kind: model.TypeRef | None) -> bool:
    """Tell whether the type's cdata is a uint64_t."""
    return isinstance(kind, model.Scalar) and kind.size == LONG_BYTES and not kind.signed


def check_width(kind: model.Scalar) -> None:
    """Raise Untranslatable for an integer that has no cdata."""
    if kind.size > LONG_BYTES:
        raise Untranslatable("128-bit integer")


def both(left: Text, right: Text) -> Text:
    """Return ``left and right``, shorter where one is known."""
    if left in {YES, NO}:
        return right if left == YES else NO
    return left if right == YES else binary("and", left, right)


def either(left: Text, right: Text) -> Text:
    """Return ``left or right``, shorter where one is known."""
    if left in {YES, NO}:
        return YES if left == YES else right
    return left if right == NO else binary("or", left, right)


def choice(test: Text, yes: Text, no: Text) -> Text:
    """Return ``test ? yes : no`` of truths; ``and`` and ``or`` alone would pass over a false."""
    if yes in {YES, NO}:
        return either(test, no) if yes == YES else both(negation(test), no)
    if no in {YES, NO}:
        return either(negation(test), yes) if no == YES else both(test, yes)
    return either(both(test, yes), both(negation(test), no))
