"""Showing and saving what came of a verification."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from callgate.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from callgate.verify.verification import Disagreement, Verification

FILE = "verified.json"  # beside the library


def table(found: Verification) -> tuple[tuple[str, ...], list[tuple[str, ...]], tuple[str, ...]]:
    """Return header, rows and footer: facts by kind and witness, and how many are excluded."""
    columns = found.witnesses
    kinds = _kinds(found)
    rows = [
        (
            kind,
            *(_number(_count(found.tally.checked, name, kind)) for name in columns),
            _number(_count(found.tally.excluded, None, kind)),
        )
        for kind in kinds
    ]
    totals = (*(_number(found.checked(name)) for name in columns), _number(found.excluded()))
    return ("kind of fact", *columns, "excluded"), rows, ("all", *totals)


def summary(
    found: Sequence[Verification],
) -> tuple[tuple[str, ...], list[tuple[str, ...]], tuple[str, ...]]:
    """Return header, rows and footer: what came of each target."""

    def numbers(outcomes: Sequence[Verification]) -> tuple[str, ...]:
        counts = (
            sum(item.checked() for item in outcomes),
            sum(item.excluded() for item in outcomes),
            sum(len(item.disagreements) for item in outcomes),
        )
        return tuple(f"{count:,}" for count in counts)

    rows = [(item.target, ", ".join(item.witnesses), *numbers([item])) for item in found]
    footer = (f"{len(found)} targets", "", *numbers(found))
    return ("target", "witnesses", "checks", "excluded", "disagreed"), rows, footer


def data(found: Verification) -> dict[str, Any]:
    """Return everything as plain JSON values, for ``--json``."""
    names = found.witnesses
    headers: dict[str, dict[str, int]] = {}
    for (witness, _, unit, header), count in sorted(found.tally.checked.items()):
        row = headers.setdefault(f"{unit}/{header}", {})
        row[witness] = row.get(witness, 0) + count
    return {
        "target": found.target,
        "kernel": found.kernel,
        "clean": found.clean,
        "checked": found.checked(),
        "excluded": found.excluded(),
        "witnesses": {
            name: {"checked": found.checked(name), "excluded": found.excluded(name)}
            for name in names
        },
        "kinds": {
            kind: {
                "checked": {name: _count(found.tally.checked, name, kind) for name in names},
                "excluded": _count(found.tally.excluded, None, kind),
            }
            for kind in _kinds(found)
        },
        "headers": headers,
        "disagreements": [_disagreement(item) for item in found.disagreements],
        "unused_exclusions": [str(item) for item in found.unused],
    }


def saved(found: Verification) -> str:
    """Return the text of verified.json: the same on every machine for the same library.

    It counts the witnesses that testify everywhere; a gcc that happens to be installed is none.
    """
    checked: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    excluded = 0
    for (witness, kind, unit, header), count in found.tally.checked.items():
        if witness in found.always:
            checked[f"{unit}/{header}"] += count
            kinds[kind] += count
    for (witness, *_), count in found.tally.excluded.items():
        excluded += count if witness in found.always else 0
    value = {
        "target": found.target,
        "kernel": found.kernel,
        "witnesses": list(found.always),
        "checked": sum(kinds.values()),
        "excluded": excluded,
        "kinds": dict(sorted(kinds.items())),
        "headers": dict(sorted(checked.items())),
    }
    return json.dumps(value, indent=1) + "\n"


def save(found: Verification, library: Path) -> None:
    """Write verified.json beside the library unless it is there already."""
    text = saved(found)
    path = library / FILE
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return
    with atomic_file(path) as fresh:
        fresh.write_text(text, encoding="utf-8", newline="\n")


def _disagreement(item: Disagreement) -> dict[str, Any]:
    return {
        "where": str(item.location),
        "unit": item.location.unit,
        "kind": item.kind,
        "name": item.name,
        "fact": item.fact or None,
        "model": item.expected,
        "answer": item.answer,
        "witness": item.witness,
    }


def _kinds(found: Verification) -> list[str]:
    keys = [*found.tally.checked, *found.tally.excluded]
    return list(dict.fromkeys(kind for _, kind, _, _ in sorted(keys)))


def _count(counts: Counter[tuple[str, str, str, str]], witness: str | None, kind: str) -> int:
    return sum(n for key, n in counts.items() if witness in (None, key[0]) and kind == key[1])


def _number(count: int) -> str:
    return f"{count:,}" if count else ""
