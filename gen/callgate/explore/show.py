"""One name explained: every definition of it, where it stands, and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callgate.explore.text import byte_map, type_text
from callgate.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callgate.model import Abi, Constant, Record


def show(abi: Abi, name: str) -> list[str]:
    """Return lines about ``name``: constants, records, typedefs, macros, functions, system calls.

    Empty where nothing has that name.
    """
    bare = name.removeprefix("struct ").removeprefix("union ").removeprefix("enum ")
    found: list[str] = []
    for call in abi.syscalls:
        if call.name == name:
            inside = ", ".join(_argument(each.type, each.name) for each in call.arguments)
            found.append(f"system call {call.number}: {call.returns} {name}({inside or 'void'})")
            found.append(f"  entry {call.entry or 'none: not implemented'}; {call.location}")
    for constant in abi.constants:
        if constant.name == name:
            found += _constant(constant)
    for record in abi.records:
        if record.name in (name, f"struct {name}", f"union {name}"):
            found += _record(record)
    for enumeration in abi.enumerations:
        if enumeration.name in (name, f"enum {bare}"):
            sign = "signed" if enumeration.signed else "unsigned"
            found.append(f"{enumeration.name}: {enumeration.size} bytes, {sign}; {enumeration.location}")
            found.append(f"  {', '.join(enumeration.enumerators)}")
    found += [f"typedef {type_text(item.type, item.name)}; {item.location}{_variant(item.primary)}"
              for item in abi.typedefs if item.name == name]  # fmt: skip
    for macro in abi.macros:
        if macro.name == name:
            found.append(f"#define {name}({', '.join(macro.parameters)}) {macro.body}")
            found.append(f"  {macro.location}{_variant(macro.primary)}")
            found.append(f"  Lua: {macro.lua or f'not translated: {macro.reason}'}")
    for prototype in abi.prototypes:
        if prototype.name == name:
            inline = "inline " if prototype.inline else ""
            found.append(f"{inline}{type_text(prototype.type, name)}; {prototype.location}")
    for item in abi.unevaluated:
        if item.name == name:
            found.append(f"#define {name} {item.body}")
            found.append(f"  {item.location}; no value: {item.reason}")
    return found


def nearest(abi: Abi, name: str) -> str:
    """Return "did you mean ...?" for an unknown name, or nothing."""
    known = {*abi.constant, *abi.record, *abi.typedef, *abi.syscall}
    known |= {record.partition(" ")[2] for record in abi.record}
    return suggest(name, known)


def _constant(item: Constant) -> Iterator[str]:
    value = item.value
    shown = f"{value} (0x{value & (1 << 8 * item.size) - 1:x})" if isinstance(value, int) else repr(value)
    sign = "" if isinstance(value, str) else f", {'signed' if item.signed else 'unsigned'}"
    yield f"{item.name} = {shown}: {item.kind}, {item.size} bytes{sign}"
    text = f": {item.text}" if item.text else ""
    yield f"  {item.location}{text}{_variant(item.primary)}"


def _record(record: Record) -> Iterator[str]:
    yield f"{record.name}: {record.size} bytes, aligned to {record.align}; {record.location}{_variant(record.primary)}"
    rows = [("offset", "size", ""), *byte_map(record)]
    for offset, size, text in rows:
        yield f"  {offset:>8} {size:>7}  {text}".rstrip()


def _argument(kind: str, name: str) -> str:
    return f"{kind}{name}" if kind.endswith("*") else f"{kind} {name}"


def _variant(primary: bool) -> str:  # noqa: FBT001 - one word about one item
    return "" if primary else " (not the one chosen for the plain name)"
