"""callgate ledger."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from callgate import cli, paths
from callgate.commands import ledger
from callgate.model import Abi, Constant, Location
from callgate.targets import load_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHERE = Location("uapi", "linux/test.h", 7)


def model(kernel: str, **constants: int) -> Abi:
    """Return a model of constants."""
    items = tuple(
        Constant(name, value, 4, signed=True, kind="macro", location=WHERE)
        for name, value in constants.items()
    )
    return Abi("x86_64-linux-gnu", kernel, items, (), (), (), (), (), (), ())


@pytest.fixture
def headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what sets the constants of today's headers; the ledger begins with A = 1."""
    data = paths.data_dir("headers")
    for name in ("targets.toml", "volatile.toml", "tombstones.toml"):
        shutil.copy(data / name, tmp_path)
    monkeypatch.setattr(paths, "data_dir", lambda _name: tmp_path)

    def set_today(kernel: str, **constants: int) -> None:
        today = {"x86_64": model(kernel, **constants)}
        monkeypatch.setattr(ledger, "_models", lambda *_: today)

    set_today("7.2.0", A=1)
    assert cli.main(["ledger", "--update"]) == 0
    return set_today


def test_holds(headers: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """A ledger that holds says so, with status 0."""
    headers("7.2.0", A=1)
    assert cli.main(["ledger"]) == 0
    assert "nothing is lost on x86_64: 1 constants" in capsys.readouterr().out


def test_break(headers: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """A changed value fails, names both values, and says what to do."""
    headers("7.3.0", A=2)
    assert cli.main(["ledger"]) == 1
    out = capsys.readouterr().out
    assert "linux/test.h: constant A: 1 -> 2: its value is another" in out
    assert "callgate ledger --update --reason" in out


def test_drift(headers: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """A new name fails until it is recorded."""
    headers("7.3.0", A=1, B=2)
    assert cli.main(["ledger"]) == 1
    assert "not up to date (1 new): callgate ledger --update" in capsys.readouterr().out
    assert cli.main(["ledger", "--update"]) == 0
    assert cli.main(["ledger"]) == 0


def test_update_of_a_break(
    headers: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An update without a reason writes nothing; with one it adds a tombstone."""
    headers("7.3.0")
    before = (tmp_path / "ledger/constants.txt").read_text(encoding="utf-8")
    assert cli.main(["ledger", "--update"]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert (tmp_path / "ledger/constants.txt").read_text(encoding="utf-8") == before
    assert cli.main(["ledger", "--update", "--reason", "dropped"]) == 0
    assert 'reason = "dropped"' in (tmp_path / "tombstones.toml").read_text(encoding="utf-8")
    assert "A 1@7.2.0" in (tmp_path / "ledger/constants.txt").read_text(encoding="utf-8")
    assert cli.main(["ledger"]) == 0


def test_json(headers: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the problems for programs, with the same status."""
    headers("7.3.0", A=2)
    capsys.readouterr()
    assert cli.main(["ledger", "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["problems"] == [
        {
            "kind": "constants",
            "name": "A",
            "header": "linux/test.h",
            "what": "changed",
            "old": "1",
            "new": "2",
            "architectures": [],
            "breaks": True,
        }
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--reason", "x"], "given with --update"), (["--update", "x86_64-linux-gnu"], "all archi")],
)
def test_usage(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A reason without an update, and an update of some targets, are refused."""
    assert cli.main(["ledger", *options]) == 1
    assert said in capsys.readouterr().err


def test_representatives() -> None:
    """One target stands for each architecture of the table."""
    targets = load_targets(paths.data_dir("headers") / "targets.toml")
    found = ledger.representatives(targets.values())
    assert set(found) == {target.arch for target in targets.values() if target.in_library}
    assert found["x86_64"].name == "x86_64-linux-gnu"
