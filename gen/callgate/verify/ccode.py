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

from callgate.model import Array, Constant, Enumeration, Record, Syscall, Typedef
from callgate.verify.questions import SIGNED_KINDS, Member, dimensions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from callgate.model import Abi
    from callgate.verify.questions import Question

FILE = "callgate.questions"  # the name in the compiler's messages
MACROS, MACRO_OBJECTS, TYPES, BIT_FIELDS = range(4)  # the regions, in this order
ARRAYS = {MACROS: "callgate_macros", TYPES: "callgate_types"}
WORD = re.compile(r"[A-Za-z_]\w*")


def macro_names(abi: Abi) -> frozenset[str]:
    """Return the name of every macro of the model, whatever became of it."""
    constants = (item.name for item in abi.constants if item.kind != "enumerator")
    others = (item.name for item in (*abi.macros, *abi.unevaluated))
    return frozenset((*constants, *others))


def region(question: Question) -> int:
    """Return the region of the translation unit that the question belongs to."""
    subject = question.subject
    if question.kind in {"string", "float"}:
        return MACRO_OBJECTS
    if isinstance(subject, Syscall) or (
        isinstance(subject, Constant) and subject.kind != "enumerator"
    ):
        return MACROS
    return BIT_FIELDS if question.kind == "bit-field" else TYPES


def object_name(index: int) -> str:
    """Return the symbol of the object that answers question ``index`` of a sheet."""
    return f"callgate_object_{index}"


def source(
    preamble: str, asked: Sequence[Question], skipped: Collection[int], macros: Collection[str]
) -> str:
    """Return the text of the unit: ``preamble`` (its includes), then the questions.

    The questions must be sorted by region. ``skipped`` are the indices of those that the compiler
    has rejected; ``macros`` the names that may have to be undefined.
    """
    lines = [preamble]
    by_region: dict[int, list[int]] = {MACROS: [], MACRO_OBJECTS: [], TYPES: [], BIT_FIELDS: []}
    for index, question in enumerate(asked):
        by_region[region(question)].append(index)
    for part, indices in by_region.items():
        if part == TYPES:
            lines.extend(_undefined([*indices, *by_region[BIT_FIELDS]], asked, macros))
        if part in ARRAYS:
            lines.append(f"__attribute__((used)) static const unsigned long long {ARRAYS[part]}[] = {{")
        if indices:
            lines.append(f'#line {indices[0] + 1} "{FILE}"')
            lines.extend("" if i in skipped else _line(i, asked[i]) for i in indices)
        if part in ARRAYS:
            lines.append("0 };")
    return "\n".join([*lines, ""])


def _undefined(
    indices: Iterable[int], asked: Sequence[Question], macros: Collection[str]
) -> list[str]:
    words = set()
    for index in indices:
        words.update(WORD.findall(asked[index].name))
    return [f"#undef {word}" for word in sorted(words.intersection(macros))]


def _line(index: int, question: Question) -> str:
    subject = question.subject
    name = question.name
    match subject:
        case Member():
            return _member(index, subject)
        case Record():
            return f"sizeof({name}), _Alignof({name}),"
        case Typedef():
            return ", ".join(_TYPEDEF[fact].format(name) for fact in question.facts) + ","
        case Enumeration():
            return f"sizeof({name}), ({name})-1 < 1,"
        case Syscall():
            return f"__NR_{name},"
        case Constant():
            return _constant(index, subject)


_TYPEDEF = {"size": "sizeof({})", "align": "_Alignof({})", "signed": "({})-1 < 1"}


def _constant(index: int, item: Constant) -> str:
    name = item.name
    symbol = object_name(index)
    if isinstance(item.value, str):
        return f"__attribute__((used)) static const char {symbol}[] = {name};"
    if isinstance(item.value, float):
        return f"__attribute__((used)) static const __typeof__({name}) {symbol} = {name};"
    return f"(unsigned long long)({name}), sizeof({name}), (__typeof__({name}))-1 < 1,"


def _member(index: int, member: Member) -> str:
    item = member.field
    record, path = member.record.name, member.path
    place = f"(({record} *)0)->{path}"
    if item.bit_width is not None:
        # A bit-field has no address and no typeof, but an assignment to it has its type.
        sign = f"(__typeof__({place} = 0))-1 < 1"
        return (
            f"__attribute__((used)) static const struct {{ {record} record; char sign; }} "
            f"{object_name(index)} = {{ {{ .{path} = -1 }}, {sign} }};"
        )
    lengths, element = dimensions(item.type)
    parts = [f"__builtin_offsetof({record}, {path})"]
    parts.append(f"sizeof({place}{'[0]' if lengths[:1] == (None,) else ''})")
    kind = item.type
    while isinstance(kind, Array):
        length, kind = kind.length, kind.element
        if length is not None and getattr(kind, "size", 0):
            parts.append(f"sizeof({place})/sizeof({place}[0])")
        place += "[0]"
    if getattr(element, "kind", "") in SIGNED_KINDS:
        parts.append(f"(__typeof__({place}))-1 < 1")
    return ", ".join(parts) + ","
