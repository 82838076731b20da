"""The coverage table: what each system call came to when the specs made the kernel do it.

tests/lua/coverage.lua prints what a spec's calls came to; `callgate coverage --update` keeps that in
headers/coverage/RUN.json, one file for each machine of headers/runs.toml that is asked. The table
headers/coverage.toml says which machines make a column, and why a cell is not reached. In a cell a
call is "ok" where it succeeded at least once, else the errnos that it failed with.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

FILE = "coverage.toml"  # below headers/
FOLDER = "coverage"  # below headers/: what machines recorded
OK = "ok"
LACKING = "ENOSYS"  # the kernel, or qemu-user, has no such call
ABSENT = "–"  # noqa: RUF001 - of a cell: no architecture of this column has the call
EVERYWHERE = "*"  # of a reason: in every column
MISSING = ""  # of a cell: not reached, and nothing says why

RECORD = re.compile(r"^# call (\S+) (\S.*)$", re.MULTILINE)
# The page's first table: a title, and which cells count for it.
COUNTED = {
    "ok": "succeeds",
    "errno": "fails, as it has to there",
    LACKING: "fails with ENOSYS alone: the kernel, or qemu-user, has no such call",
    "reason": "is not reached, for a reason that the cell says",
    MISSING: "is not reached",
    ABSENT: "is no call of this architecture",
}

Outcomes = dict[str, frozenset[str]]  # call -> "ok" alone, or names of errnos


@dataclass(frozen=True, slots=True)
class Table:
    """headers/coverage.toml."""

    columns: Mapping[str, tuple[str, ...]]  # title -> machines of headers/runs.toml
    unreached: Mapping[str, Mapping[str, str]]  # title or EVERYWHERE -> call -> why

    def reason(self, call: str, column: str) -> str:
        """Return why ``call`` is not reached in ``column``; "" for no reason."""
        own = self.unreached.get(column, {})
        return own.get(call) or self.unreached.get(EVERYWHERE, {}).get(call, "")


@dataclass(frozen=True, slots=True)
class Record:
    """What the specs came to on one machine."""

    kernel: str  # ex) "7.2"
    calls: Outcomes


@dataclass(frozen=True, slots=True)
class Cell:
    """One system call in one column."""

    state: str  # a key of COUNTED
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One system call, by the kernel's name."""

    call: str
    cells: Mapping[str, Cell]  # by column


def load_table(headers: Path) -> Table:
    """Return headers/coverage.toml."""
    table = tomllib.loads((headers / FILE).read_text(encoding="utf-8"))
    columns = {name: tuple(runs) for name, runs in table["columns"].items()}
    unreached = {name: dict(rows) for name, rows in table["unreached"].items()}
    for name in unreached:
        if name not in columns and name != EVERYWHERE:
            raise CallgateError("there is no such column", where=f"headers/{FILE}: {name!r}")
    return Table(columns, unreached)


def merged(records: Iterable[tuple[str, str]]) -> Outcomes:
    """Return what pairs of call and outcome come to."""
    found: dict[str, set[str]] = defaultdict(set)
    for call, outcome in records:
        found[call].add(outcome)
    return {
        call: frozenset({OK} if OK in outcomes else outcomes) for call, outcomes in found.items()
    }


def load_records(headers: Path, table: Table) -> dict[str, Record]:
    """Return what was recorded, by machine; a machine without a file recorded nothing yet."""
    found = {}
    for run in (run for runs in table.columns.values() for run in runs):
        path = headers / FOLDER / f"{run}.json"
        if path.is_file():
            data = json.loads(path.read_text(encoding="utf-8"))
            calls = {call: frozenset(outcomes.split()) for call, outcomes in data["calls"].items()}
            found[run] = Record(data["kernel"], calls)
    return found


def record_text(record: Record) -> str:
    """Return the file of a record."""
    calls = {call: " ".join(sorted(found)) for call, found in sorted(record.calls.items())}
    return json.dumps({"kernel": record.kernel, "calls": calls}, indent=0) + "\n"


def rows(
    table: Table,
    records: Mapping[str, Record],
    known: Mapping[str, frozenset[str]],
    excluded: Mapping[str, str],
) -> list[Row]:
    """Return a row for each call that an architecture has.

    ``known`` has the calls of each machine, and under EVERYWHERE those of all architectures;
    ``excluded`` those that are no functions of the library, and why.
    """
    found = []
    for call in sorted(known[EVERYWHERE]):
        cells = {}
        for column, runs in table.columns.items():
            outcomes = merged(
                (call, outcome)
                for run in runs
                if run in records
                for outcome in records[run].calls.get(call, ())
            ).get(call, frozenset())
            why = table.reason(call, column) or excluded.get(call, "")
            has = any(call in known[run] for run in runs)
            cells[column] = _cell(outcomes, why, has=has)
        if all(cell.state == ABSENT for cell in cells.values()):
            why = table.reason(call, EVERYWHERE) or excluded.get(call, "")
            cells = dict.fromkeys(cells, Cell("reason" if why else MISSING, why))
        found.append(Row(call, cells))
    return found


def _cell(outcomes: frozenset[str], why: str, *, has: bool) -> Cell:
    if OK in outcomes:
        return Cell(OK, OK)
    if outcomes:
        state = LACKING if outcomes == {LACKING} else "errno"
        return Cell(state, ", ".join(sorted(outcomes)))
    if not has:
        return Cell(ABSENT, ABSENT)
    return Cell("reason" if why else MISSING, why)


def problems(found: Sequence[Row], table: Table) -> Iterator[str]:
    """Yield what is wrong: cells that are empty, reasons that are not needed."""
    for row in found:
        empty = [column for column, cell in row.cells.items() if cell.state == MISSING]
        if empty:
            yield (
                f"{row.call}: no spec reaches it ({', '.join(empty)}); write one, or a reason in "
                f"headers/{FILE}"
            )
    by_call = {row.call: row for row in found}
    for column, reasons in table.unreached.items():
        for call in reasons:
            where = f"headers/{FILE}: {column}: {call}"
            row = by_call.get(call)
            if row is None:
                yield f"{where}: there is no such call"
                continue
            concerned = row.cells if column == EVERYWHERE else {column: row.cells[column]}
            reached = [title for title, cell in concerned.items() if cell.state in REACHED]
            if reached:
                yield f"{where}: a spec reaches it ({', '.join(reached)}); remove the reason"
            elif all(cell.state == ABSENT for cell in concerned.values()):
                yield f"{where}: its architecture has no such call; remove the reason"


REACHED = (OK, "errno", LACKING)


def lost(before: Record, now: Record) -> list[str]:
    """Return the calls that succeeded when they were recorded, and that nothing reaches now."""
    return sorted(call for call, was in before.calls.items() if OK in was and call not in now.calls)


def markdown(found: Sequence[Row], table: Table, records: Mapping[str, Record]) -> str:
    """Return the page docs/coverage.md."""
    columns = list(table.columns)
    lines = [
        "<!-- generated by `callgate coverage --update`; do not edit -->",
        "# What the specs make the kernel do",
        "",
        "Each system call of each architecture, and what it came to when the specs of `tests/lua` "
        "ran: `ok` where it",
        "succeeded at least once, the names of errnos where it only ever failed, with these. "
        "Where no spec reaches a",
        f"call the cell says why (`headers/{FILE}`); `{ABSENT}`: that architecture has no such "
        "call.",
        "`callgate coverage --check` compares, in each run of the tests.",
        "",
    ]
    for column, runs in table.columns.items():
        machines = [f"{run} (Linux {records[run].kernel})" for run in runs if run in records]
        lines.append(f"* {column}: {', '.join(machines)}")
    head = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += ["", *head]
    counts = {c: Counter(row.cells[c].state for row in found) for c in columns}
    for state, title in COUNTED.items():
        numbers = [str(counts[column][state]) for column in columns]
        if state != MISSING or set(numbers) != {"0"}:
            lines.append(f"| {title} | {' | '.join(numbers)} |")
    lines += ["", head[0].replace("| |", "| call |", 1), head[1]]
    lines += [
        f"| {row.call} | {' | '.join(row.cells[column].text for column in columns)} |"
        for row in found
    ]
    return "\n".join([*lines, ""])
