"""docs/libc.md: where the C libraries' records and constants are not the kernel's."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from callgate.explore.libc import (
    DIFFERS,
    RENAMED,
    SAME,
    Pair,
    compare_constants,
    compare_records,
    has_libc,
)
from callgate.explore.sets import set_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from callgate.model import Abi
    from callgate.targets import Target

_HEAD = """\
# C libraries and the kernel

The library makes system calls and uses the kernel's records and constants. A C library declares its
own, and its functions take those. Who passes a record of the one to the other must know where they
differ. These tables are made by comparing the headers of each target; `callgate show --libc` says
it for one target, `callgate show NAME` for one name. The C libraries' headers are read with
`_GNU_SOURCE` and `_FILE_OFFSET_BITS=64`, and otherwise as they are by default.

Beside the kernel's record of the same name stands that of the same meaning which has another name:
on 32-bit machines `struct stat64`, for example, which the library's calls use. Sizes and offsets
are in bytes, the C library's first. Fields that are only padding are not compared. The machines in
a row are those among all that have the name.

This page is written by `callgate show --libc --all --markdown`.
"""
_RECORDS = """\
### {}: records that differ

| its record | the kernel's | on | difference |
|---|---|---|---|"""
_RENAMED = """\
### {}: records with the same bytes and other field names

| its record | the kernel's | on | fields |
|---|---|---|---|"""
_SAME = "### {}: records that are the kernel's"
_CONSTANTS = """\
### {}: constants that differ

| constant | on | its value, the kernel's |
|---|---|---|"""


def libc_page(models: Mapping[str, Abi], targets: Sequence[Target], pairs: Iterable[Pair]) -> str:
    """Return the page for the models, by target name; those without a C library are left out."""
    rows = tuple(pairs)
    known = [each for each in targets if each.name in models and has_libc(models[each.name])]
    names = dict.fromkeys(target.libc for target in known)
    parts = [libc_section(name, models, known, rows) for name in names]
    return "\n".join([_HEAD, *parts])


def libc_section(
    libc: str, models: Mapping[str, Abi], targets: Iterable[Target], pairs: Sequence[Pair]
) -> str:
    """Return the page's part about one C library."""
    known = [target for target in targets if target.libc == libc]
    records: dict[tuple[str, str], dict[tuple[str, str], list[str]]] = {}
    constants: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for target in known:
        for item in compare_records(models[target.name], pairs):
            found = records.setdefault((item.name, item.kernel), {})
            found.setdefault((item.verdict, item.text), []).append(target.name)
        for one in compare_constants(models[target.name]):
            constants[one.name][one.text].append(target.name)
    parts: dict[str, list[str]] = {DIFFERS: [], RENAMED: [], SAME: []}
    for (name, kernel), found in sorted(records.items()):
        verdicts = {verdict for verdict, _ in found}
        kind = next(each for each in (DIFFERS, RENAMED, SAME) if each in verdicts)
        if kind == SAME:
            parts[SAME].append(f"`{name}`" + ("" if name == kernel else f" (`{kernel}`)"))
        else:
            parts[kind] += _rows(name, kernel, found, known)
    lines = [f"## {libc}", "", _RECORDS.format(libc), *parts[DIFFERS], ""]
    lines += [_RENAMED.format(libc), *parts[RENAMED], ""]
    lines += [_SAME.format(libc), "", ", ".join(parts[SAME]) + ".", "", _CONSTANTS.format(libc)]
    lines += [
        f"| `{name}` | {set_words(names, known)} | {text} |"
        for name, values in sorted(constants.items())
        for text, names in values.items()
    ]
    return "\n".join(lines) + "\n"


def _rows(
    name: str, kernel: str, found: Mapping[tuple[str, str], list[str]], known: Sequence[Target]
) -> list[str]:
    having = [each for each in known if any(each.name in names for names in found.values())]
    return [
        f"| `{name}` | `{kernel}` | {set_words(names, having)} | {text} |"
        for (_, text), names in found.items()
    ]
