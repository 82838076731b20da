"""headers/exclusions.toml: what is known to be wrong or left out, with the reason for each.

A row is used when it covers something that would otherwise be an error; one that covers nothing
is an error itself, so the table cannot outlive its reasons.
"""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from callgate.verify.verification import Disagreement

LUAJIT = "luajit"  # the witness of what the library says
PARSE = "parse"  # the kind of rows about headers that cannot be parsed
KINDS = (
    PARSE, "unit", "constant", "enumerator", "string", "float", "record", "field", "bit-field",
    "typedef", "enum", "prototype", "system call", "macro", "name", "module",
)  # fmt: skip
REASON_WORDS = 4  # fewer do not tell a reason


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One row. ``name``, ``header`` and ``targets`` are patterns as the shell has them."""

    kind: str  # ex) "constant"; see KINDS
    name: str  # ex) "__HAVE_FLOAT*"; of kind "parse" the header
    reason: str  # ex) "gcc 12 has no keyword bool"
    fact: str = ""  # ex) "signed"; "" for every fact of the item
    header: str = "*"  # ex) "linux/bpf.h"
    witness: str = ""  # ex) "gcc"; "" for every witness
    before: int = 0  # the row counts for versions of the witness below this one, 0 for all
    targets: tuple[str, ...] = ("*",)  # ex) ("x86_64-*",)

    def __str__(self) -> str:
        """Return the row in short: ``constant __HAVE_FLOAT* (gcc)``."""
        return f"{self.kind} {self.name}" + (f" ({self.witness})" if self.witness else "")

    def is_for(self, target: str) -> bool:
        """Tell whether the row counts for ``target``."""
        return any(fnmatch.fnmatchcase(target, pattern) for pattern in self.targets)

    def matches(self, kind: str, name: str, header: str) -> bool:
        """Tell whether the row is about this item."""
        return (
            kind == self.kind
            and fnmatch.fnmatchcase(name, self.name)
            and fnmatch.fnmatchcase(header, self.header)
        )


class Exclusions:
    """The table; it remembers which rows were used."""

    def __init__(self, rows: Iterable[Exclusion]) -> None:
        """Nothing is used yet."""
        self.rows = tuple(rows)
        self._used: set[Exclusion] = set()

    def covers(self, kind: str, name: str, target: str) -> bool:
        """Tell whether a row of ``kind`` covers ``name`` on ``target``, and count it as used."""
        found = [row for row in self.rows if row.is_for(target) and row.matches(kind, name, "")]
        self._used.update(found)
        return bool(found)

    def excuses(self, item: Disagreement, target: str, version: int) -> bool:
        """Tell whether a row excludes the disagreement; ``version`` is the witness's major one."""
        found = [
            row
            for row in self.rows
            if row.is_for(target)
            and row.matches(item.kind, item.name, item.location.header)
            and row.fact in {"", item.fact}
            and row.witness in {"", item.witness}
            and (not row.before or version < row.before)
        ]
        self._used.update(found)
        return bool(found)

    @property
    def used(self) -> frozenset[Exclusion]:
        """The rows that have covered something."""
        return frozenset(self._used)

    def use(self, rows: Iterable[Exclusion]) -> None:
        """Count rows as used that have covered something elsewhere."""
        self._used.update(rows)

    def unused(
        self, asked: Mapping[str, Mapping[str, int]], every: Collection[str]
    ) -> tuple[Exclusion, ...]:
        """Return the rows for witnesses' facts that excluded nothing.

        ``asked`` holds, by target, the major version of each witness that was asked. Only rows all
        of whose targets, among ``every`` that there is, were asked can be judged, and of those for
        one witness only where it testified.
        """

        def is_judged(row: Exclusion) -> bool:
            named = {name for name in every if row.is_for(name)}
            # macros are called in LuaJIT, and compilers only asked for the same calls
            witness = LUAJIT if row.kind == "macro" else row.witness
            versions = [asked[name] for name in named & asked.keys()]
            return named <= asked.keys() and (
                not named
                or any(
                    (not witness or witness in each)
                    and (not row.before or each.get(row.witness, row.before) < row.before)
                    for each in versions
                )
            )

        return tuple(
            row
            for row in self.rows
            if row.kind != PARSE and row not in self._used and is_judged(row)
        )


def load_exclusions(path: Path) -> Exclusions:
    """Read the table: rows ``[[exclusion]]``.

    Raises CallgateError, naming the row, for unknown keys and kinds and for want of a reason.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CallgateError(f"cannot read the exclusions: {error}", where=str(path)) from error
    extra = sorted(set(table) - {"exclusion"})
    if extra:
        raise CallgateError(f"unknown key {extra[0]!r}; rows are [[exclusion]]", where=str(path))
    rows = table.get("exclusion", [])
    return Exclusions(_row(row, f"{path}: row {n}") for n, row in enumerate(rows, 1))


def _row(row: dict[str, Any], where: str) -> Exclusion:
    known = {item.name: item for item in fields(Exclusion)}
    unknown = sorted(set(row) - set(known))
    missing = sorted({"kind", "name", "reason"} - set(row))
    if unknown or missing:
        parts = [f"unknown key {key!r}" for key in unknown] + [f"no {key!r}" for key in missing]
        raise CallgateError(", ".join(parts), where=where, hint=f"keys: {', '.join(known)}")
    found = Exclusion(**{**row, "targets": tuple(row.get("targets", ("*",)))})
    if found.kind not in KINDS:
        message = f"unknown kind {found.kind!r}; kinds are {', '.join(KINDS)}"
        raise CallgateError(message, where=where)
    if len(str(found.reason).split()) < REASON_WORDS:
        raise CallgateError(
            f"{found.reason!r} is no reason; it takes {REASON_WORDS} words or more", where=where
        )
    if found.before and not found.witness:
        raise CallgateError("'before' is a version of a witness; name the witness", where=where)
    return found
