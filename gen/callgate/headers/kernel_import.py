"""System call tables and prototypes of a kernel source tree -> data under headers/kernel/.

Only facts are taken: numbers, names, types. `callgate headers import` runs this once per kernel
release; everybody else reads the committed data.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError
from callgate.files import atomic_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROTOTYPE_HEADERS = (
    "include/linux/syscalls.h",
    "include/linux/compat.h",
    "include/asm-generic/syscalls.h",
)
NEEDED = ("Makefile", "include/linux/syscalls.h", "scripts/syscall.tbl")
ROW = re.compile(r"(\d+)\s+(\S+)\s+(\S+)(?:\s+(\S+))?(?:\s+(\S+))?(?:\s+(\S+))?\s*$")
ENTRY = re.compile(
    r"(?:asmlinkage\s+)?\b((?:unsigned\s+)?(?:long|int|void|ssize_t|time_t|s32|u32|pid_t))\s+"
    r"((?:compat_)?(?:sys\d*|ksys|sysm|sysn32|__sys|mipsmt_sys)_\w+)\s*\(([^;{}]*)\)\s*;",
)
ANNOTATION = re.compile(r"\b(?:__user|__force|__iomem|asmlinkage|notrace)\b")
ARM_PRIVATE = re.compile(r"#define\s+__ARM_NR_(\w+)\s+\(__ARM_NR_BASE\s*\+\s*(\d+)\)")
ARM_PRIVATE_BASE = 0x0F0000  # arch/arm/include/uapi/asm/unistd.h, EABI
PROVENANCE = "provenance.json"


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import found."""

    version: str  # ex) "7.2.13"
    tables: dict[str, int]  # table -> rows
    prototypes: int
    files: int  # read and hashed


def import_kernel(source: Path, destination: Path, *, origin: str = "") -> ImportSummary:
    """Extract the tree at ``source`` into ``destination/<version>``.

    ``origin`` says where the tree came from, for the provenance record. Raises CallgateError when
    ``source`` is not a kernel tree (saying what is missing) or a table's row is malformed.
    """
    missing = [name for name in NEEDED if not (source / name).is_file()]
    if missing:
        raise CallgateError(
            f"not a kernel source tree: no {', '.join(missing)}",
            where=str(source),
            hint="unpack a kernel's source, such as Debian's package linux-source, and name its top",
        )
    reader = _Reader(source)
    version = _version(reader.text("Makefile"), source)
    tables = {name: list(_table(reader, name)) for name in _table_names(source)}
    prototypes = list(_prototypes(reader))
    generic = _generic_abis(reader)
    with atomic_directory(destination / version, marker=PROVENANCE) as fresh:
        for name, rows in tables.items():
            _write_lines(fresh / _file_name(name), {"table": name}, "calls", rows)
        _write_lines(fresh / "prototypes.json", {}, "prototypes", prototypes)
        record = {
            "kernel": version,
            "origin": origin,
            "generic_abis": generic,
            "sha256": dict(sorted(reader.hashes.items())),
        }
        (fresh / PROVENANCE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    counts = {name: len(rows) for name, rows in tables.items()}
    return ImportSummary(version, counts, len(prototypes), len(reader.hashes))


class _Reader:
    """Reads files of the tree, remembering their hashes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hashes: dict[str, str] = {}

    def text(self, name: str) -> str:
        data = (self.root / name).read_bytes()
        self.hashes[name] = hashlib.sha256(data).hexdigest()
        return data.decode("utf-8", errors="replace")


def _version(makefile: str, source: Path) -> str:
    parts = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL)\s*=\s*(\d+)", makefile, re.M))
    if len(parts) != 3:  # noqa: PLR2004 - the three names above
        raise CallgateError("no VERSION, PATCHLEVEL and SUBLEVEL in it", where=f"{source}/Makefile")
    return f"{parts['VERSION']}.{parts['PATCHLEVEL']}.{parts['SUBLEVEL']}"


def _table_names(source: Path) -> list[str]:
    found = [*source.glob("arch/*/**/*syscall*.tbl"), source / "scripts/syscall.tbl"]
    return sorted(path.relative_to(source).as_posix() for path in found)


def _file_name(table: str) -> str:
    """Return ``x86-syscall_64.json`` for ``arch/x86/entry/syscalls/syscall_64.tbl``."""
    parts = table.removesuffix(".tbl").split("/")
    return f"{parts[1] if parts[0] == 'arch' else 'generic'}-{parts[-1]}.json"


def _table(reader: _Reader, name: str) -> Iterator[list[Any]]:
    """Yield ``[number, abi, name, entry, compat entry]`` rows (scripts/syscalltbl.sh)."""
    for line, raw in enumerate(reader.text(name).splitlines(), 1):
        text = raw.partition("#")[0].strip()
        if not text:
            continue
        row = ROW.match(text)
        if row is None:
            raise CallgateError(
                f"expected 'number abi name [entry [compat entry]]', got {text!r}",
                where=f"{reader.root / name}:{line}",
            )
        entry, compat = (None if part in (None, "-") else part for part in (row[4], row[5]))
        yield [int(row[1]), row[2], row[3], entry, compat]
    if name == "arch/arm/tools/syscall.tbl":
        header = "arch/arm/include/uapi/asm/unistd.h"
        if (reader.root / header).is_file():
            for private, number in ARM_PRIVATE.findall(reader.text(header)):
                yield [ARM_PRIVATE_BASE + int(number), "private", f"ARM_{private}", None, None]


def _generic_abis(reader: _Reader) -> dict[str, dict[str, list[str]]]:
    """Return, per architecture that uses scripts/syscall.tbl, the ABI columns it takes."""
    out: dict[str, dict[str, list[str]]] = {}
    for path in sorted(reader.root.glob("arch/*/kernel/Makefile.syscalls")):
        name = path.relative_to(reader.root).as_posix()
        text = reader.text(name)
        arch = name.split("/")[1]
        out[arch] = {
            bits: extra.split() for bits, extra in re.findall(r"syscall_abis_(32|64) \+=(.*)", text)
        }
    return out


def _prototypes(reader: _Reader) -> Iterator[list[Any]]:
    """Yield ``[entry, returns, [[name, type]...], header, line, condition]``."""
    headers = [name for name in PROTOTYPE_HEADERS if (reader.root / name).is_file()]
    headers += sorted(
        path.relative_to(reader.root).as_posix()
        for path in reader.root.glob("arch/*/include/asm/syscalls.h")
    )
    for header in headers:
        raw = reader.text(header)
        text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), raw, flags=re.S)
        text = re.sub(r"#\s*define(?:[^\n\\]|\\\n|\\.)*", _blank, text)
        conditions = _conditions(text)
        plain = re.sub(r"^[ \t]*#.*$", "", text, flags=re.M)
        for found in ENTRY.finditer(plain):
            line = plain.count("\n", 0, found.start(2)) + 1
            arguments = [_argument(part) for part in _split(found[3])]
            yield [
                found[2],
                " ".join(found[1].split()),
                [item for item in arguments if item != [None, "void"]],
                header,
                line,
                conditions[line - 1],
            ]


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _conditions(text: str) -> list[str]:
    """Return for each line the conditions of its enclosing #if blocks, include guards left out."""
    stack: list[str] = []
    out = []
    for line in text.splitlines():
        directive = re.match(r"\s*#\s*(ifdef|ifndef|if|elif|else|endif)\b\s*(.*)", line)
        if directive:
            word, rest = directive[1], directive[2].strip()
            if word in {"ifdef", "if"}:
                stack.append(rest)
            elif word == "ifndef":
                stack.append(f"!{rest}")
            elif word in {"else", "elif"} and stack:
                stack[-1] = f"!({stack[-1]})"
            elif word == "endif" and stack:
                stack.pop()
        guards = [item for item in stack if not re.match(r"!?_+\w+_H_*$", item)]
        out.append(" && ".join(item for item in guards if "HAS_SYSCALL_WRAPPER" not in item))
    return [*out, ""]


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return [" ".join(part.split()) for part in parts if part.strip()]


TYPE_WORDS = {
    "unsigned", "signed", "int", "long", "short", "char", "const", "struct", "union", "enum", "void",
}  # fmt: skip


def _argument(text: str) -> list[str | None]:
    """Return ``[name or None, C type]`` of one parameter's declaration."""
    text = " ".join(ANNOTATION.sub(" ", text).split())
    function = re.match(r"(.*)\(\s*\*\s*(\w*)\s*\)\s*\(.*\)$", text)
    if function:
        return [function[2] or None, "void *"]
    array = re.match(r"(.*?)(\w+)?\s*\[[^]]*\]$", text)
    if array:
        return [array[2], f"{array[1].strip()} *"]
    found = re.match(r"(.*?[\s*])(\w+)$", text)
    if found and found[2] not in TYPE_WORDS:
        before = found[1].strip()
        if before and before not in {"const", "struct", "union", "enum", "const struct"}:
            return [found[2], _spaced(before)]
    return [None, _spaced(text)]


def _spaced(text: str) -> str:
    return re.sub(r"\s*(\*+)\s*", r" \1", text).strip()


def _write_lines(path: Path, head: dict[str, Any], key: str, rows: list[list[Any]]) -> None:
    """Write JSON with one row per line: small, and readable as a diff."""
    fields = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in head.items())
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    path.write_text(f"{{\n{fields} {json.dumps(key)}: [\n{lines}\n ]\n}}\n", encoding="utf-8")
