"""The output of tests/lua/runner.lua: Test Anything Protocol, version 12."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callgate.machines.model import Outcome

RESULT = re.compile(r"^(ok|not ok) \d+ - (.*?)(?: # SKIP (.*))?$")
PLAN = re.compile(r"^1\.\.\d+$", re.MULTILINE)
SAID = 2000  # characters of a program's errors that are kept


@dataclass(frozen=True, slots=True)
class Result:
    """One test of a spec file, or the file itself when it broke off."""

    spec: str  # ex) "calls/files_spec.lua"
    title: str  # ex) "files: opens with a mode"; "" for the file
    jit: str  # "on" | "off"
    outcome: str  # "passed" | "failed" | "skipped"
    message: str = ""  # why it failed (one that passed: in an earlier attempt) or was skipped

    @property
    def test(self) -> str:
        """Return what headers/gaps.toml calls it: file and title, or the file alone."""
        return f"{self.spec}: {self.title}" if self.title else self.spec

    def __str__(self) -> str:
        """Return file, title and compiler, for people."""
        return f"{self.test} (JIT {self.jit})"


def results(spec: str, jit: str, outcome: Outcome) -> list[Result]:
    """Return the tests that a spec's process reported; one more if it broke off."""
    found: list[Result] = []
    lines = outcome.stdout.splitlines()
    for number, line in enumerate(lines):
        match = RESULT.match(line)
        if match is None:
            continue
        if match[1] == "ok":
            kind = "passed" if match[3] is None else "skipped"
            found.append(Result(spec, match[2], jit, kind, match[3] or ""))
        else:
            found.append(Result(spec, match[2], jit, "failed", _message(lines, number + 1)))
    if not PLAN.search(outcome.stdout):
        after = f" after {found[-1].title!r}" if found else ""
        found.append(Result(spec, "", jit, "failed", f"{_ending(outcome)}{after}"))
    elif outcome.status != 0 and all(item.outcome != "failed" for item in found):
        found.append(Result(spec, "", jit, "failed", _ending(outcome)))
    return found


def _message(lines: list[str], number: int) -> str:
    """Return what stands below a failed test, without LuaJIT's traceback."""
    said = []
    for line in lines[number:]:
        if not line.startswith("  # ") or line.startswith("  # stack traceback"):
            break
        said.append(line.removeprefix("  # "))
    return "\n".join(said)


def _ending(outcome: Outcome) -> str:
    errors = outcome.stderr.strip()[-SAID:]
    if outcome.status is None:
        how = f"it did not end within {outcome.job.seconds} s"
    elif outcome.status < 0:
        how = f"it was ended by {signal.Signals(-outcome.status).name}"
    else:
        how = f"it broke off with exit status {outcome.status}"
    return f"{how}: {errors}" if errors else how
