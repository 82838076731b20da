"""One name explained: every definition of it, where it stands, and what it means."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from callgate.explore.libc import DIFFERS, Pair, compare_constants, compare_records, has_libc
from callgate.explore.sets import set_words
from callgate.explore.text import byte_map, type_text, typedef_text
from callgate.model import Constant, Macro, Record, Typedef
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from callgate.model import Abi
    from callgate.targets import Target

WIDTH = 80
_PLACE = re.compile(r"  \S+\.h:\d+")  # the line that says where a definition stands


def show(abi: Abi, name: str) -> list[str]:
    """Return lines about ``name``: constants, records, typedefs, macros, functions, system calls.

    Empty where nothing has that name.
    """
    kinds = (_syscalls, _constants, _records, _enumerations, _typedefs, _macros, _prototypes)
    return [line for kind in kinds for line in kind(abi, name)] + list(_unevaluated(abi, name))


def differing(abi: Abi) -> list[str]:
    """Return a line for each definition of a name that several headers define differently.

    The first of a name is the one chosen for the plain name; the others are reached by header,
    ``S.h["linux/input.h"].NAME`` in Lua.
    """
    items: list[Constant | Record | Typedef | Macro] = [
        *abi.constants, *abi.records, *abi.typedefs, *abi.macros
    ]  # fmt: skip
    several = {(type(item), item.name) for item in items if not item.primary}
    found = [item for item in items if (type(item), item.name) in several]
    found.sort(key=lambda item: (item.name, not item.primary, item.location))
    return [f"{item.name}  {item.location}  {_meaning(item)}" for item in found]


def untranslated(abi: Abi) -> list[str]:
    """Return a line for each function-like macro that has no Lua function: name, place, reason."""
    found = sorted((item for item in abi.macros if item.lua is None), key=lambda item: item.name)
    return [f"{item.name}  {item.location}  {item.reason}" for item in found]


def blocks(lines: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the lines by definition: one begins at each line that is not indented."""
    found: list[list[str]] = []
    for line in lines:
        if found and line.startswith(" "):
            found[-1].append(line)
        else:
            found.append([line])
    return [tuple(block) for block in found]


def grouped(answers: Mapping[str, Iterable[str]], known: Sequence[Target]) -> list[str]:
    """Return the answers of several targets, each definition once with the targets that have it.

    Definitions that say the same in other headers are one.
    """
    found: dict[tuple[str, ...], tuple[tuple[str, ...], list[str]]] = {}
    for name, lines in answers.items():
        for block in blocks(lines):
            key = (block[0], *(line for line in block[1:] if not _PLACE.match(line)))
            names = found.setdefault(key, (block, []))[1]
            if name not in names:
                names.append(name)
    shown = []
    for block, names in found.values():
        shown += [f"{set_words(names, known)}:", *(f"  {line}" for line in block)]
    return shown


def libc_notes(abi: Abi, libc: str, pairs: Iterable[Pair], name: str) -> list[str]:
    """Return what the C library called ``libc`` has otherwise under that name, if anything."""
    if not has_libc(abi):
        return []
    notes = [
        f"{libc}'s {item.name} differs from the kernel's {item.kernel}: {item.text}"
        for item in compare_records(abi, pairs)
        if name in {*_with_tag(item.name), *_with_tag(item.kernel)} and item.verdict == DIFFERS
    ]
    notes += [
        f"{libc}'s {item.name} differs: {item.text} ({item.header})"
        for item in compare_constants(abi)
        if item.name == name
    ]
    return [line for note in notes for line in _wrapped(note)]


def libc_list(abi: Abi, libc: str, pairs: Iterable[Pair]) -> list[str]:
    """Return a line for each record and each constant that the C library has otherwise."""
    records = [
        f"{item.name}  {item.header}  beside {item.kernel}: {item.text}"
        for item in compare_records(abi, pairs)
        if item.verdict == DIFFERS
    ]
    constants = [f"{item.name}  {item.header}  {item.text}" for item in compare_constants(abi)]
    if not has_libc(abi):
        return ["no C library's headers were read"]
    return [
        f"{libc}: {len(records)} records and {len(constants)} constants differ from the kernel's",
        *records,
        *constants,
    ]


def _with_tag(name: str) -> tuple[str, ...]:
    """Return a record's name with and without its tag."""
    return (name, name.partition(" ")[2]) if " " in name else (name,)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _meaning(item: Constant | Record | Typedef | Macro) -> str:
    if isinstance(item, Constant):
        return repr(item.value)
    if isinstance(item, Record):
        return f"{item.size} bytes"
    return type_text(item.type) if isinstance(item, Typedef) else item.body


def nearest(abi: Abi, name: str) -> str:
    """Return "did you mean ...?" for an unknown name, or nothing."""
    known = {*abi.constant, *abi.record, *abi.typedef, *abi.syscall}
    known |= {record.partition(" ")[2] for record in abi.record}
    return suggest(name, known)


def _syscalls(abi: Abi, name: str) -> Iterator[str]:
    call = abi.syscall.get(name)
    if call is not None:
        inside = ", ".join(_argument(each.type, each.name) for each in call.arguments)
        yield f"system call {call.number}: {call.returns} {name}({inside or 'void'})"
        yield f"  entry {call.entry or 'none: not implemented'}; {call.location}"


def _constants(abi: Abi, name: str) -> Iterator[str]:
    for item in abi.constants:
        if item.name != name:
            continue
        value = item.value
        if isinstance(value, int):
            shown = f"{value} (0x{value & (1 << 8 * item.size) - 1:x})"
        else:
            shown = repr(value)
        sign = "" if isinstance(value, str) else f", {'signed' if item.signed else 'unsigned'}"
        yield f"{item.name} = {shown}: {item.kind}, {item.size} bytes{sign}"
        text = f": {item.text}" if item.text else ""
        yield f"  {item.location}{text}{_variant(item)}"


def _records(abi: Abi, name: str) -> Iterator[str]:
    for record in abi.records:
        if record.name in {name, f"struct {name}", f"union {name}"}:
            yield f"{record.name}: {record.size} bytes, aligned to {record.align}"
            yield f"  {record.location}{_variant(record)}"
            for offset, size, text in [("offset", "size", ""), *byte_map(record)]:
                yield f"  {offset:>8} {size:>7}  {text}".rstrip()


def _enumerations(abi: Abi, name: str) -> Iterator[str]:
    for item in abi.enumerations:
        if item.name and item.name.removeprefix("enum ") == name.removeprefix("enum "):
            sign = "signed" if item.signed else "unsigned"
            yield f"{item.name}: {item.size} bytes, {sign}; {item.location}"
            yield f"  {', '.join(item.enumerators)}"


def _typedefs(abi: Abi, name: str) -> Iterator[str]:
    for item in abi.typedefs:
        if item.name == name:
            yield typedef_text(item)
            yield f"  {item.location}{_variant(item)}"


def _macros(abi: Abi, name: str) -> Iterator[str]:
    for item in abi.macros:
        if item.name == name:
            yield f"#define {name}({', '.join(item.parameters)}) {item.body}"
            yield f"  {item.location}{_variant(item)}"
            yield f"  Lua: {item.lua or f'not translated: {item.reason}'}"


def _prototypes(abi: Abi, name: str) -> Iterator[str]:
    for item in abi.prototypes:
        if item.name == name:
            inline = "inline " if item.inline else ""
            yield f"{inline}{type_text(item.type, name)}"
            yield f"  {item.location}"


def _unevaluated(abi: Abi, name: str) -> Iterator[str]:
    for item in abi.unevaluated:
        if item.name == name:
            yield f"#define {name} {item.body}"
            yield f"  {item.location}; no value: {item.reason}"


def _argument(kind: str, name: str) -> str:
    return f"{kind}{name}" if kind.endswith("*") else f"{kind} {name}"


def _variant(item: Constant | Record | Typedef | Macro) -> str:
    return "" if item.primary else " (not the one chosen for the plain name)"
