"""Specs that a gap says fail by chance: run again, since what fails each time is no chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from callgate.machines.model import Run
    from callgate.verify.gaps import Gap
    from callgate.verify.tap import Result

    File = tuple[str, str]  # of specs, ex) "calls/files_spec.lua", and the mode of the compiler
    Ran = Mapping[File, Sequence[Result]]

ATTEMPTS = 4  # in all; LuaJIT's chances are one in ten, and a machine has 80 files


def settle(
    run: Run, ran: Ran, gaps: Sequence[Gap], again: Callable[[Sequence[File]], Ran]
) -> list[Result]:
    """Return the results of ``ran``, with what gaps call chance decided by further attempts.

    ``again`` runs files once more. A test counts as it did in its best attempt, and keeps the
    message of its first failure.
    """
    chancy = [gap for gap in gaps if gap.sometimes and gap.applies(run)]
    found = dict(ran)
    for _ in range(ATTEMPTS - 1):
        doubtful = [
            file
            for file, results in found.items()
            if any(_is_doubtful(result, chancy) for result in results)
        ]
        if not doubtful:
            break
        for file, results in again(doubtful).items():
            found[file] = _best(found[file], results, chancy)
    return [result for results in found.values() for result in results]


def _is_doubtful(result: Result, chancy: Sequence[Gap]) -> bool:
    return result.outcome == "failed" and any(
        gap.names(result) and gap.excuses(result) for gap in chancy
    )


def _best(before: Sequence[Result], after: Sequence[Result], chancy: Sequence[Gap]) -> list[Result]:
    """Return each test of both attempts once."""
    now = _numbered(after)
    best = []
    for test, result in _numbered(before).items():
        new = now.pop(test, None)
        if not _is_doubtful(result, chancy):
            best.append(result)
        elif new is not None:
            best.append(new if new.outcome == "failed" else replace(new, message=result.message))
        elif result.title:
            best.append(result)  # the file broke off before it
        else:
            best.append(replace(result, outcome="passed"))  # the file did not break off
    return [*best, *now.values()]


def _numbered(results: Sequence[Result]) -> dict[tuple[str, int], Result]:
    """Return results by title and number, as two tests may share a title."""
    seen: Counter[str] = Counter()
    found = {}
    for result in results:
        seen[result.title] += 1
        found[result.title, seen[result.title]] = result
    return found
