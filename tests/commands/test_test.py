"""callgate test."""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path

import pytest

from callgate import cli, paths, tools
from callgate.commands import test as command
from callgate.commands.test import Step
from callgate.report import Reporter


def test_outside_a_checkout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An installed package says that the tests are part of the checkout."""
    monkeypatch.setattr(paths, "checkout", lambda: None)
    assert cli.main(["test"]) == 1
    assert "part of the checkout" in capsys.readouterr().err


def test_missing_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user who may not install is told what is missing and the command that installs it."""
    monkeypatch.setattr(tools, "missing_packages", lambda: ["strace", "lua-check"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main(["test"]) == 1
    err = capsys.readouterr().err
    assert "the tests need the Debian packages strace, lua-check" in err
    assert "sudo apt-get install -y strace lua-check" in err


def _step(code: str, *, name: str = "pytest", seconds: int = 60) -> Step:
    return Step(name, "a step", (sys.executable, "-c", code), seconds)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout where nothing is missing."""
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path)
    monkeypatch.setattr(tools, "missing_packages", list)
    return tmp_path


def test_steps() -> None:
    """Linters and types come first and pytest last; --fast leaves out what is slow."""
    names = [step.name for step in command._steps(fast=False)]
    assert names == ["ruff", "ruff", "mypy", "luacheck", "pytest"]
    fast = command._steps(fast=True)
    assert [step.name for step in fast] == ["ruff", "ruff", "luacheck", "pytest"]
    assert fast[-1].command[-2:] == ("-m", "not slow")


@pytest.mark.usefixtures("checkout")
def test_closing_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A failing step does not stop the others and fails the run; its end is printed again.

    pytest's closing line is the last one.
    """
    steps = [
        _step("print('unused import'); raise SystemExit(1)", name="ruff"),
        _step("print('dots'); print(); print('=== 3 passed ==='); print()"),
    ]
    monkeypatch.setattr(command, "_steps", lambda *, fast: steps[fast:])
    assert cli.main(["test"]) == 1
    out, err = capsys.readouterr()
    again = "failed: ruff a step; the end of its output:\n    unused import\n"
    assert out == f"unused import\ndots\n\n{again}=== 3 passed ===\n"
    assert "failed: ruff a step" in err
    assert cli.main(["test", "--fast"]) == 0


def test_time_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A step that takes too long is ended with all its children, and says so in its last line."""
    child = "import subprocess, sys; print('begun', flush=True); subprocess.run(['sleep', '600'])"
    start = time.monotonic()
    report = Reporter(stream=io.StringIO())
    status, last, tail = command._run(_step(child, seconds=1), tmp_path, report)
    assert (status, last) == (1, "pytest a step took more than 1 s and was ended")
    assert tail == ["begun"]
    assert capsys.readouterr().out == "begun\n"
    assert time.monotonic() - start < 60
