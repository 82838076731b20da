"""The coverage table: what each system call came to when the specs made the kernel do it, by tier.

tests/lua/coverage.lua records functions and outcomes, one "NAME OUTCOME" a line; here they become
the kernel's calls. A call is "ok" where it succeeded at least once, else the errnos that it failed
with; one that no spec reaches has a reason in headers/coverage.toml, or none yet.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callgate.errors import CallgateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from callgate.model import Syscall
    from callgate.spec.model import Spec

FILE = "coverage.toml"  # below headers/
BARE = "syscall."  # before the names of S.syscall
OK = "ok"
MISSING = ""  # of a cell: not reached, and nothing says why


@dataclass(frozen=True, slots=True)
class Row:
    """One system call."""

    call: str  # the kernel's name
    outcomes: Mapping[str, frozenset[str]]  # tier -> "ok" and names of errnos
    reason: str = ""  # why no spec reaches it

    def cell(self, tier: str) -> str:
        """Return what the table says: "ok", "EPERM, ESRCH", the reason, or nothing."""
        found = self.outcomes.get(tier, frozenset())
        if OK in found:
            return OK
        return ", ".join(sorted(found)) or self.reason or MISSING


def read_records(lines: Iterable[str]) -> dict[str, set[str]]:
    """Return the outcomes by function; raises CallgateError on a line that is no record."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        name, space, outcome = line.strip().partition(" ")
        if not space:
            raise CallgateError(f"expected NAME OUTCOME, got {line!r}", where="coverage")
        found[name].add(outcome)
    return found


def load_reasons(headers: Path) -> dict[str, str]:
    """Return why calls are not reached, by the kernel's name."""
    table = tomllib.loads((headers / FILE).read_text(encoding="utf-8"))
    return dict(table["unreached"])


def coverage(
    calls: Iterable[Syscall],
    spec: Spec,
    tiers: Mapping[str, Mapping[str, set[str]]],
    reasons: Mapping[str, str],
) -> list[Row]:
    """Return a row for each call that the kernel implements.

    Raises CallgateError for a reason that is not needed, or of a call that is not there.
    """
    by_function = {name: call.call for call in spec.calls for name in (call.name, *call.also)}
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for tier, records in tiers.items():
        for function, outcomes in records.items():
            bare = function.removeprefix(BARE)
            name = bare if bare != function else by_function.get(function, function)
            found[name][tier] |= outcomes
    rows = [
        Row(
            call.name,
            {tier: frozenset(outcomes) for tier, outcomes in found[call.name].items()},
            reasons.get(call.name) or spec.inference.excluded.get(call.name, ""),
        )
        for call in sorted(calls, key=lambda call: call.name)
        if call.entry is not None
    ]
    known = {row.call: row for row in rows}
    for name in reasons:
        if name not in known or known[name].outcomes:
            what = "a spec reaches it" if name in known else "there is no such call"
            raise CallgateError(what, where=f"headers/{FILE}: {name}", hint="remove the row")
    return rows


def markdown(rows: Sequence[Row], tiers: Sequence[str]) -> str:
    """Return the page docs/coverage.md."""
    lines = [
        "# What the specs make the kernel do",
        "",
        "`ok`: the call succeeded at least once; names of errnos: it only ever failed, with these.",
        "",
        f"| | {' | '.join(tiers)} |",
        f"|---|{'---|' * len(tiers)}",
    ]
    for title, want in (("succeeds", OK), ("fails alone", "E"), ("is not reached", "")):
        counts = (sum(_state(row, tier) == want for row in rows) for tier in tiers)
        lines.append(f"| {title} | {' | '.join(map(str, counts))} |")
    lines += ["", f"| call | {' | '.join(tiers)} |", f"|---|{'---|' * len(tiers)}"]
    lines += [f"| {row.call} | {' | '.join(row.cell(tier) for tier in tiers)} |" for row in rows]
    return "\n".join([*lines, ""])


def _state(row: Row, tier: str) -> str:
    outcomes = row.outcomes.get(tier, frozenset())
    return OK if OK in outcomes else "E" if outcomes else ""
