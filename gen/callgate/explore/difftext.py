"""Changes as text for people, by header, within 80 columns."""

from __future__ import annotations

import json
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from callgate.explore.diff import KINDS, Change, FieldChange, counts
from callgate.explore.surface import Alias, Call, Layout, Member, Surface, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from callgate.explore.surface import Entry

WIDTH = 80
MARKS = {"added": "+", "removed": "-"}
PLAIN_BELOW = 1 << 16  # larger numbers are flags or ioctl requests: they read better in hexadecimal
NOUNS = dict(zip(KINDS, ("constants", "records", "typedefs", "system calls"), strict=True))


def diff_text(old: Surface, new: Surface, changes: Sequence[Change]) -> list[str]:
    """Return what changed, header by header, and the counts at the end."""
    lines = [f"--- {_title(old)}", f"+++ {_title(new)}"]
    before, after = old.headers, new.headers
    for header, items in groupby(changes, key=lambda item: item.header):
        only = " (new)" if header not in before else " (gone)" if header not in after else ""
        lines += ["", header + only]
        for item in items:
            lines += change_lines(item)
    return [*lines, "", *summary(changes)]


def summary(changes: Sequence[Change]) -> list[str]:
    """Return a line for each kind: ``constants: 3 added, 1 changed; 1 of them volatile``."""
    if not changes:
        return ["nothing differs"]
    lines = []
    for kind, found in counts(changes).items():
        parts = [f"{found[what]:,} {what}" for what in found if what != "volatile"]
        volatile = f"; {found['volatile']:,} of them volatile" if "volatile" in found else ""
        lines.append(f"{NOUNS[kind]}: {', '.join(parts)}{volatile}")
    return lines


def change_lines(item: Change) -> list[str]:
    """Return the lines of one change: ``~ NAME 1 -> 2``, a record's fields below it."""
    mark = MARKS.get(item.what, "~")
    after = "  (volatile)" if item.volatile else ""
    lines = _wrap(f"{mark} {item.name}{_what(item)}{after}", "  ", "        ")
    for change in item.fields:
        lines += _wrap(_field_text(change), "      ", "          ")
    return lines


def number_text(value: float | str) -> str:
    """Return a constant's value, in the base in which it reads best."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int) and abs(value) >= PLAIN_BELOW:
        return hex(value)
    return str(value)


def _title(surface: Surface) -> str:
    name = "" if surface.name == surface.target else f", {surface.target}"
    return f"{surface.name} (Linux {surface.kernel}{name})"


def _what(item: Change) -> str:
    old, new = item.old, item.new
    if old is None or new is None:
        return _entry_text(new or old)
    match old, new:
        case Value(), Value():
            return f" {number_text(old.value)} -> {number_text(new.value)}"
        case Layout(), Layout():
            sizes = f"{old.size} -> {new.size}" if old.size != new.size else str(new.size)
            aligned = f", aligned to {old.align} -> {new.align}" if old.align != new.align else ""
            return f": {sizes} bytes{aligned}"
        case Call(), Call():
            number = f"{old.number} -> {new.number}" if old.number != new.number else old.number
            was = f": {old.prototype} -> {new.prototype}" if old.prototype != new.prototype else ""
            return f": system call {number}{was}"
        case Alias(), Alias():
            sizes = f", {old.size} -> {new.size} bytes" if old.size != new.size else ""
            changed = old.text if old.text == new.text else f"{old.text} -> {new.text}"
            return f": {changed}{sizes}"
    raise TypeError(f"{item.name}: a {type(old).__name__} against a {type(new).__name__}")


def _entry_text(entry: Entry | None) -> str:
    match entry:
        case Value():
            return f" = {number_text(entry.value)}"
        case Layout():
            return f": {entry.size} bytes"
        case Alias():
            return f": {entry.text}"
        case Call():
            return f": system call {entry.number}: {entry.prototype}"
    return ""


def _field_text(change: FieldChange) -> str:
    old, new = change.old, change.new
    if old is None or new is None:
        member = new or old
        return f"{'+' if new else '-'} {_member_text(member)}" if member else ""
    name = f"{old.name} -> {new.name}" if old.name != new.name else new.name
    return f"~ {name}: {', '.join(_differences(old, new))}"


def _differences(old: Member, new: Member) -> Iterator[str]:
    if (before := _place(old)) != (after := _place(new)):
        yield f"at {before} -> {after}"
    if (before := _size(old)) != (after := _size(new)):
        yield f"{before} -> {after}"
    if old.name != new.name:
        yield f"renamed, at {_place(new)}"


def _member_text(member: Member) -> str:
    return f"{member.name}: {member.type}, at {_place(member)}, {_size(member)}"


def _place(member: Member) -> str:
    return f"{member.offset}:{member.bits[0]}" if member.bits else str(member.offset)


def _size(member: Member) -> str:
    size, unit = (member.bits[1], "bit") if member.bits else (member.size, "byte")
    return f"{size} {unit}{'' if size == 1 else 's'}"


def _wrap(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
