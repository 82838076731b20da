"""Types and records as C text for people."""

from __future__ import annotations

from dataclasses import replace

from callgate.model import (
    Array,
    Field,
    Function,
    Pointer,
    Record,
    RecordName,
    Scalar,
    Typedef,
    TypeRef,
    Vector,
)


def type_text(kind: TypeRef | None, name: str = "") -> str:  # noqa: PLR0911 - one per type
    """Return C's declaration of ``name`` with that type: ``char sun_path[108]``."""
    match kind:
        case None:
            return f"void {name}".strip()
        case Scalar():
            return f"{kind.enum or kind.typedef or kind.c_name} {name}".strip()
        case RecordName():
            return f"{kind.name} {name}".strip()
        case Record():
            return f"{kind.name or kind.kind + ' {...}'} {name}".strip()
        case Pointer():
            const = "const " if kind.const else ""
            if isinstance(kind.target, Array | Function):
                return const + type_text(kind.target, f"(*{name})")
            return const + type_text(kind.target, f"*{name}")
        case Array():
            return type_text(kind.element, f"{name}[{'' if kind.length is None else kind.length}]")
        case Vector():
            return f"{type_text(kind.element, name)} __attribute__((vector_size({kind.size})))"
        case Function():
            inside = [type_text(item.type, item.name or "") for item in kind.parameters]
            inside += ["..."] if kind.variadic else []
            return type_text(kind.result, f"{name}({', '.join(inside) or 'void'})")


def typedef_text(item: Typedef) -> str:
    """Return ``typedef unsigned int __u32``; a scalar's type knows itself by the typedef's name."""
    kind = item.type
    if isinstance(kind, Scalar) and kind.typedef == item.name:
        kind = replace(kind, typedef=None)
    return f"typedef {type_text(kind, item.name)}"


def bit_text(item: Field) -> str:
    """Return ``: 3`` for a bit-field, else nothing."""
    return "" if item.bit_width is None else f" : {item.bit_width}"


def byte_map(record: Record) -> list[tuple[str, str, str]]:
    """Return ``(offset, size, declaration)`` rows of a record, holes included.

    Offsets and sizes are in bytes; a bit-field's offset is ``byte:bit``, its size ``width b``.
    """
    rows: list[tuple[str, str, str]] = []
    _map(record, 0, "", rows)
    return rows


def _map(record: Record, base: int, indent: str, rows: list[tuple[str, str, str]]) -> None:
    end = 0
    for item in record.fields:
        if item.bit_width is not None:
            bit = item.offset * 8 + (item.bit_offset or 0)
            declared = type_text(item.type, item.name or "") + bit_text(item)
            rows.append((f"{base + bit // 8}:{bit % 8}", f"{item.bit_width} b", indent + declared))
            end = max(end, (bit + item.bit_width + 7) // 8)
            continue
        if record.kind == "struct" and item.offset > end:
            rows.append((str(base + end), str(item.offset - end), f"{indent}(padding)"))
        size = 0 if isinstance(item.type, Function) else item.type.size
        if isinstance(item.type, Record):
            rows.append((str(base + item.offset), str(size), f"{indent}{item.type.kind} {{"))
            _map(item.type, base + item.offset, indent + "  ", rows)
            rows.append(("", "", f"{indent}}}{' ' + item.name if item.name else ''}"))
        else:
            rows.append(
                (str(base + item.offset), str(size), indent + type_text(item.type, item.name or ""))
            )
        end = max(end, item.offset + size)
    if record.kind == "struct" and record.size > end:
        rows.append((str(base + end), str(record.size - end), f"{indent}(padding)"))
