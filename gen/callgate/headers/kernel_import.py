"""System call tables and prototypes of a kernel source tree -> data under headers/kernel/.

Only facts are taken: numbers, names, types. `callgate headers import` runs this once per kernel
release; everybody else reads the committed data (kernel.py).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callgate.errors import CallgateError
from callgate.files import atomic_directory
from callgate.headers.kernel_prototypes import EntryPoint, read_prototypes

PROVENANCE = "provenance.json"
RECORDED = ("kernel", "origin", "generic_abis", "data", "sha256")  # its keys
PROTOTYPES = "prototypes.json"
PLACEHOLDERS = frozenset({"sys_ni_syscall", "sys_nis_syscall"})  # what a number without a call has

_SYSCALLS_H = "include/linux/syscalls.h"
_GENERIC_TABLE = "scripts/syscall.tbl"
_GENERIC_UNISTD = "include/uapi/asm-generic/unistd.h"
_NEEDED = ("Makefile", _SYSCALLS_H, _GENERIC_TABLE)
_HEADERS = (_SYSCALLS_H, "include/linux/compat.h", "include/asm-generic/syscalls.h")
_ARCH_HEADERS = "arch/*/include/asm/syscalls*.h"  # syscalls_32.h is a part of sh's
_ROW = re.compile(r"(\d{1,9})\s+(\w+)\s+(\w+)(?:\s+([\w-]+)(?:\s+([\w-]+)(?:\s+noreturn)?)?)?")
_ARM = ("arch/arm/tools/syscall.tbl", "arch/arm/include/uapi/asm/unistd.h")
_MIPS = "arch/mips/include/uapi/asm/unistd.h"
_BASES = {  # table -> ABI column, the header that adds to its numbers, how
    "arch/x86/entry/syscalls/syscall_64.tbl": (
        "x32", "arch/x86/include/uapi/asm/unistd.h", r"#define\s+__X32_SYSCALL_BIT\s+(0x\w+)",
    ),
    **{
        f"arch/mips/kernel/syscalls/syscall_{abi}.tbl": (
            abi, _MIPS, rf"#define\s+__NR_Linux\s+(\d+)\s+#include <asm/unistd_{abi}\.h>",
        )
        for abi in ("o32", "n32", "n64")
    },
}  # fmt: skip
_HINT = (
    "name the top folder of a kernel's source, Linux 6.11 or newer, such as Debian's package "
    "linux-source holds; packages of kernel headers have no tables"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a system call table."""

    number: int  # as the table has it: without the base that some architectures add
    abi: str  # ex) "common", "64", "x32", "nospu"
    name: str  # ex) "fstat"
    entry: str | None  # ex) "sys_newfstat"
    compat: str | None  # the entry point for 32-bit programs on a 64-bit kernel
    line: int


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import found."""

    version: str  # ex) "7.2.13"
    tables: dict[str, int]  # ex) {"arch/x86/entry/syscalls/syscall_64.tbl": 421}, rows
    prototypes: int
    files: int  # read and hashed


def import_kernel(source: Path, destination: Path, *, origin: str = "") -> ImportSummary:
    """Extract the tree at ``source`` into ``destination/<version>``.

    ``origin`` says where the tree came from, for the record. The files' format is what kernel.py
    reads. Raises CallgateError when ``source`` is not a kernel tree (saying what is missing), when
    something in it cannot be read (with file and line), or when writing fails; the data of an
    earlier import is then as it was.
    """
    _require(source)
    tree = _Tree(source)
    version = _version(tree)
    tables = {name: _table(tree, name) for name in tree.names("arch/**/*syscall*.tbl")}
    tables[_GENERIC_TABLE] = _table(tree, _GENERIC_TABLE)
    _compare_generic(tree, tables[_GENERIC_TABLE])
    wanted = {row.entry for rows in tables.values() for row in rows if row.entry} - PLACEHOLDERS
    prototypes = [
        found
        for header in (*filter(tree.has, _HEADERS), *tree.names(_ARCH_HEADERS))
        for found in read_prototypes(tree.text(header), header, wanted)
    ]
    generic = _generic_abis(tree)
    texts = {
        _file_name(name): _table_text(name, _bases(tree, name), rows)
        for name, rows in sorted(tables.items())
    }
    texts[PROTOTYPES] = _lines({}, "prototypes", [_prototype_row(item) for item in prototypes])
    data = {name: _hash(text.encode()) for name, text in texts.items()}
    read = dict(sorted(tree.hashes.items()))
    record = dict(zip(RECORDED, (version, origin, generic, data, read), strict=True))
    texts[PROVENANCE] = json.dumps(record, indent=1) + "\n"
    with atomic_directory(destination / version, marker=PROVENANCE) as fresh:
        for name, text in texts.items():
            (fresh / name).write_text(text, encoding="utf-8", newline="\n")
    counts = {name: len(rows) for name, rows in sorted(tables.items())}
    return ImportSummary(version, counts, len(prototypes), len(tree.hashes))


class _Tree:
    """Reads files of the kernel tree, remembering their hashes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hashes: dict[str, str] = {}

    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    def names(self, pattern: str) -> list[str]:
        """Return the files that match, as paths in the tree, sorted."""
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))

    def text(self, name: str) -> str:
        try:
            data = (self.root / name).read_bytes()
        except OSError as error:
            message = f"cannot read it: {error.strerror or error}"
            raise CallgateError(message, where=str(self.root / name), hint=_HINT) from error
        self.hashes[name] = _hash(data)
        return data.decode("utf-8", errors="replace")


def _require(source: Path) -> None:
    missing = [name for name in _NEEDED if not (source / name).is_file()]
    if not missing:
        return
    if not source.is_dir():
        raise CallgateError("no such folder", where=str(source), hint=_HINT)
    below = [path for path in sorted(source.iterdir()) if (path / _SYSCALLS_H).is_file()]
    raise CallgateError(
        f"not a kernel source tree: it has no {', '.join(missing)}",
        where=str(source),
        hint=f"did you mean {below[0]}?" if below else _HINT,
    )


def _version(tree: _Tree) -> str:
    parts = dict(
        re.findall(
            r"^(VERSION|PATCHLEVEL|SUBLEVEL)\s*=\s*(\d+)\s*$", tree.text("Makefile"), re.MULTILINE
        )
    )
    try:
        return f"{parts['VERSION']}.{parts['PATCHLEVEL']}.{parts['SUBLEVEL']}"
    except KeyError as error:
        raise CallgateError(
            f"expected a line '{error.args[0]} = NUMBER'", where=f"{tree.root}/Makefile", hint=_HINT
        ) from None


def _table(tree: _Tree, name: str) -> list[Row]:
    """Return the rows of a table, whose format scripts/syscalltbl.sh gives."""
    rows = []
    for line, raw in enumerate(tree.text(name).splitlines(), 1):
        text = raw.partition("#")[0].strip()
        if not text:
            continue
        found = _ROW.fullmatch(text)
        if found is None:
            raise CallgateError(
                f"expected 'number abi name [entry [compat entry [noreturn]]]', got {text!r}",
                where=f"{tree.root / name}:{line}",
            )
        entry, compat = (None if part in (None, "-") else part for part in found.group(4, 5))
        rows.append(Row(int(found[1]), found[2], found[3], entry, compat, line))
    if name == _ARM[0]:
        rows += _arm_private(tree)
    if not rows:
        raise CallgateError("a table without a row", where=str(tree.root / name), hint=_HINT)
    return rows


def _arm_private(tree: _Tree) -> list[Row]:
    """Return the calls that arm_syscall() in arch/arm/kernel/traps.c serves beside the table."""
    text = tree.text(_ARM[1])
    base = re.search(r"#define\s+__ARM_NR_BASE\s+\(__NR_SYSCALL_BASE\s*\+\s*(0x\w+)\)", text)
    if base is None:
        raise CallgateError(
            "expected '#define __ARM_NR_BASE (__NR_SYSCALL_BASE+NUMBER)'",
            where=str(tree.root / _ARM[1]),
        )
    calls = re.finditer(r"#define\s+__(ARM_NR_\w+)\s+\(__ARM_NR_BASE\s*\+\s*(\d+)\)", text)
    return [
        Row(
            int(base[1], 16) + int(found[2]), "private", found[1].replace("_NR_", "_"),
            "arm_syscall", None, text.count("\n", 0, found.start()) + 1,
        )
        for found in calls
    ]  # fmt: skip


def _bases(tree: _Tree, table: str) -> dict[str, int]:
    """Return what asm/unistd.h adds to the table's numbers, by ABI column."""
    if table not in _BASES:
        return {}
    abi, header, pattern = _BASES[table]
    found = re.search(pattern, tree.text(header))
    if found is None:
        message = f"expected what the numbers of {table} begin at ({pattern})"
        raise CallgateError(message, where=str(tree.root / header))
    return {abi: int(found[1], 0)}


def _compare_generic(tree: _Tree, rows: Sequence[Row]) -> None:
    """Compare the shared table with asm-generic/unistd.h, which older programs read."""
    if not tree.has(_GENERIC_UNISTD):
        return
    numbers: dict[str, set[int]] = {}
    for row in rows:
        numbers.setdefault(row.name, set()).add(row.number)
    for name, number in re.findall(
        r"^#\s*define\s+__NR_(\w+)\s+(\d+)$", tree.text(_GENERIC_UNISTD), re.MULTILINE
    ):
        if name in numbers and int(number) not in numbers[name]:
            raise CallgateError(
                f"{name} is {number}, but {_GENERIC_TABLE} says {min(numbers[name])}",
                where=str(tree.root / _GENERIC_UNISTD),
            )


def _generic_abis(tree: _Tree) -> dict[str, dict[str, str]]:
    """Return, for each architecture without a table, the ABI columns of scripts/syscall.tbl.

    By the width of a long: ``{"riscv": {"32": "common,32,riscv", "64": "common,64,riscv"}}``,
    from scripts/Makefile.asm-headers and the architecture's Makefile.syscalls.
    """
    out: dict[str, dict[str, str]] = {}
    for name in tree.names("arch/*/kernel/Makefile.syscalls"):
        added = re.findall(r"^syscall_abis_(32|64)\s*\+=(.*)$", tree.text(name), re.MULTILINE)
        columns = {bits: ",".join(["common", bits, *more.split()]) for bits, more in added}
        out[name.split("/")[1]] = columns
    return out


def _file_name(table: str) -> str:
    """Return ``x86-syscall_64.json`` for ``arch/x86/entry/syscalls/syscall_64.tbl``."""
    parts = table.removesuffix(".tbl").split("/")
    return f"{parts[1] if parts[0] == 'arch' else 'generic'}-{parts[-1]}.json"


def _table_text(name: str, bases: dict[str, int], rows: Sequence[Row]) -> str:
    calls = [[row.number, row.abi, row.name, row.entry, row.compat, row.line] for row in rows]
    return _lines({"table": name, "bases": bases}, "calls", calls)


def _prototype_row(item: EntryPoint) -> list[Any]:
    return [
        item.name, item.returns, item.arguments, item.header, item.line, item.conditions,
    ]  # fmt: skip


def _lines(head: dict[str, Any], key: str, rows: Sequence[Any]) -> str:
    """Return JSON with one row per line: small, and readable as a diff."""
    fields = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in head.items())
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    return f"{{\n{fields} {json.dumps(key)}: [\n{lines}\n ]\n}}\n"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
