"""What a spec's process printed, as results."""

from __future__ import annotations

import pytest

from callgate.machines.model import Job, Outcome
from callgate.verify.tap import Result, results

GOOD = "ok 1 - a: works\nok 2 - a: rests # SKIP no device\n1..2\n# 1 passed, 0 failed, 1 skipped\n"
BAD = (
    "ok 1 - a: works\nnot ok 2 - a: fails\n  # x.lua:3: expected 1, got 2\n  # more\n"
    "  # stack traceback:\n  # \t[C]: in f\nok 3 - a: goes on\n1..3\n"
)


def outcome(stdout: str, status: int | None = 0, stderr: str = "") -> Outcome:
    """Return what came of a spec's job."""
    return Outcome(Job("a", ("luajit",), seconds=9), status, stdout, stderr, 0.1)


def test_all() -> None:
    """Passed and skipped tests come with their titles, skipped ones with the reason."""
    assert results("a_spec.lua", "on", outcome(GOOD)) == [
        Result("a_spec.lua", "a: works", "on", "passed"),
        Result("a_spec.lua", "a: rests", "on", "skipped", "no device"),
    ]


def test_failed() -> None:
    """A failed test says why, without the traceback, and the others still count."""
    found = results("a_spec.lua", "off", outcome(BAD, 1))
    assert [item.outcome for item in found] == ["passed", "failed", "passed"]
    assert found[1].message == "x.lua:3: expected 1, got 2\nmore"
    assert str(found[1]) == "a_spec.lua: a: fails (JIT off)"


@pytest.mark.parametrize(
    ("said", "status", "errors", "why"),
    [
        ("ok 1 - a: works\n", -11, "", "it was ended by SIGSEGV after 'a: works'"),
        ("", -4, "illegal", "it was ended by SIGILL: illegal"),
        ("", None, "", "it did not end within 9 s"),
        ("", 1, "no such file", "it broke off with exit status 1: no such file"),
        (GOOD, 3, "at exit", "it broke off with exit status 3: at exit"),
    ],
)
def test_broken_off(said: str, status: int | None, errors: str, why: str) -> None:
    """A process that breaks off is a failure of its file, whatever passed before."""
    found = results("a_spec.lua", "on", outcome(said, status, errors))
    assert found[-1] == Result("a_spec.lua", "", "on", "failed", why)
    assert all(item.outcome != "failed" for item in found[:-1])
