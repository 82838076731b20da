"""``callgate verify --run``: which rows it runs, its report and its exit status."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callgate import paths
from callgate.commands import runs, verify
from callgate.errors import CallgateError
from callgate.machines.table import load_runs
from callgate.model import Abi, Constant, Location
from callgate.report import Reporter
from callgate.targets import load_targets
from callgate.verify.gaps import Judged
from callgate.verify.running import FAILED, LACKING, PASSED, Account, Proof

if TYPE_CHECKING:
    from callgate.machines.model import Run

SPECS = Judged(7, (), (("a_spec.lua: b (JIT on)", "no x"),), (("a_spec.lua: c", "no y"),))


def options(*names: str, **changes: object) -> argparse.Namespace:
    """Return the options as cli.py parses them."""
    values = {"targets": [*names], "all": False, "run": True, "tier": None, "strict": False,
              "shard": None, "jobs": None, **changes}  # fmt: skip
    return argparse.Namespace(**values)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Account]:
    """Let each run be what the dictionary says, else pass; return it, filled with those asked."""
    said: dict[str, Account] = {}

    def account(run: Run, _proof: Proof, *_: object, **__: object) -> Account:
        made = Account(run, PASSED, 1.0, "LuaJIT 2.1.7", "arm", True, 1000, 0, SPECS)
        said[run.name] = replace(said.get(run.name, made), run=run)
        return said[run.name]

    (tmp_path / "callgate").mkdir()
    (tmp_path / "callgate/init.lua").touch()
    monkeypatch.setattr(paths, "output_dir", lambda: tmp_path)
    monkeypatch.setattr(runs, "account", account)
    return said


def lacking() -> Account:
    """Return the account of what cannot run here."""
    run = load_runs(paths.data_dir("headers") / "runs.toml")["armhf-glibc"]
    return Account(run, LACKING, problems=("apt-get is not here",), hint="run it on Debian")


class TestChoice:
    """Which rows are run."""

    def test_default(self, ran: dict[str, Account]) -> None:
        """Without a name they are this processor's."""
        assert verify.run(options(), Reporter(quiet=True)) == 0
        assert ran
        assert {one.run.tier for one in ran.values()} == {"native"}

    def test_all(self, ran: dict[str, Account]) -> None:
        """--all is the whole table, and shards together are all of it, each row once."""
        table = load_runs(paths.data_dir("headers") / "runs.toml")
        for number in (1, 2, 3):
            before = set(ran)
            assert runs.run(options(all=True, shard=(number, 3)), Reporter(quiet=True)) == 0
            assert len(set(ran) - before) in (len(table) // 3, len(table) // 3 + 1)
        assert set(ran) == set(table)

    def test_target(self, ran: dict[str, Account]) -> None:
        """A target means all its runs, --tier those of one kind."""
        words = options("arm-linux-gnueabihf", tier="user")
        assert runs.run(words, Reporter(quiet=True)) == 0
        assert list(ran) == ["armhf-glibc"]

    @pytest.mark.usefixtures("ran")
    def test_unknown(self) -> None:
        """A wrong name is an error with the nearest."""
        with pytest.raises(CallgateError, match="no run of 'armhf-glib'"):
            runs.run(options("armhf-glib"), Reporter(quiet=True))

    def test_kernel_target(self) -> None:
        """A run's kernel facts are its own target's, on uClibc-ng glibc's of the same processor."""
        targets = load_targets(paths.data_dir("headers") / "targets.toml")
        own = targets["arm-linux-musleabihf"]
        assert runs.kernel_target(own, targets) == own
        found = runs.kernel_target(targets["arm-linux-uclibceabihf"], targets)
        assert found.name == "arm-linux-gnueabihf"

    def test_joined(self) -> None:
        """Of two models the kernel's headers of the first and the library's of the second stay."""

        def model(value: int) -> Abi:
            constants = tuple(
                Constant(
                    name, value, 4, signed=True, kind="macro", location=Location(unit, "a.h", 1)
                )
                for name, unit in (("K", "uapi"), ("K2", "uapi:linux/a.h"), ("L", "libc"))
            )
            return Abi(f"target {value}", "7.2.0", constants, (), (), (), (), (), (), ())

        found = runs.joined(model(1), model(2))
        assert [(item.name, item.value) for item in found.constants] == [
            ("K", 1),
            ("K2", 1),
            ("L", 2),
        ]
        assert found.target == "target 2"


class TestOutcome:
    """What is printed, and the exit status."""

    @pytest.mark.parametrize(
        ("states", "strict", "status"),
        [
            ([PASSED, PASSED], False, 0),
            ([PASSED, LACKING], False, 0),
            ([PASSED, LACKING], True, 1),
            ([PASSED, FAILED], False, 1),
            ([LACKING], False, 1),
            ([], True, 0),
        ],
    )
    def test_status(self, states: list[str], strict: bool, status: int) -> None:
        """A failure is 1, and so is nothing that ran, and with --strict what could not run."""
        found = [replace(lacking(), state=state) for state in states]
        assert runs.status(found, strict=strict) == status

    def test_lacking(self, ran: dict[str, Account], capsys: pytest.CaptureFixture[str]) -> None:
        """What cannot run here is listed with what it lacks and what mends it, not as passed."""
        ran["armhf-glibc"] = lacking()
        runs.run(options("arm-linux-gnueabihf", tier="user"), Reporter(quiet=True))
        out = capsys.readouterr().out
        assert "armhf-glibc: cannot run here, for want of: apt-get is not here\n" in out
        assert "  run it on Debian\n" in out
        assert "0 of 1 runs passed (0 facts, 0 tests), 0 failed, 1 cannot run here" in out
        assert max(map(len, out.splitlines())) <= 80

    @pytest.mark.usefixtures("ran")
    def test_report(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Skipped tests are counted by their reason, and the closing table fits 80 columns."""
        runs.run(options("armhf-glibc"), Reporter(quiet=True))
        out = capsys.readouterr().out
        assert "armhf-glibc: 1 skipped: no y\n" in out
        assert "1 of 1 runs passed (1,000 facts, 7 tests), 0 failed" in out
        assert max(map(len, out.splitlines())) <= 80

    @pytest.mark.usefixtures("ran")
    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """--json prints every number, gap and reason, and nothing else."""
        runs.run(options("armhf-glibc"), Reporter(json=True, quiet=True))
        (row,) = json.loads(capsys.readouterr().out)
        assert (row["run"], row["state"], row["checked"]) == ("armhf-glibc", PASSED, 1000)
        assert row["declared"] == {"a_spec.lua: b (JIT on)": "no x"}

    def test_no_library(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Without a library there is nothing to run, and what to do is said."""
        monkeypatch.setattr(paths, "output_dir", lambda: tmp_path)
        with pytest.raises(CallgateError, match="run `callgate generate` first"):
            runs.run(options(), Reporter(quiet=True))
