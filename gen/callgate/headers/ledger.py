"""The ledger: every name of the kernel's headers that was ever released, and what it meant.

headers/ledger/{constants,records,syscalls}.txt, one name a line below its header (docs/ledger.md
has the format). The C libraries' names are not in it: the kernel keeps what its headers promise,
a C library changes its own with its version (glibc 2.42 changed the value of B9600), and which
version a program meets is its machine's choice, not ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.files import atomic_file
from callgate.model import Array

if TYPE_CHECKING:
    from pathlib import Path

    from callgate.model import Abi, Field, Record

KINDS = ("constants", "records", "syscalls")
FOLDER = "ledger"  # below headers/
LIBC = "libc"  # the unit whose names are left out
CALLS = "system calls"  # what system calls stand under in place of a header
ABSENT = "-"
FAMILIES = ("mips*", "mips64*", "powerpc*")  # sets of architectures with a name of their own
HASH_DIGITS = 6

_HEAD = "# What was released: see docs/ledger.md. `callgate ledger --update` writes it."
_LAST = re.compile(r"(.+)@(\d+\.\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class Fact:
    """What a name means on an architecture, or meant when it was last seen."""

    text: str  # ex) "64", '"text"'; of a record Shape's text; of a system call its number
    last: str | None = None  # the kernel version that had it last; None: the ledger's own


@dataclass(frozen=True, slots=True)
class Row:
    """A name."""

    header: str  # ex) "linux/fcntl.h"
    since: str  # ex) "7.2.0", the kernel version that it was first seen in
    usual: Fact | None  # what it means where ``others`` says nothing else; None: absent
    others: Mapping[str, Fact | None]  # by architecture

    def on(self, architecture: str) -> Fact | None:
        """Return what is known of the architecture."""
        return self.others.get(architecture, self.usual)


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that was released."""

    since: str  # the kernel version that it began with
    kernel: str  # the one that it was last brought up to date with
    architectures: tuple[str, ...]
    rows: Mapping[str, Mapping[str, Row]]  # kind -> name


@dataclass(frozen=True, slots=True)
class Shape:
    """A record in short: as long as its first fields are the same, it has only grown."""

    size: int
    align: int
    fields: int
    hash: str  # of the fields' names, places and sizes

    @property
    def text(self) -> str:
        """Return ``12/1/2/3f9c21``."""
        return f"{self.size}/{self.align}/{self.fields}/{self.hash}"


def parse_shape(text: str) -> Shape:
    """Return the shape whose text it is; raises ValueError when it is none."""
    size, align, fields, digits = text.split("/")
    return Shape(int(size), int(align), int(fields), digits)


def shape_of(record: Record, fields: int | None = None) -> Shape:
    """Return a record's shape, as if it ended after that many of its fields."""
    walked = list(record.walk())[:fields]
    text = "\n".join(f"{path} {bits} {_bits(item)}" for path, bits, item in walked)
    digits = hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]
    return Shape(record.size, record.align, len(walked), digits)


def _bits(item: Field) -> str:
    """Return a field's size in bytes, or a bit-field's width."""
    if item.bit_width is not None:
        return f":{item.bit_width}"
    if isinstance(item.type, Array) and item.type.length is None:
        return "0"
    return str(getattr(item.type, "size", 0))


def constant_text(value: float | str) -> str:
    """Return a value without a space in it: numbers as Python writes them, strings as JSON."""
    return json.dumps(value).replace(" ", "\\u0020") if isinstance(value, str) else repr(value)


def kernel_facts(abi: Abi) -> dict[str, dict[str, tuple[str, str]]]:
    """Return ``kind -> name -> (header, fact)`` of everything of the kernel's in a model."""
    return {
        "constants": {
            item.name: (item.location.header, constant_text(item.value))
            for item in abi.constants
            if item.primary and item.location.unit != LIBC
        },
        "records": {
            item.name: (item.location.header, shape_of(item).text)
            for item in abi.records
            if item.primary and item.location.unit != LIBC
        },
        "syscalls": {item.name: (CALLS, str(item.number)) for item in abi.syscalls},
    }


# --- the files -----------------------------------------------------------------------------------


def load_ledger(folder: Path) -> Ledger:
    """Read the ledger; raises CallgateError naming file and line of what is not its format."""
    heads: list[tuple[str, str, tuple[str, ...]]] = []
    rows: dict[str, dict[str, Row]] = {}
    for kind in KINDS:
        path = folder / f"{kind}.txt"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise CallgateError(f"cannot read it: {error.strerror}", where=str(path)) from error
        reader = _Reader(path)
        rows[kind] = reader.read(lines)
        heads.append((reader.since, reader.kernel, reader.architectures))
    if len(set(heads)) != 1:
        raise CallgateError(
            "its files begin differently: since, kernel or architectures",
            where=str(folder),
            hint="restore them, then bring all up to date at once: callgate ledger --update",
        )
    return Ledger(*heads[0], rows)


def write_ledger(ledger: Ledger, folder: Path) -> None:
    """Write the ledger's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        with atomic_file(folder / f"{kind}.txt") as fresh:
            fresh.write_text(ledger_text(ledger, kind), encoding="utf-8", newline="\n")


def ledger_text(ledger: Ledger, kind: str) -> str:
    """Return the text of one file: sorted, so that versions of it compare and merge by line."""
    names = " ".join(ledger.architectures)
    lines = [_HEAD, f"since {ledger.since}", f"kernel {ledger.kernel}", f"architectures {names}"]
    found = sorted((row.header, name, row) for name, row in ledger.rows[kind].items())
    for header, items in groupby(found, key=lambda item: item[0]):
        lines += ["", f"[{header}]"]
        lines += [_row_text(ledger, name, row) for _, name, row in items]
    return "\n".join(lines) + "\n"


def make_row(
    header: str, since: str, facts: Mapping[str, Fact | None], architectures: Sequence[str]
) -> Row:
    """Return the row that says ``facts``; the commonest, or else the first, is the usual one."""
    (usual, _), *_ = Counter(facts[each] for each in architectures).most_common(1)
    others = {each: facts[each] for each in architectures if facts[each] != usual}
    return Row(header, since, usual, others)


def _row_text(ledger: Ledger, name: str, row: Row) -> str:
    words = [name.replace(" ", ":")]
    if row.usual is not None:
        words.append(_fact_text(row.usual))
    groups: dict[Fact | None, list[str]] = {}
    for each, fact in row.others.items():
        groups.setdefault(fact, []).append(each)
    for fact, found in groups.items():
        sets = set_text(tuple(found), ledger.architectures)
        words.append(f"{sets}={ABSENT if fact is None else _fact_text(fact)}")
    if row.since != ledger.since:
        words.append(f"since={row.since}")
    return " ".join(words)


def _fact_text(fact: Fact) -> str:
    return fact.text if fact.last is None else f"{fact.text}@{fact.last}"


@cache
def set_text(chosen: tuple[str, ...], known: tuple[str, ...]) -> str:
    """Return ``arm,mips*``: a family's pattern where all of the family are chosen."""
    words = []
    left = list(chosen)
    for family in FAMILIES:
        members = [each for each in known if fnmatchcase(each, family)]
        if len(members) > 1 and all(each in left for each in members):
            words.append((known.index(members[0]), family))
            left = [each for each in left if each not in members]
    words += [(known.index(each), each) for each in left]
    return ",".join(word for _, word in sorted(words))


class _Reader:
    """Reads one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.since = self.kernel = ""
        self.architectures: tuple[str, ...] = ()
        self._sets: dict[str, tuple[str, ...]] = {}

    def read(self, lines: Iterable[str]) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        header = ""
        for number, line in enumerate(lines, 1):
            if not line or line.startswith("#"):
                continue
            if line.startswith("["):
                header = line[1:-1]
                continue
            try:
                if not header:
                    self._begin(*line.split(" ", 1))
                    continue
                words = line.split(" ")
                name = words[0].replace(":", " ")
                rows[name] = self._row(header, words[1:], rows.get(name))
            except ValueError as error:
                hint = "docs/ledger.md has the format; after a merge, run: callgate ledger --update"
                where = f"{self.path}:{number}"
                raise CallgateError(f"{error}: {line!r}", where=where, hint=hint) from None
        return rows

    def _begin(self, key: str, value: str) -> None:
        match key:
            case "since":
                self.since = value
            case "kernel":
                self.kernel = value
            case "architectures":
                self.architectures = tuple(value.split(" "))
            case _:
                raise ValueError("expected since, kernel, architectures or [a header]")

    def _row(self, header: str, words: list[str], before: Row | None) -> Row:
        if before is not None:
            raise ValueError(f"the name stands below {before.header} as well")
        since, usual = self.since, None
        others: dict[str, Fact | None] = {}
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or key[0] in '"-0123456789':
                usual = _fact(word)
            elif key == "since":
                since = value
            else:
                fact = None if value == ABSENT else _fact(value)
                others |= dict.fromkeys(self._set(key), fact)
        return Row(header, since, usual, others)

    def _set(self, text: str) -> tuple[str, ...]:
        if text not in self._sets:
            words = text.split(",")
            known = self.architectures
            self._sets[text] = tuple(
                each for each in known if any(fnmatchcase(each, word) for word in words)
            )
            if not self._sets[text]:
                raise ValueError(f"no architecture is called {text}")
        return self._sets[text]


@cache
def _fact(text: str) -> Fact:
    found = _LAST.fullmatch(text)
    return Fact(found[1], found[2]) if found else Fact(text)
