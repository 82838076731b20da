"""``callgate verify``: its choice of targets, its report and its exit status."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.commands import verify
from callgate.errors import CallgateError
from callgate.model import Location
from callgate.report import Reporter
from callgate.verify.verification import Disagreement, Tally, Verification

if TYPE_CHECKING:
    from pathlib import Path

PLACE = Location("uapi", "linux/a.h", 3)
TALLY = Tally(Counter({("clang", "field", "uapi", "linux/a.h"): 1000}), Counter())
CLEAN = Verification("x86_64-linux-gnu", "7.2.0", ("clang",), ("clang",), TALLY, (), ())


def options(**changes: object) -> argparse.Namespace:
    """Return the options as cli.py parses them."""
    values = {"targets": [], "all": False, "run": False, "tier": None, "strict": False,
              "shard": None, "jobs": None, **changes}  # fmt: skip
    return argparse.Namespace(**values)


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Verification]:
    """Let the witnesses say what the list holds."""
    said = [CLEAN]
    (tmp_path / "callgate").mkdir()
    (tmp_path / "callgate/init.lua").touch()
    monkeypatch.setattr(paths, "output_dir", lambda: tmp_path)
    monkeypatch.setattr(verify, "parsed", lambda *_, **__: SimpleNamespace(failures=()))
    monkeypatch.setattr(verify, "verify_library", lambda *_, **__: said[0])
    return said


def wrong(count: int) -> Verification:
    """Return an outcome with ``count`` disagreements."""
    items = (Disagreement("field", f"f{n}", PLACE, "size", 1, 2, "clang") for n in range(count))
    return Verification("t", "7.2.0", ("clang",), ("clang",), TALLY, tuple(items), ())


class TestRun:
    """verify.run()."""

    @pytest.mark.usefixtures("outcome")
    def test_clean(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A clean outcome prints the counts and exits with 0."""
        assert verify.run(options(), Reporter(quiet=True)) == 0
        text = capsys.readouterr().out
        assert "1,000 facts, 1,000 answers of 1 witnesses, 0 excluded: 0 disagreements" in text
        assert max(map(len, text.splitlines()[:-1])) <= 80

    def test_disagreements(
        self, outcome: list[Verification], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Disagreements are printed, one a line up to a limit, and the status is 1."""
        outcome[0] = wrong(250)
        assert verify.run(options(), Reporter(quiet=True)) == 1
        text = capsys.readouterr().out
        assert "linux/a.h:3: field f0: size: the model has 1, clang 2\n" in text
        assert "and 50 more; --json lists them all" in text

    def test_json(self, outcome: list[Verification], capsys: pytest.CaptureFixture[str]) -> None:
        """With --json nothing but JSON is printed, and the status is the same."""
        outcome[0] = wrong(250)
        assert verify.run(options(), Reporter(json=True, quiet=True)) == 1
        (value,) = json.loads(capsys.readouterr().out)
        assert len(value["disagreements"]) == 250

    def test_no_library(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Without a library there is nothing to verify, and what to do is said."""
        monkeypatch.setattr(paths, "output_dir", lambda: tmp_path)
        with pytest.raises(CallgateError, match="run `callgate generate` first"):
            verify.run(options(), Reporter(quiet=True))

    @pytest.mark.parametrize("option", ["tier", "strict"])
    def test_options_of_run(self, option: str) -> None:
        """What only --run understands is an error without it."""
        with pytest.raises(CallgateError, match=f"--{option}: it goes with --run"):
            verify.run(options(**{option: "user"}), Reporter(quiet=True))

    @pytest.mark.usefixtures("outcome")
    def test_shard(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A shard is every N-th target, so shards together are all of them."""
        assert verify._share("abcdefg", (2, 3)) == "be"  # type: ignore[arg-type, comparison-overlap]
        shards = [verify._share("abcdefg", (n, 3)) for n in (1, 2, 3)]  # type: ignore[arg-type]
        assert sorted("".join(shards)) == list("abcdefg")  # type: ignore[arg-type]
        assert verify.run(options(shard=(2, 2)), Reporter(quiet=True)) == 0
        assert capsys.readouterr().out == ""
