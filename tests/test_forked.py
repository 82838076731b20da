"""Tests of callgate.forked."""

from __future__ import annotations

import os

import pytest

from callgate.errors import CallgateError
from callgate.forked import Forked


def test_result() -> None:
    """The work is done in another process, which has what this one has, and its result comes."""
    here = {"a": 1}
    worker = Forked(lambda: (here["a"] + 1, os.getpid()))
    value, process = worker.result()
    assert value == 2
    assert process != os.getpid()


def test_error() -> None:
    """An error for people is raised here with all its parts."""

    def work() -> None:
        raise CallgateError("broken", where="x.h:3", hint="mend it")

    with pytest.raises(CallgateError) as caught:
        Forked(work).result()
    assert (caught.value.what, caught.value.where, caught.value.hint) == (
        "broken", "x.h:3", "mend it",
    )  # fmt: skip


def test_death() -> None:
    """A process that dies is said to have died, with its status."""
    with pytest.raises(CallgateError, match="status 3"):
        Forked(lambda: os._exit(3)).result()


def test_mistake(capfd: pytest.CaptureFixture[str]) -> None:
    """A mistake in the program is shown where it happened, and is an error here."""
    with pytest.raises(CallgateError, match="died"):
        Forked(lambda: 1 // 0).result()
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_waiting() -> None:
    """One can look whether it has ended without waiting for it."""
    begin, go = os.pipe()
    worker = Forked(lambda: os.read(begin, 1))
    assert not worker.has_ended(0)
    os.write(go, b"x")
    assert worker.result() == b"x"
    os.close(begin)
    os.close(go)
