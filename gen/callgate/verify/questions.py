"""What the witnesses are asked: every fact of the ABI model, and where it can be asked.

A question is about one item of the model (a constant, a record, a field...) and holds the facts
that the model states of it. Witnesses answer questions; nobody here knows how.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.model import (
    Abi,
    Address,
    Array,
    Constant,
    Enumeration,
    Field,
    Function,
    Location,
    Prototype,
    Record,
    RecordName,
    Scalar,
    Syscall,
    Typedef,
    TypeRef,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

KERNEL_UNIT = "uapi"  # of headers/units.toml: where asm/unistd.h is read
SIGNED_KINDS = {"integer", "bool"}  # scalars that are signed or not

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a record as C names it, through anonymous and named untagged members."""

    record: Record  # the outermost one
    path: str  # ex) "_sifields._kill._pid", "slots[0].id"
    bit: int  # of its first bit, from the start of the record
    field: Field


@dataclass(frozen=True, slots=True)
class Declared:
    """The C text by which a program is told of a function, an object or a type."""

    name: str
    text: str  # of the type: ex) "int (const char *, struct sqlite3 **)"
    location: Location


Subject = (
    Constant | Record | Member | Typedef | Enumeration | Prototype | Syscall | Declared | Address
)


@dataclass(frozen=True, slots=True)
class Question:
    """One item of the model, and the facts that it states of it."""

    kind: str  # ex) "constant", "field"; KINDS in exclusions.py has them all
    name: str  # ex) "struct stat.st_size"
    location: Location
    facts: tuple[str, ...]  # ex) ("offset", "size", "signed")
    expected: tuple[Value, ...]  # ex) (48, 8, 1)
    subject: Subject | None = None  # None for what is no item of the model


@dataclass(frozen=True, slots=True)
class Sheet:
    """The questions that one translation unit can be asked."""

    unit: str  # ex) "uapi"
    header: str | None  # that header alone behind the unit's prelude; None: the whole unit
    questions: tuple[Question, ...]


def questions(abi: Abi) -> list[Question]:
    """Return every question about ``abi``, in the model's order."""
    complete = {record.name for record in abi.records}
    found = [_constant(item) for item in abi.constants]
    for record in abi.records:
        found.append(_question("record", record.name, record, (record.size, record.align)))
        found.extend(_member(member) for member in members(record))
    found.extend(
        _question("enum", item.name, item, (item.size, int(item.signed)))
        for item in abi.enumerations
        if item.name
    )
    for typedef in abi.typedefs:
        question = _typedef(typedef, complete)
        if question is not None:
            found.append(question)
    found.extend(_question("prototype", item.name, item, (1,)) for item in abi.prototypes)
    for call in abi.syscalls:
        found.append(_question("system call", call.name, call, (call.number,)))
    return found


def declared(name: str, text: str, location: Location) -> Question:
    """Return the question whether ``name`` has the type that ``text`` says.

    It is of the kind "prototype", whatever it is that has the type: the same is known of both.
    """
    return _question("prototype", name, Declared(name, text, location), (1,))


def address(item: Address) -> Question:
    """Return the question what a pointer's value is."""
    return _question("address", item.name, item, (item.value % (1 << 8 * item.type.size),))


def sheets(asked: list[Question]) -> list[Sheet]:
    """Sort the questions by the translation unit in which C gives their names that meaning.

    Of a name that two headers of a unit define differently only the last definition is in force at
    the unit's end, so each is asked where its own header stands alone.
    """
    times = Counter(map(_scope, asked))
    by_place: dict[tuple[str, str | None], list[Question]] = defaultdict(list)
    for question in asked:
        if isinstance(question.subject, Syscall):
            if question.subject.newer:
                continue  # no header has its number
            by_place[KERNEL_UNIT, None].append(question)
            continue
        place = question.location
        alone = times[_scope(question)] > 1
        by_place[place.unit, place.header if alone else None].append(question)
    return [
        Sheet(unit, header, tuple(found))
        for (unit, header), found in sorted(by_place.items(), key=lambda item: _order(item[0]))
    ]


def members(record: Record) -> Iterator[Member]:
    """Yield every named field of ``record`` that C can name; unnamed bit-fields are padding."""
    yield from _walk(record, record, 0, "")


def arrays(kind: TypeRef) -> tuple[list[Array], TypeRef]:
    """Return the array types that ``kind`` is, from the outside in, and the innermost element."""
    found = []
    while isinstance(kind, Array):
        found.append(kind)
        kind = kind.element
    return found, kind


def depth(fact: str, kind: TypeRef) -> int:
    """Return how many array dimensions of a field a fact is about the inside of.

    ``size`` 0, ``element size`` 1, ``length`` 1 (its dividend is one less), ``length 2`` 2,
    ``signed`` all of them.
    """
    if fact == "signed":
        return len(arrays(kind)[0])
    if fact.startswith("length"):
        return int(fact.removeprefix("length") or 1)
    return int(fact == "element size")


def _walk(top: Record, record: Record, base: int, prefix: str) -> Iterator[Member]:
    for item in record.fields:
        bit = base + item.offset * 8 + (item.bit_offset or 0)
        around, inner = arrays(item.type)
        path = prefix
        if item.name is not None:
            yield Member(top, prefix + item.name, bit, item)
            path = f"{prefix}{item.name}{'[0]' * len(around)}."
        if isinstance(inner, Record):
            yield from _walk(top, inner, bit, path)


def _question(kind: str, name: str, subject: Subject, expected: tuple[Value, ...]) -> Question:
    return Question(kind, name, _location(subject), _FACTS[kind], expected, subject)


_FACTS = {
    "constant": ("value", "size", "signed"),
    "enumerator": ("value", "size", "signed"),
    "string": ("bytes", "size"),
    "float": ("value", "size"),
    "record": ("size", "align"),
    "bit-field": ("position", "width", "signed"),
    "enum": ("size", "signed"),
    "prototype": ("compatible",),
    "system call": ("number",),
    "address": ("value",),
}


def _location(subject: Subject) -> Location:
    return subject.record.location if isinstance(subject, Member) else subject.location


def _constant(item: Constant) -> Question:
    if isinstance(item.value, int):
        kind = "enumerator" if item.kind == "enumerator" else "constant"
        return _question(kind, item.name, item, (item.value, item.size, int(item.signed)))
    kind = "string" if isinstance(item.value, str) else "float"
    return _question(kind, item.name, item, (item.value, item.size))


def _member(member: Member) -> Question:
    name = f"{member.record.name}.{member.path}"
    item = member.field
    if item.bit_width is not None:
        signed = int(isinstance(item.type, Scalar) and item.type.signed)
        return _question("bit-field", name, member, (member.bit, item.bit_width, signed))
    facts: list[tuple[str, int]] = [("offset", member.bit // 8)]
    around, element = arrays(item.type)
    if around and around[0].length is None:
        facts.append(("element size", size_of(around[0].element)))
    else:
        facts.append(("size", size_of(item.type)))
    for number, array in enumerate(around, 1):
        if array.length is not None and size_of(array.element):  # C divides by the element's size
            facts.append(("length" if number == 1 else f"length {number}", array.length))
    if isinstance(element, Scalar) and element.kind in SIGNED_KINDS:
        facts.append(("signed", int(element.signed)))
    names, values = zip(*facts, strict=True)
    return Question("field", name, member.record.location, names, values, member)


def _typedef(item: Typedef, complete: set[str]) -> Question | None:
    """Return the question, or None for what C refuses to measure: void, functions, incomplete."""
    kind = item.type
    if isinstance(kind, Function) or (isinstance(kind, Scalar) and kind.kind == "void"):
        return None
    if isinstance(kind, RecordName) and kind.name not in complete:
        return None
    if isinstance(kind, Array) and kind.length is None:
        return Question("typedef", item.name, item.location, ("align",), (kind.align,), item)
    facts, expected = ["size", "align"], [kind.size, kind.align]
    if isinstance(kind, Scalar) and kind.kind in SIGNED_KINDS:
        facts.append("signed")
        expected.append(int(kind.signed))
    return Question("typedef", item.name, item.location, tuple(facts), tuple(expected), item)


def size_of(kind: TypeRef) -> int:
    """Return a type's size in bytes; a function has none."""
    return 0 if isinstance(kind, Function) else kind.size


def _scope(question: Question) -> tuple[str, str, str]:
    """Return what must be unique within a unit: macros and enumerators are asked apart."""
    macro = isinstance(question.subject, Constant) and question.kind != "enumerator"
    return question.location.unit, "macro" if macro else question.kind, question.name


def _order(place: tuple[str, str | None]) -> tuple[str, str]:
    return place[0], place[1] or ""
