"""What fails by chance: run again, and decided by the best of its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callgate.machines.model import Run
from callgate.verify.chance import ATTEMPTS, settle
from callgate.verify.gaps import Gap
from callgate.verify.tap import Result

if TYPE_CHECKING:
    from callgate.verify.chance import File, Ran

RUN = Run("mips64el-glibc", "mips64el-linux-gnuabi64", "user", "mips64el", "bookworm", "package")
CHANCE = Gap("*", "its compiler errs", jit="on", sometimes=True)
FILE = ("a_spec.lua", "on")


def failed(title: str, message: str = "why") -> Result:
    """Return a failure; of the file itself where it has no title."""
    return Result("a_spec.lua", title, "on", "failed", message)


def passed(title: str, message: str = "") -> Result:
    """Return a pass, after a failure where it has a message."""
    return Result("a_spec.lua", title, "on", "passed", message)


@dataclass
class Attempts:
    """Further attempts of FILE, each with the results that it gives."""

    results: list[list[Result]]
    asked: list[Sequence[File]] = field(default_factory=list)

    def __call__(self, files: Sequence[File]) -> Ran:
        """Run them again."""
        self.asked.append(files)
        return {file: self.results.pop(0) for file in files}


def settled(first: list[Result], *later: list[Result], gap: Gap = CHANCE) -> list[Result]:
    """Return what becomes of FILE; all attempts must be made."""
    attempts = Attempts([*later])
    found = settle(RUN, {FILE: first}, [gap], attempts)
    assert attempts.results == []
    return found


def test_passes_again() -> None:
    """A test that passes in a later attempt has passed, and says what it failed of."""
    found = settled([failed("x"), passed("y")], [passed("x"), passed("y")])
    assert found == [passed("x", "why"), passed("y")]


def test_another_fails() -> None:
    """What fails only in a later attempt has passed before."""
    assert settled([failed("x"), passed("y")], [passed("x"), failed("y")]) == [
        passed("x", "why"),
        passed("y"),
    ]


def test_never_passes() -> None:
    """What fails in every attempt has failed."""
    assert settled(*[[failed("x")]] * ATTEMPTS) == [failed("x")]


def test_breaks_off() -> None:
    """A file that hangs once is told, and the rest of its tests comes from another attempt."""
    hang = failed("", "it did not end within 60 s")
    found = settled([passed("x"), hang], [passed("x"), passed("y")])
    assert found == [passed("x"), passed("", hang.message), passed("y")]
    assert settled(*[[passed("x"), hang]] * ATTEMPTS) == [passed("x"), hang]


def test_breaks_off_before() -> None:
    """A test that the second attempt does not reach is decided by the third."""
    hang = failed("", "it did not end within 60 s")
    found = settled([failed("x")], [hang], [passed("x")])
    assert found == [passed("x", "why"), passed("", hang.message)]


def test_no_chance() -> None:
    """What no gap calls chance is not run again, nor mended by an attempt for another's sake."""
    assert settled([failed("x")], gap=Gap("*", "never", jit="on")) == [failed("x")]
    assert settled([failed("x")], gap=Gap("*", "elsewhere", run="arm*", sometimes=True)) == [
        failed("x")
    ]
    hangs = Gap("*", "it hangs", message="it did not end*", sometimes=True)
    hang = failed("", "it did not end within 60 s")
    found = settled([failed("x"), hang], [passed("x")], gap=hangs)
    assert found == [failed("x"), passed("", hang.message)]


def test_same_titles() -> None:
    """Two tests of one title stay two."""
    first = [failed("x", "one"), failed("x", "two")]
    found = settled(first, [failed("x"), passed("x")], [passed("x"), failed("x")])
    assert found == [passed("x", "why"), passed("x", "two")]


def test_only_what_is_doubtful() -> None:
    """Of several files those alone run again that chance may have decided."""
    attempts = Attempts([[passed("x")]])
    other = ("b_spec.lua", "on")
    ran = {FILE: [failed("x")], other: [passed("z")]}
    assert len(settle(RUN, ran, [CHANCE], attempts)) == 2
    assert attempts.asked == [[FILE]]
