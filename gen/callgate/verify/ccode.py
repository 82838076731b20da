"""Questions as C: a translation unit whose constant data is the answers.

Numbers stand in two arrays of ``unsigned long long``: what macros say first, then, after macros
whose names are also fields, tags or enumerators have been undefined, everything else. Strings,
floating constants and bit-fields are one constant object each; a bit-field's object has all bits
of the field set and no others.

Each question has a line of its own, and ``#line`` makes the line's number the question's, so a
compiler that rejects one names it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callgate.model import (
    Address,
    Array,
    Constant,
    Function,
    Pointer,
    Prototype,
    Scalar,
    Syscall,
    TypeRef,
    Vector,
)
from callgate.verify.questions import Declared, Member, depth

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from callgate.model import Abi
    from callgate.verify.questions import Question

FILE = "callgate.questions"  # the name in the compiler's messages
MACROS, MACRO_OBJECTS, TYPES, BIT_FIELDS = range(4)  # the regions, in this order
OBJECT = "__attribute__((used)) static const"
COMPATIBLE = "__builtin_types_compatible_p"
SIGN = "_signed"  # ends the name of the object that tells a bit-field's signedness
ARRAYS = {MACROS: "callgate_macros", TYPES: "callgate_types"}
ARM_PREFIX = "ARM_"
WORD = re.compile(r"[A-Za-z_]\w*")


def macro_names(abi: Abi) -> frozenset[str]:
    """Return the name of every macro of the model, whatever became of it."""
    names = {item.name for item in abi.constants if item.kind != "enumerator"}
    names.update(item.name for item in abi.macros)
    names.update(item.name for item in abi.unevaluated)
    return frozenset(names)


def region(question: Question) -> int:
    """Return the region of the translation unit that the question belongs to."""
    if question.kind in {"string", "float"}:
        return MACRO_OBJECTS
    if question.kind in {"constant", "system call", "address"}:
        return MACROS
    return BIT_FIELDS if question.kind == "bit-field" else TYPES


def object_name(index: int) -> str:
    """Return the symbol of the object that answers question ``index`` of a sheet."""
    return f"callgate_object_{index}"


def number_macro(call: str) -> str:
    """Return the macro that asm/unistd.h gives a system call's number by.

    The calls that only arm has are __ARM_NR_cacheflush and its like there.
    """
    own = call.removeprefix(ARM_PREFIX)
    return f"__NR_{call}" if own == call else f"__ARM_NR_{own}"


def source(
    preamble: str, asked: Sequence[Question], skipped: Collection[int], macros: Collection[str]
) -> str:
    """Return the text of the unit: ``preamble`` (its includes), then the questions.

    ``skipped`` are the indices of those that the compiler has rejected, ``macros`` the names that
    may have to be undefined.
    """
    lines = [preamble]
    by_region: dict[int, list[int]] = {MACROS: [], MACRO_OBJECTS: [], TYPES: [], BIT_FIELDS: []}
    for index, question in enumerate(asked):
        by_region[region(question)].append(index)
    for part, indices in by_region.items():
        if part == TYPES:
            lines.extend(_undefined([*indices, *by_region[BIT_FIELDS]], asked, macros))
        if part in ARRAYS:
            lines.append(f"{OBJECT} unsigned long long {ARRAYS[part]}[] = {{")
        previous = -2
        for index in indices:
            if index in skipped:
                continue
            if index != previous + 1:
                lines.append(f'#line {index + 1} "{FILE}"')
            lines.append(_line(index, asked[index]))
            previous = index
        if part in ARRAYS:
            lines.append("0 };")
    return "\n".join([*lines, ""])


def _undefined(
    indices: Iterable[int], asked: Sequence[Question], macros: Collection[str]
) -> list[str]:
    words = set()
    for index in indices:
        subject = asked[index].subject
        words.update(WORD.findall(asked[index].name))
        if isinstance(subject, Prototype):
            words.update(WORD.findall(type_name(subject.type)))
        if isinstance(subject, Declared):
            words.update(WORD.findall(subject.text))
    return [f"#undef {word}" for word in sorted(words.intersection(macros))]


def _line(index: int, question: Question) -> str:  # noqa: PLR0911 - one per subject
    subject = question.subject
    if isinstance(subject, Constant):
        return _constant(index, subject)
    if isinstance(subject, Syscall):
        return f"{number_macro(question.name)},"
    if isinstance(subject, Prototype):
        return f"{COMPATIBLE}(__typeof__({question.name}), {type_name(subject.type)}),"
    if isinstance(subject, Declared):
        return f"{COMPATIBLE}(__typeof__({question.name}), {subject.text}),"
    if isinstance(subject, Address):
        return f"(unsigned long long)(__UINTPTR_TYPE__)({question.name}),"
    if isinstance(subject, Member):
        if question.kind == "bit-field":
            return _bit_field(index, subject)
        return ", ".join(_field_fact(fact, subject) for fact in question.facts) + ","
    return ", ".join(_TYPE_FACTS[fact].format(question.name) for fact in question.facts) + ","


# The comma operator gives a value, whose type is no longer _Atomic: clang compares no others.
_SIGNED = "(__typeof__((0, {})))-1 < 1"
_TYPE_FACTS = {
    "size": "sizeof({})", "align": "_Alignof({})", "signed": _SIGNED.format("*({} *)0"),
}  # fmt: skip


def _constant(index: int, item: Constant) -> str:
    name = item.name
    symbol = object_name(index)
    if isinstance(item.value, str):
        return f"{OBJECT} char {symbol}[] = {name};"
    if isinstance(item.value, float):
        return f"{OBJECT} __typeof__({name}) {symbol} = {name};"
    return f"(unsigned long long)({name}), sizeof({name}), (__typeof__({name}))-1 < 1,"


def _bit_field(index: int, member: Member) -> str:
    record, path = member.record.name, member.path
    # A bit-field has no typeof, but an assignment to it has its type.
    sign = f"(__typeof__((({record} *)0)->{path} = 0))-1 < 1"
    return (
        f"{OBJECT} {record} {object_name(index)} = {{ .{path} = -1 }}; "
        f"{OBJECT} char {object_name(index)}{SIGN} = {sign};"
    )


def _field_fact(fact: str, member: Member) -> str:
    """Return the C expression of a field's fact."""
    record, path = member.record.name, member.path
    if fact == "offset":
        return f"__builtin_offsetof({record}, {path})"
    inside = depth(fact, member.field.type)
    holder = f"(({record} *)0)->{path}{'[0]' * (inside - 1)}"
    place = f"{holder}[0]" if inside else holder
    if fact.startswith("length"):
        return f"sizeof({holder})/sizeof({place})"
    if fact == "signed":
        return _SIGNED.format(place)
    return f"sizeof({place})"


def type_name(kind: TypeRef | None, inside: str = "") -> str:  # noqa: PLR0911 - one per kind
    """Return C's name of a type; ``inside`` stands where a declared name would."""
    match kind:
        case None:
            return f"void {inside}"
        case Scalar():
            tagged = kind.enum and " " in kind.enum
            return f"{kind.enum if tagged else kind.c_name} {inside}"
        case Pointer():
            star = f"*{inside}"
            if isinstance(kind.target, Array | Function):
                return type_name(kind.target, f"({star})")
            qualifiers = ("const " if kind.const else "") + ("volatile " if kind.volatile else "")
            qualifiers += "_Atomic " if kind.atomic else ""
            if isinstance(kind.target, Pointer):
                return type_name(kind.target, qualifiers + star)
            return qualifiers + type_name(kind.target, star)
        case Array():
            length = "" if kind.length is None else kind.length
            return type_name(kind.element, f"{inside}[{length}]")
        case Vector():
            return f"{type_name(kind.element)} __attribute__((vector_size({kind.size}))) {inside}"
        case Function():
            parts = [type_name(item.type) for item in kind.parameters]
            parts += ["..."] if kind.variadic else []
            return type_name(kind.result, f"{inside}({', '.join(parts) or 'void'})")
        case _:
            return f"{kind.name} {inside}"
