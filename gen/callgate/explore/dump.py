"""The ABI model as plain JSON values, a promise to other tools (docs/dump.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callgate.explore.text import type_text, typedef_text
from callgate.model import Array, Record

if TYPE_CHECKING:
    from callgate.model import Abi, Field


def dump(abi: Abi) -> dict[str, Any]:
    """Return the chosen items: target, kernel, constants, records, typedefs and syscalls.

    Sizes and offsets are in bytes; all enumerators and evaluated macros are constants; system calls
    stand under the kernel's names.
    """
    return {
        "target": abi.target,
        "kernel": abi.kernel,
        "constants": {
            name: {"value": item.value, "header": item.location.header, "line": item.location.line}
            for name, item in sorted(abi.constant.items())
        },
        "records": {name: record_value(item) for name, item in sorted(abi.record.items())},
        "typedefs": {
            name: {
                "text": typedef_text(item),
                "size": int(getattr(item.type, "size", 0)),
                "header": item.location.header,
                "line": item.location.line,
            }
            for name, item in sorted(abi.typedef.items())
        },
        "syscalls": {
            item.name: {
                "number": item.number,
                "returns": item.returns,
                "arguments": [{"name": each.name, "type": each.type} for each in item.arguments],
                "entry": item.entry,
            }
            for item in abi.syscalls
        },
    }


def record_value(record: Record) -> dict[str, Any]:
    """Return a record's size, alignment, place and fields.

    Fields of anonymous members stand under their own names; those of named untagged records as
    ``outer.inner`` after the outer one.
    """
    fields = []
    for path, bits, item in record.walk():
        value: dict[str, Any] = {
            "name": path,
            "type": type_text(item.type),
            "offset": bits // 8,
            "size": _size(item),
        }
        if item.bit_width is not None:
            unit = _size(item) * 8
            start = (
                bits // unit * unit
                if unit and bits % unit + item.bit_width <= unit
                else bits // 8 * 8
            )
            value |= {"offset": start // 8, "bit_offset": bits - start, "bit_width": item.bit_width}
        fields.append(value)
    return {
        "size": record.size,
        "align": record.align,
        "header": record.location.header,
        "line": record.location.line,
        "fields": fields,
    }


def _size(item: Field) -> int:
    kind = item.type
    if isinstance(kind, Array) and kind.length is None:
        return 0
    return int(getattr(kind, "size", 0))
