"""Specs that a kind of machine cannot run: headers/gaps.toml, and which outcomes it excuses."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from callgate.errors import CallgateError
from callgate.verify.chance import ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from callgate.machines.model import Run
    from callgate.verify.tap import Result


@dataclass(frozen=True, slots=True)
class Gap:
    """One row: tests that fail or skip on some machines, and why. All but the reason are patterns.

    Patterns are the shell's (fnmatch): * and ? and [abc].
    """

    spec: str  # ex) "calls/sockets_spec.lua: sockets: hands descriptors over"
    reason: str
    tier: str = "*"  # ex) "user"
    run: str = "*"  # ex) "s390x-*"
    arch: str = "*"  # Debian's, ex) "mips*"
    jit: str = "*"  # "on" | "off"
    message: str = "*"  # of a failure, ex) "it did not end within*"
    sometimes: bool = False  # whether chance decides: in one of chance.ATTEMPTS it must pass
    seconds: int = 0  # that a file of specs gets there, where not the tier's: for what hangs

    def applies(self, run: Run) -> bool:
        """Tell whether it is about this kind of machine."""
        pairs = ((run.tier, self.tier), (run.name, self.run), (run.debian, self.arch))
        return all(fnmatchcase(value, pattern) for value, pattern in pairs)

    def names(self, result: Result) -> bool:
        """Tell whether it is about this test."""
        return fnmatchcase(result.test, self.spec) and fnmatchcase(result.jit, self.jit)

    def excuses(self, result: Result) -> bool:
        """Tell whether what such a test says of its failure is what it is about."""
        return result.outcome != "failed" or fnmatchcase(result.message, self.message)


KINDS = {"sometimes": bool, "seconds": int}  # of values; all others are text


@dataclass(frozen=True, slots=True)
class Judged:
    """The results of one run, by what they count as."""

    passed: int
    failed: tuple[str, ...]  # what fails the run; tests, and gaps that are none
    declared: tuple[tuple[str, str], ...]  # test and the declared reason
    skipped: tuple[tuple[str, str], ...]  # test and the reason that it gave


def load_gaps(path: Path) -> tuple[Gap, ...]:
    """Read the table; raises CallgateError naming the row and key that is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        message = f"cannot read the table of gaps: {error}"
        raise CallgateError(message, where=str(path)) from error
    known = [item.name for item in fields(Gap)]
    gaps = []
    for number, row in enumerate(table.get("gaps", []), 1):
        where = f"{path}: [[gaps]] number {number}"
        wrong = [f"unknown key {key!r}" for key in row if key not in known]
        wrong += [f"no {key!r}" for key in ("spec", "reason") if not row.get(key)]
        wrong += [
            f"{key}: expected {kind.__name__}, not {value!r}"
            for key, value in row.items()
            if type(value) is not (kind := KINDS.get(key, str))
        ]
        if wrong:
            raise CallgateError(", ".join(wrong), where=where, hint=f"keys: {', '.join(known)}")
        gaps.append(Gap(**row))
    return tuple(gaps)


def seconds(run: Run, jit: str, gaps: Sequence[Gap], usual: int) -> int:
    """Return how many seconds a file of specs gets on a machine, ``usual`` or what a gap says."""
    limits = [gap.seconds for gap in gaps if gap.seconds and gap.applies(run)
              and fnmatchcase(jit, gap.jit)]  # fmt: skip
    return min([usual, *limits])


def judge(run: Run, results: Sequence[Result], gaps: Sequence[Gap]) -> Judged:
    """Sort ``results``: a declared gap is excused, and one that passes or names no test fails.

    Of what chance decides they are the best of several attempts (chance.settle): a failure was one
    in all of them and is not excused; a pass with a message, that of a failure, counts as declared.
    """
    here = [gap for gap in gaps if gap.applies(run)]
    used: set[Gap] = set()
    passed, failed, declared, skipped = 0, [], [], []
    for result in results:
        found = [gap for gap in here if gap.names(result)]
        used.update(found)
        found = [gap for gap in found if gap.excuses(result)]
        found.sort(key=lambda gap: gap.sometimes)  # one that knows for certain decides
        certain = bool(found) and not found[0].sometimes
        if result.outcome == "passed" and certain:
            failed.append(f"{result}: it passes, but headers/gaps.toml declares: {found[0].reason}")
        elif certain or (found and result.outcome == "passed" and result.message):
            declared.append((str(result), found[0].reason))
        elif result.outcome == "passed":
            passed += 1
        elif result.outcome == "skipped":
            skipped.append((str(result), result.message))
        else:
            each = f" (in each of {ATTEMPTS} attempts)" if found else ""
            failed.append(f"{result}: {result.message}{each}")
    failed += [
        f"headers/gaps.toml: no test is called {gap.spec!r}" for gap in here if gap not in used
    ]
    return Judged(passed, tuple(failed), tuple(declared), tuple(skipped))
